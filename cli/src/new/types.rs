//! Rust types of shapes.

use std::fmt::Write;

use super::{
    names::{Names, camel, snake},
    shape::{Members, Number, Object, Shape, Text},
};

/// The type of any JSON. Not that of nest-wire, which cannot stand in an untagged enum: serde gives
/// its variants no text to read.
pub(super) const ANY: &str = "serde_json::Value";

/// The definitions of the types of a project.
pub(super) struct Types {
    names: Names,
    /// The text of `types.rs` so far.
    pub(super) text: String,
}

impl Types {
    pub(super) fn new() -> Self {
        // Names that the text of the definitions uses.
        let names = Names::taken(&[
            "Option",
            "Vec",
            "String",
            "Debug",
            "Clone",
            "Serialize",
            "Deserialize",
            "Some",
            "None",
        ]);
        let text = String::new();
        Self { names, text }
    }

    /// Returns the type of a shape, and defines what it needs under names that begin with `name`.
    /// `prefix` is the path to the definitions.
    pub(super) fn of(&mut self, shape: &Shape, name: &str, prefix: &str) -> String {
        let bare = self.without_null(shape, name, prefix);
        match shape.is_null && bare != ANY {
            true => format!("Option<{bare}>"),
            false => bare,
        }
    }

    fn without_null(&mut self, shape: &Shape, name: &str, prefix: &str) -> String {
        // Serde cannot tell a `Buffer` from an object with the same members and more.
        if shape.is_any || (shape.is_buffer && shape.object.is_some()) {
            return ANY.to_owned();
        }
        let mut variants = scalars(shape);
        let kinds = variants.len() + usize::from(shape.array.is_some()) + usize::from(shape.object.is_some());
        if kinds < 2 {
            return match (&shape.array, &shape.object, variants.pop()) {
                (Some(items), ..) => self.list(items, name, prefix),
                (_, Some(object), _) => self.object(object, name, prefix),
                (.., Some((_, of))) => of.to_owned(),
                (None, None, None) => ANY.to_owned(),
            };
        }
        // Its name is taken first: the types of its variants are named after it.
        let union = self.names.take(&camel(name, "Type"));
        let mut variants: Vec<(&str, String)> = variants.into_iter().map(|(kind, of)| (kind, of.to_owned())).collect();
        // Definitions stand in one module, so they name one another without a path. A list comes before
        // an object, which serde reads from a list too.
        if let Some(items) = &shape.array {
            variants.push(("List", self.list(items, name, "")));
        }
        if let Some(object) = &shape.object {
            variants.push(("Object", self.object(object, &format!("{name} object"), "")));
        }
        self.union(&union, &variants);
        format!("{prefix}{union}")
    }

    fn list(&mut self, items: &Shape, name: &str, prefix: &str) -> String {
        format!("Vec<{}>", self.of(items, &format!("{name} item"), prefix))
    }

    fn union(&mut self, name: &str, variants: &[(&str, String)]) {
        let variants = variants.iter().map(|(variant, of)| format!("    {variant}({of}),\n"));
        let variants: String = variants.collect();
        let _ = write!(
            self.text,
            "\n#[derive(Debug, Clone, Serialize, Deserialize)]\n#[serde(untagged)]\npub enum {name} {{\n{variants}}}\n"
        );
    }

    fn object(&mut self, object: &Object, name: &str, prefix: &str) -> String {
        let members = match object.members() {
            Members::Map(values) => {
                let of = self.of(&values, &format!("{name} value"), prefix);
                return format!("std::collections::BTreeMap<String, {of}>");
            }
            Members::Struct(members) => members,
        };
        let type_name = self.names.take(&camel(name, "Type"));
        let mut fields = Names::default();
        let mut text = String::new();
        for (member, is_always_there, shape) in members {
            let field = fields.take(&snake(member, "member"));
            let of = self.of(shape, &format!("{name} {member}"), "");
            let (of, optional) = member_type(of, is_always_there, shape.is_null);
            let rename = (field != member).then(|| format!("rename = {}", literal(member)));
            let attributes: Vec<String> = rename.into_iter().chain(optional.map(str::to_owned)).collect();
            if !attributes.is_empty() {
                let _ = writeln!(text, "    #[serde({})]", attributes.join(", "));
            }
            let _ = writeln!(text, "    pub {field}: {of},");
        }
        let body = if text.is_empty() {
            " {}".to_owned()
        } else {
            format!(" {{\n{text}}}")
        };
        let _ = write!(
            self.text,
            "\n#[derive(Debug, Clone, Serialize, Deserialize)]\npub struct {type_name}{body}\n"
        );
        format!("{prefix}{type_name}")
    }
}

/// Returns the kinds of values without a type of their own, as names of variants and types.
fn scalars(shape: &Shape) -> Vec<(&'static str, &'static str)> {
    let number = shape.number.map(|number| match number {
        Number::Integer => ("Number", "i64"),
        Number::Float => ("Number", "f64"),
    });
    let text = shape.text.map(|text| match text {
        Text::Date => ("Date", "nest_wire::json::Date"),
        Text::Any => ("Text", "String"),
    });
    let bool = shape.is_bool.then_some(("Bool", "bool"));
    let buffer = shape.is_buffer.then_some(("Buffer", "nest_wire::json::Buffer"));
    [bool, number, text, buffer].into_iter().flatten().collect()
}

/// Returns the type of a member whose values have this type, and serde's attributes if it may be
/// missing.
fn member_type(of: String, is_always_there: bool, is_null: bool) -> (String, Option<&'static str>) {
    match (is_always_there, is_null || of == ANY) {
        (true, _) => (of, None),
        (false, false) => (
            format!("Option<{of}>"),
            Some("default, skip_serializing_if = \"Option::is_none\""),
        ),
        // Both missing and null: the two differ on the wire.
        (false, true) => (
            format!("nest_wire::json::Maybe<{of}>"),
            Some("default, skip_serializing_if = \"nest_wire::json::Maybe::is_undefined\""),
        ),
    }
}

/// Returns a text as a literal of Rust.
pub(super) fn literal(text: &str) -> String {
    // Rust's own escapes, which JSON's are not.
    format!("\"{}\"", text.escape_default())
}
