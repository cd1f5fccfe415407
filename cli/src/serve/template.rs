//! Values with templates in them: a text that is one `{{ expression }}` becomes the expression's
//! value, with its type; any other text with `{{ … }}` stays a text.

use std::sync::LazyLock;

use minijinja::{Environment, Error, ErrorKind, UndefinedBehavior, Value as Jinja, context};
use nest_wire::json::{JsString, Object, Value};

use super::jinja::{from_jinja, to_jinja};

/// A value that is made anew for each request.
#[derive(Debug)]
pub(super) enum Template {
    Literal(Value),
    /// The text between `{{` and `}}`.
    Expression(String),
    Text(String),
    Array(Vec<Template>),
    Object(Vec<(JsString, Template)>),
}

/// What templates know of a request.
pub(super) struct Known<'r> {
    pub(super) data: Option<&'r Value>,
    pub(super) metadata: Option<&'r Value>,
    pub(super) pattern: Option<&'r Value>,
    /// How often the rule has run, with this time.
    pub(super) n: u64,
}

/// The filters that a message names, if one is unknown.
const FILTERS: &str = "abs, default, first, int, float, join, last, length, lower, max, min, replace, reverse, round, \
                       sort, sum, tojson, trim, unique, upper";
const NAMES: [&str; 4] = ["data", "metadata", "pattern", "n"];

static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Chainable);
    environment.set_formatter(|out, _, value| {
        let text = match (value.as_str(), from_jinja(value)?) {
            (Some(text), _) => text.to_owned(),
            (None, Some(value)) => value.stringify(),
            (None, None) => String::new(),
        };
        out.write_str(&text)
            .map_err(|_| Error::new(ErrorKind::WriteFailure, "no room"))
    });
    environment
});

impl Template {
    /// Reads a value of a rule.
    ///
    /// # Errors
    /// What is wrong with one of its templates.
    pub(super) fn new(value: &Value) -> Result<Self, String> {
        Ok(match value {
            Value::String(text) => match text.as_str() {
                Some(text) if text.contains("{{") || text.contains("{%") => Self::of_text(text)?,
                _ => Self::Literal(value.clone()),
            },
            Value::Array(elements) => Self::Array(elements.iter().map(Self::new).collect::<Result<_, _>>()?),
            Value::Object(members) => {
                let member = |(key, value): (&JsString, &Value)| Ok((key.clone(), Self::new(value)?));
                Self::Object(members.iter().map(member).collect::<Result<_, String>>()?)
            }
            other => Self::Literal(other.clone()),
        })
    }

    fn of_text(text: &str) -> Result<Self, String> {
        check_filters(text)?;
        if let Some(expression) = whole(text) {
            let compiled = ENVIRONMENT
                .compile_expression(expression)
                .map_err(|error| words(&error))?;
            check_names(compiled.undeclared_variables(false))?;
            return Ok(Self::Expression(expression.to_owned()));
        }
        let template = ENVIRONMENT.template_from_str(text).map_err(|error| words(&error))?;
        check_names(template.undeclared_variables(false))?;
        Ok(Self::Text(text.to_owned()))
    }

    /// Returns the value for a request, or `None` for JavaScript's undefined.
    ///
    /// # Errors
    /// What an expression cannot do with this request.
    pub(super) fn render(&self, known: &Known<'_>) -> Result<Option<Value>, String> {
        if let Self::Literal(value) = self {
            return Ok(Some(value.clone()));
        }
        let context = context! {
            data => to_jinja(known.data)?,
            metadata => to_jinja(known.metadata)?,
            pattern => to_jinja(known.pattern)?,
            n => known.n,
        };
        self.render_with(&context).map_err(|error| words(&error))
    }

    fn render_with(&self, context: &Jinja) -> Result<Option<Value>, Error> {
        Ok(match self {
            Self::Literal(value) => Some(value.clone()),
            Self::Expression(expression) => {
                let value = ENVIRONMENT.compile_expression(expression)?.eval(context.clone())?;
                from_jinja(&value)?
            }
            Self::Text(text) => Some(ENVIRONMENT.render_str(text, context.clone())?.into()),
            // In an array, `JSON.stringify` writes null for undefined; in an object it omits the member.
            Self::Array(elements) => {
                let element = |element: &Self| Ok(element.render_with(context)?.unwrap_or_default());
                let elements: Vec<Value> = elements.iter().map(element).collect::<Result<_, Error>>()?;
                Some(elements.into())
            }
            Self::Object(members) => {
                let mut object = Object::new();
                for (key, member) in members {
                    if let Some(value) = member.render_with(context)? {
                        object.insert(key.clone(), value);
                    }
                }
                Some(object.into())
            }
        })
    }
}

/// Returns the expression of a text that is one `{{ expression }}`.
fn whole(text: &str) -> Option<&str> {
    let inner = text.strip_prefix("{{")?.strip_suffix("}}")?;
    let code = without_texts(inner);
    (!code.contains("{{") && !code.contains("}}")).then_some(inner)
}

/// Returns code with spaces in place of the texts in quotes.
fn without_texts(code: &str) -> String {
    let mut quote = None;
    let mut is_escaped = false;
    let blank = |character: char| {
        let is_text = quote.is_some();
        match quote {
            Some(_) if is_escaped => is_escaped = false,
            Some(_) if character == '\\' => is_escaped = true,
            Some(open) if character == open => quote = None,
            None if matches!(character, '"' | '\'') => quote = Some(character),
            _ => {}
        }
        if is_text { ' ' } else { character }
    };
    code.chars().map(blank).collect()
}

/// Minijinja looks filters up when they run: by then a service would be running, too.
fn check_filters(text: &str) -> Result<(), String> {
    for part in text.split("{{").skip(1).chain(text.split("{%").skip(1)) {
        let code = without_texts(part);
        let code = code.split(['}', '%']).next().unwrap_or_default();
        for filter in code.split('|').skip(1) {
            let is_name = |character: &char| character.is_alphanumeric() || *character == '_';
            let name: String = filter.trim_start().chars().take_while(is_name).collect();
            let found = ENVIRONMENT.empty_state().apply_filter(&name, &[]);
            if !name.is_empty() && found.is_err_and(|error| error.kind() == ErrorKind::UnknownFilter) {
                return Err(format!(
                    "unknown filter {name}; there are {FILTERS} and others of Jinja"
                ));
            }
        }
    }
    Ok(())
}

fn check_names(names: impl IntoIterator<Item = String>) -> Result<(), String> {
    let is_known =
        |name: &String| NAMES.contains(&name.as_str()) || ENVIRONMENT.globals().any(|(global, _)| global == name);
    match names.into_iter().find(|name| !is_known(name)) {
        Some(name) => Err(format!("unknown name {name}; there are {}", NAMES.join(", "))),
        None => Ok(()),
    }
}

fn words(error: &Error) -> String {
    match error.detail() {
        Some(detail) => format!("template: {}: {detail}", error.kind()),
        None => format!("template: {}", error.kind()),
    }
}

#[cfg(test)]
mod tests {
    use nest_wire::json::parse;

    use super::*;

    fn rendered(template: &str, data: &str) -> Result<String, String> {
        let template = Template::new(&parse(template).expect("JSON"))?;
        let data = parse(data).expect("JSON");
        let known = Known {
            data: Some(&data),
            metadata: None,
            pattern: Some(&"sum".into()),
            n: 3,
        };
        let value = template.render(&known)?;
        Ok(value.map_or_else(|| "undefined".to_owned(), |value| value.stringify()))
    }

    #[test]
    fn an_expression_has_its_type_and_all_else_is_text() {
        for (template, data, expected) in [
            (r#""{{ data | sum }}""#, "[1,2.5,3]", "6.5"),
            (r#""{{ data | sum }}""#, "[1,2]", "3"),
            (
                r#""{{ data }}""#,
                r#"{"b":1,"a":[null,true,"x"]}"#,
                r#"{"b":1,"a":[null,true,"x"]}"#,
            ),
            (r#""no user {{ data.id }}""#, r#"{"id":7}"#, r#""no user 7""#),
            (
                r#""{{ data.id }} of {{ pattern }}""#,
                r#"{"id":{"a":1}}"#,
                r#""{\"a\":1} of sum""#,
            ),
            (
                r#"{"n":"{{ n }}","gone":"{{ data.gone.deeper }}","all":["{{ data.gone }}"]}"#,
                "{}",
                r#"{"n":3,"all":[null]}"#,
            ),
            (r#""{{ data.gone }}""#, "{}", "undefined"),
            (r#""{{ '}}' }}""#, "0", r#""}}""#),
            (r#""{{ data / 2 }}""#, "6", "3"),
            (r#""plain""#, "0", r#""plain""#),
        ] {
            assert_eq!(rendered(template, data).as_deref(), Ok(expected), "{template}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_template_is_said_when_it_is_read() {
        for (template, expected) in [
            (r#""{{ data | summ }}""#, "unknown filter summ; there are abs"),
            (
                r#""{% if n %}{{ n | nope }}{% endif %}""#,
                "unknown filter nope; there are abs",
            ),
            (
                r#""{{ dat }}""#,
                "unknown name dat; there are data, metadata, pattern, n",
            ),
            (r#""{{ data | }}""#, "template: syntax error"),
            (r#""a {{ data""#, "template: syntax error"),
        ] {
            let error = Template::new(&parse(template).expect("JSON")).expect_err(template);
            assert!(error.starts_with(expected), "{template}: {error}");
        }
    }

    #[test]
    fn what_an_expression_cannot_do_is_an_error_of_the_call() {
        assert!(rendered(r#""{{ data | sum }}""#, r#"{"a":1}"#).is_err());
    }
}
