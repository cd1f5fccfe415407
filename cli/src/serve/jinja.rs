//! JavaScript's values as those of templates, and back.

use minijinja::{
    Error, ErrorKind,
    value::{Value as Jinja, ValueKind},
};
use nest_wire::json::{Object, Value};

/// Maximum depth of values that templates look at: both directions recurse.
const MAX_DEPTH: usize = 128;

/// Returns a value for templates. `None` is undefined.
///
/// # Errors
/// The value is nested too deeply.
pub(super) fn to_jinja(value: Option<&Value>) -> Result<Jinja, String> {
    match value {
        None => Ok(Jinja::UNDEFINED),
        Some(value) => convert(value, MAX_DEPTH)
            .ok_or_else(|| format!("the request is nested deeper than {MAX_DEPTH}, too deep for templates")),
    }
}

fn convert(value: &Value, depth: usize) -> Option<Jinja> {
    let depth = depth.checked_sub(1)?;
    Some(match value {
        Value::Null => Jinja::from(()),
        Value::Bool(flag) => Jinja::from(*flag),
        Value::Number(number) => number_of(*number),
        Value::String(text) => Jinja::from(text.to_string_lossy().into_owned()),
        Value::Array(elements) => {
            let elements: Option<Vec<Jinja>> = elements.iter().map(|element| convert(element, depth)).collect();
            Jinja::from(elements?)
        }
        Value::Object(members) => {
            let member = |(key, value)| -> Option<(String, Jinja)> { Some((key_text(key), convert(value, depth)?)) };
            let members: Option<Vec<(String, Jinja)>> = members.iter().map(member).collect();
            Jinja::from_pairs(members?)
        }
    })
}

fn key_text(key: &nest_wire::json::JsString) -> String {
    key.to_string_lossy().into_owned()
}

/// JavaScript has one kind of number. Whole ones become integers, so that `range` and indices take
/// them.
fn number_of(number: f64) -> Jinja {
    const MAX_SAFE: f64 = 9_007_199_254_740_991.0;
    match number.fract() == 0.0 && number.abs() <= MAX_SAFE {
        true => Jinja::from(number as i64),
        false => Jinja::from(number),
    }
}

/// Returns the value of an expression, or `None` for undefined.
///
/// # Errors
/// It is something that JSON has no form for.
pub(super) fn from_jinja(value: &Jinja) -> Result<Option<Value>, Error> {
    back(value, MAX_DEPTH)
}

fn back(value: &Jinja, depth: usize) -> Result<Option<Value>, Error> {
    let no = |reason: &'static str| Error::new(ErrorKind::BadSerialization, reason);
    let depth = depth.checked_sub(1).ok_or_else(|| no("nested too deeply"))?;
    Ok(Some(match value.kind() {
        ValueKind::Undefined => return Ok(None),
        ValueKind::None => Value::Null,
        ValueKind::Bool => Value::Bool(value.is_true()),
        ValueKind::Number => f64::try_from(value.clone())?.into(),
        ValueKind::String => value.as_str().unwrap_or_default().into(),
        ValueKind::Seq | ValueKind::Iterable => {
            let elements: Result<Vec<Value>, Error> = value
                .try_iter()?
                .map(|element| Ok(back(&element, depth)?.unwrap_or_default()))
                .collect();
            elements?.into()
        }
        ValueKind::Map => {
            let mut object = Object::new();
            for key in value.try_iter()? {
                if let Some(member) = back(&value.get_item(&key)?, depth)? {
                    object.insert(key.to_string(), member);
                }
            }
            object.into()
        }
        _ => return Err(no("JSON has no form for this")),
    }))
}
