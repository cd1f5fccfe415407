//! The schemas of a document's types.
//!
//! A type may have one schema where it is read and another where it is written: a member with
//! `#[serde(default)]` may be missing in a request, but is in each reply. Such a type has two
//! names.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use schemars::{JsonSchema, SchemaGenerator, generate::SchemaSettings};
use serde_json::Value;

use super::names::{Names, of_type};

/// Names of types that the TypeScript module itself uses. A type of a contract gets another one.
const RESERVED: &[&str] = &[
    "Array",
    "BufferData",
    "BufferInput",
    "ClientProxy",
    "Date",
    "NonNullable",
    "Observable",
    "Record",
];

/// Where a type stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Direction {
    /// The caller writes it, the service reads it.
    Request,
    /// The service writes it, the caller reads it.
    Reply,
}

/// Collects the schemas of one direction.
pub(super) struct Collector(SchemaGenerator);

const PATH: &str = "#/components/schemas/";

impl Collector {
    pub(super) fn of_requests() -> Self {
        Self::new(settings().for_deserialize())
    }

    pub(super) fn of_replies() -> Self {
        Self::new(settings().for_serialize())
    }

    fn new(settings: SchemaSettings) -> Self {
        Self(settings.into_generator())
    }

    /// Adds a type, and those that it consists of. Returns its schema, which may refer to them.
    pub(super) fn add<T: JsonSchema>(&mut self) -> Value {
        let mut schema = self.0.subschema_for::<T>();
        for transform in self.0.transforms_mut() {
            transform.transform(&mut schema);
        }
        schema.to_value()
    }

    fn definitions(&self) -> BTreeMap<String, Value> {
        // Of a copy, since transforms change the definitions.
        self.0.clone().take_definitions(true).into_iter().collect()
    }
}

/// AsyncAPI's schemas are those of JSON Schema's draft 7.
fn settings() -> SchemaSettings {
    SchemaSettings::draft07().with(|settings| {
        settings.definitions_path = PATH.trim_start_matches('#').trim_end_matches('/').into();
        settings.meta_schema = None;
    })
}

impl fmt::Debug for Collector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.definitions().keys()).finish()
    }
}

/// All types of a document, by the names that they have in it.
pub(super) struct Schemas {
    /// Schemas whose references are the new names.
    pub(super) types: BTreeMap<String, (Direction, Value)>,
    requests: BTreeMap<String, String>,
    replies: BTreeMap<String, String>,
}

impl Schemas {
    /// Names the types of both directions. `class` is the name of the class that uses them.
    pub(super) fn of(requests: &Collector, replies: &Collector, class: &str) -> Self {
        let (requests, replies) = (requests.definitions(), replies.definitions());
        let differing = differing(&requests, &replies);
        let mut names = Names::taken(RESERVED);
        names.take(class);
        let request_names: BTreeMap<_, _> = requests
            .keys()
            .map(|name| (name.clone(), names.take(&of_type(name))))
            .collect();
        let mut reply_names = BTreeMap::new();
        for name in replies.keys() {
            let new = match request_names.get(name) {
                Some(_) if differing.contains(name.as_str()) => names.take(&format!("{}Reply", of_type(name))),
                Some(shared) => shared.clone(),
                None => names.take(&of_type(name)),
            };
            reply_names.insert(name.clone(), new);
        }
        let mut schemas = Self {
            types: BTreeMap::new(),
            requests: request_names,
            replies: reply_names,
        };
        for (direction, definitions) in [(Direction::Reply, replies), (Direction::Request, requests)] {
            for (name, schema) in definitions {
                let new = schemas.names(direction)[&name].clone();
                schemas
                    .types
                    .insert(new, (direction, schemas.renamed(direction, &schema)));
            }
        }
        schemas
    }

    fn names(&self, direction: Direction) -> &BTreeMap<String, String> {
        match direction {
            Direction::Request => &self.requests,
            Direction::Reply => &self.replies,
        }
    }

    /// Returns the schema with the new names in its references.
    pub(super) fn renamed(&self, direction: Direction, schema: &Value) -> Value {
        match schema {
            Value::Array(items) => items.iter().map(|item| self.renamed(direction, item)).collect(),
            Value::Object(members) => {
                let members = members.iter().map(|(key, value)| {
                    let name = value.as_str().filter(|_| key == "$ref").and_then(referred);
                    let renamed = match name.and_then(|name| self.names(direction).get(&name)) {
                        Some(name) => Value::String(format!("{PATH}{name}")),
                        None => self.renamed(direction, value),
                    };
                    (key.clone(), renamed)
                });
                Value::Object(members.collect())
            }
            other => other.clone(),
        }
    }
}

/// Returns the name of the type that a `$ref` refers to.
pub(super) fn referred(reference: &str) -> Option<String> {
    let encoded = reference.strip_prefix(PATH)?.as_bytes();
    let mut bytes = Vec::with_capacity(encoded.len());
    let mut rest = encoded;
    while let [first, after @ ..] = rest {
        let escaped = match (first, after) {
            (b'%', [high, low, ..]) => std::str::from_utf8(&[*high, *low])
                .ok()
                .and_then(|digits| u8::from_str_radix(digits, 16).ok())
                .map(|byte| (byte, 2)),
            (b'~', [b'0', ..]) => Some((b'~', 1)),
            (b'~', [b'1', ..]) => Some((b'/', 1)),
            _ => None,
        };
        let (byte, length) = escaped.unwrap_or((*first, 0));
        bytes.push(byte);
        rest = &after[length..];
    }
    String::from_utf8(bytes).ok()
}

/// Returns the types that are not the same in both directions, or refer to such a type.
fn differing(requests: &BTreeMap<String, Value>, replies: &BTreeMap<String, Value>) -> BTreeSet<String> {
    let both = || {
        requests
            .iter()
            .filter_map(|(name, schema)| Some((name, schema, replies.get(name)?)))
    };
    let mut differing: BTreeSet<String> = both()
        .filter(|(_, request, reply)| request != reply || has_form_of_its_own(request))
        .map(|(name, ..)| name.clone())
        .collect();
    loop {
        let refers = |schema: &Value| {
            any(schema, &mut |it| {
                let name = it.get("$ref").and_then(Value::as_str).and_then(referred);
                name.is_some_and(|name| differing.contains(&name))
            })
        };
        let more: Vec<String> = both()
            .filter(|(name, request, _)| !differing.contains(*name) && refers(request))
            .map(|(name, ..)| name.clone())
            .collect();
        if more.is_empty() {
            return differing;
        }
        differing.extend(more);
    }
}

/// Returns true for what JavaScript writes of an object that it does not read back as one: dates
/// and buffers.
fn has_form_of_its_own(schema: &Value) -> bool {
    any(schema, &mut |it| is_date(it) || is_buffer(it))
}

/// Returns true for the schema of `()`.
pub(super) fn is_null(schema: &Value) -> bool {
    schema.get("type").is_some_and(|it| it == "null")
}

pub(super) fn is_date(schema: &Value) -> bool {
    schema.get("format").is_some_and(|format| format == "date-time")
}

pub(super) fn is_buffer(schema: &Value) -> bool {
    let tag = schema.pointer("/properties/type/const");
    tag.is_some_and(|tag| tag == "Buffer") && schema.pointer("/properties/data").is_some()
}

fn any(schema: &Value, is_so: &mut impl FnMut(&Value) -> bool) -> bool {
    is_so(schema)
        || match schema {
            Value::Array(items) => items.iter().any(|item| any(item, is_so)),
            Value::Object(members) => members.values().any(|value| any(value, is_so)),
            _ => false,
        }
}
