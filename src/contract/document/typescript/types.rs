//! The TypeScript type of a JSON schema.

use std::cell::Cell;

use serde_json::{Map, Value};

use crate::contract::document::schemas::{Direction, is_buffer, is_date, referred};

/// The types of a `Buffer`, where a contract has one.
pub(super) const BUFFERS: &str = "
/** A Buffer as JSON: `Buffer.from(value.data)` reads it. */
export interface BufferData {
  type: \"Buffer\";
  data: number[];
}

/** A Buffer, or its JSON. */
export type BufferInput = BufferData | { toJSON(): BufferData };
";

/// Writes types.
#[derive(Default)]
pub(super) struct Types {
    uses_buffers: Cell<bool>,
}

impl Types {
    /// Returns true if one of the types written so far has a `Buffer`.
    pub(super) fn uses_buffers(&self) -> bool {
        self.uses_buffers.get()
    }

    /// Returns the definition of a type.
    pub(super) fn definition(&self, name: &str, direction: Direction, schema: &Value) -> String {
        let description = schema.get("description").and_then(Value::as_str);
        let comment = description.map(|text| comment(text, "")).unwrap_or_default();
        match schema.as_object().filter(|_| is_plain_object(schema)) {
            Some(object) => {
                let members = self.members(object, direction, "  ");
                format!("{comment}export interface {name} {{\n{members}}}\n")
            }
            None => format!("{comment}export type {name} = {};\n", self.of(schema, direction)),
        }
    }

    /// Returns the type of a method's parameter; `None` for `NoData`.
    pub(super) fn data(&self, schema: &Value) -> Option<String> {
        if schema.get("maxProperties").is_some_and(|count| count == 0) {
            return None;
        }
        let data = self.of(schema, Direction::Request);
        // Nest's clients refuse to send `null`.
        match data.split(" | ").any(|part| part == "null") {
            true => Some(format!("NonNullable<{data}>")),
            false => Some(data),
        }
    }

    /// Returns the type of a schema.
    pub(super) fn of(&self, schema: &Value, direction: Direction) -> String {
        let Some(members) = schema.as_object() else {
            let is_never = *schema == Value::Bool(false);
            return if is_never { "never" } else { "unknown" }.to_owned();
        };
        let mut parts = Vec::new();
        if let Some(name) = members.get("$ref").and_then(Value::as_str).and_then(referred) {
            parts.push(name);
        } else if let Some(value) = members.get("const") {
            parts.push(value.to_string());
        } else if let Some(values) = members.get("enum").and_then(Value::as_array) {
            parts.push(union(values.iter().map(Value::to_string)));
        } else if is_buffer(schema) {
            self.uses_buffers.set(true);
            let buffer = match direction {
                Direction::Request => "BufferInput",
                Direction::Reply => "BufferData",
            };
            // An optional one has the type `["object","null"]`.
            let kinds = members.get("type").and_then(Value::as_array);
            let null = kinds
                .filter(|kinds| kinds.iter().any(|kind| kind == "null"))
                .map(|_| "null");
            parts.push(union([buffer].into_iter().chain(null).map(str::to_owned)));
        } else {
            parts.extend(self.of_types(members, schema, direction));
        }
        for key in ["oneOf", "anyOf"] {
            if let Some(schemas) = members.get(key).and_then(Value::as_array) {
                parts.push(union(schemas.iter().map(|it| self.of(it, direction))));
            }
        }
        let all = members.get("allOf").and_then(Value::as_array);
        parts.extend(all.into_iter().flatten().map(|it| self.of(it, direction)));
        parts.retain(|part| part != "unknown");
        parts.dedup();
        match parts.as_slice() {
            [] => "unknown".to_owned(),
            [part] => part.clone(),
            parts => {
                let parts: Vec<String> = parts.iter().map(|part| in_parentheses(part)).collect();
                parts.join(" & ")
            }
        }
    }

    /// Returns the type that the member `type` names, if any.
    fn of_types(&self, members: &Map<String, Value>, schema: &Value, direction: Direction) -> Option<String> {
        let names: Vec<&str> = match members.get("type") {
            Some(Value::String(name)) => vec![name],
            Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
            _ if members.contains_key("properties") => vec!["object"],
            _ => return None,
        };
        let of_name = |name: &&str| match *name {
            "string" if is_date(schema) && direction == Direction::Request => "string | Date".to_owned(),
            "string" | "boolean" | "null" => (*name).to_owned(),
            "integer" | "number" => "number".to_owned(),
            "array" => self.array(members, direction),
            _ => self.object(members, direction),
        };
        Some(union(names.iter().map(of_name)))
    }

    fn array(&self, members: &Map<String, Value>, direction: Direction) -> String {
        let of = |schema: &Value| self.of(schema, direction);
        match members.get("items") {
            Some(Value::Array(items)) => {
                let items: Vec<String> = items.iter().map(of).collect();
                format!("[{}]", items.join(", "))
            }
            Some(item) => format!("{}[]", in_parentheses(&of(item))),
            None => "unknown[]".to_owned(),
        }
    }

    fn object(&self, members: &Map<String, Value>, direction: Direction) -> String {
        let is_combined = ["oneOf", "anyOf", "allOf"].iter().any(|key| members.contains_key(*key));
        let has_members = members
            .get("properties")
            .and_then(Value::as_object)
            .is_some_and(|it| !it.is_empty());
        if has_members {
            return format!("{{ {}}}", self.members(members, direction, "").replace('\n', " "));
        }
        let patterns = members.get("patternProperties").and_then(Value::as_object);
        let values = patterns.and_then(|it| it.values().next());
        match values.or_else(|| members.get("additionalProperties")) {
            Some(Value::Bool(false)) if !is_combined => "Record<string, never>".to_owned(),
            Some(schema @ Value::Object(_)) => format!("Record<string, {}>", self.of(schema, direction)),
            _ if is_combined => "unknown".to_owned(),
            _ => "Record<string, unknown>".to_owned(),
        }
    }

    /// Returns the members of an object, each with a new line behind it.
    fn members(&self, object: &Map<String, Value>, direction: Direction, indent: &str) -> String {
        let required = object.get("required").and_then(Value::as_array);
        let is_required = |key: &str| required.is_some_and(|keys| keys.iter().any(|it| it == key));
        let properties = object.get("properties").and_then(Value::as_object);
        let mut properties: Vec<_> = properties.into_iter().flatten().collect();
        // As `serde_json` is built, its maps have one order or another.
        properties.sort_by_key(|(key, _)| key.as_str());
        let mut text = String::new();
        for (key, schema) in properties {
            let description = schema.get("description").and_then(Value::as_str);
            let description = description.filter(|_| !indent.is_empty());
            text.push_str(&description.map(|it| comment(it, indent)).unwrap_or_default());
            let optional = if is_required(key) { "" } else { "?" };
            let value = self.of(schema, direction);
            text.push_str(&format!("{indent}{}{optional}: {value};\n", member_name(key)));
        }
        let others = object
            .get("additionalProperties")
            .filter(|it| it.is_object() || **it == Value::Bool(true));
        if others.is_some() {
            text.push_str(&format!("{indent}[key: string]: unknown;\n"));
        }
        text
    }
}

/// Returns true for an object with members and nothing else.
fn is_plain_object(schema: &Value) -> bool {
    let has = |key: &str| schema.get(key).is_some();
    schema.get("type").is_some_and(|it| it == "object")
        && has("properties")
        && !["oneOf", "anyOf", "allOf", "$ref", "enum", "const"]
            .iter()
            .any(|key| has(key))
        && !is_buffer(schema)
}

fn union(types: impl Iterator<Item = String>) -> String {
    let mut members: Vec<String> = Vec::new();
    for part in types {
        if part == "unknown" {
            return part;
        }
        if !members.contains(&part) {
            members.push(part);
        }
    }
    match members.as_slice() {
        [] => "never".to_owned(),
        _ => members.join(" | "),
    }
}

fn in_parentheses(part: &str) -> String {
    match part.contains(" | ") || part.contains(" & ") {
        true => format!("({part})"),
        false => part.to_owned(),
    }
}

fn member_name(key: &str) -> String {
    let is_identifier = key.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_' || c == '$')
        && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '$');
    match is_identifier {
        true => key.to_owned(),
        false => Value::from(key).to_string(),
    }
}

/// Returns a comment of these lines.
pub(super) fn comment(text: &str, indent: &str) -> String {
    let text = comment_text(text);
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    match lines.as_slice() {
        [line] => format!("{indent}/** {line} */\n"),
        lines => {
            let lines = lines
                .iter()
                .map(|line| format!("{indent} * {line}").trim_end().to_owned() + "\n");
            format!("{indent}/**\n{}{indent} */\n", lines.collect::<String>())
        }
    }
}

/// Returns the text without an end of the comment in it.
pub(super) fn comment_text(text: &str) -> String {
    text.replace("*/", "*\u{2215}")
}
