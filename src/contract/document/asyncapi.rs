//! AsyncAPI 3.0.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::{
    contents::Contents,
    names::{Names, of_pattern},
    operation::{Kind, Operation},
    schemas::{Direction, Schemas, is_null},
    sorted::Sorted,
};

/// AsyncAPI's own order of members.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AsyncApi<'a> {
    asyncapi: &'static str,
    info: Info<'a>,
    default_content_type: &'static str,
    channels: BTreeMap<String, Channel>,
    operations: BTreeMap<String, Described<'a>>,
    components: Components<'a>,
}

#[derive(Serialize)]
struct Info<'a> {
    title: &'a str,
    version: &'a str,
}

#[derive(Serialize)]
struct Channel {
    /// `None` for what is not a text without parameters: AsyncAPI takes braces for those.
    address: Option<String>,
    messages: BTreeMap<&'static str, Payload>,
    #[serde(rename = "x-nest-pattern", serialize_with = "sorted")]
    pattern: Value,
}

#[derive(Serialize)]
struct Payload {
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "sorted_option")]
    payload: Option<Value>,
}

#[derive(Serialize)]
struct Described<'a> {
    action: &'static str,
    channel: Reference,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    messages: [Reference; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    reply: Option<Reply>,
    #[serde(rename = "x-nest-stream", skip_serializing_if = "std::ops::Not::not")]
    is_stream: bool,
}

#[derive(Serialize)]
struct Reply {
    channel: Reference,
    messages: [Reference; 1],
}

#[derive(Serialize)]
struct Reference {
    #[serde(rename = "$ref")]
    path: String,
}

#[derive(Serialize)]
struct Components<'a> {
    schemas: BTreeMap<&'a str, Sorted<'a>>,
}

pub(super) fn write(document: &Contents) -> String {
    let schemas = Schemas::of(&document.requests, &document.replies, &document.class());
    let mut names = Names::default();
    let (mut channels, mut operations) = (BTreeMap::new(), BTreeMap::new());
    for operation in &document.operations {
        let name = names.take(&of_pattern(&operation.pattern));
        channels.insert(name.clone(), channel(operation, &schemas));
        operations.insert(name.clone(), described(operation, &name));
    }
    let document = AsyncApi {
        asyncapi: "3.0.0",
        info: Info {
            title: &document.title,
            version: &document.version,
        },
        default_content_type: "application/json",
        channels,
        operations,
        components: Components {
            schemas: schemas
                .types
                .iter()
                .map(|(name, (_, schema))| (name.as_str(), Sorted(schema)))
                .collect(),
        },
    };
    let mut text = serde_json::to_string_pretty(&document).expect("strings for keys");
    text.push('\n');
    text
}

fn channel(operation: &Operation, schemas: &Schemas) -> Channel {
    let payload = |direction, schema: &Value| Payload {
        // A reply of type `()` has no value.
        payload: Some(schemas.renamed(direction, schema))
            .filter(|_| direction == Direction::Request || !is_null(schema)),
    };
    let mut messages = BTreeMap::from([(request(operation.kind), payload(Direction::Request, &operation.data))]);
    messages.extend(
        operation
            .reply
            .as_ref()
            .map(|reply| ("reply", payload(Direction::Reply, reply))),
    );
    let text = operation.pattern.value().as_str();
    Channel {
        address: text.filter(|text| !text.contains(['{', '}'])).map(str::to_owned),
        messages,
        pattern: serde_json::from_str(&operation.pattern.to_json()).unwrap_or_default(),
    }
}

fn described<'a>(operation: &'a Operation, name: &str) -> Described<'a> {
    let channel = || Reference {
        path: format!("#/channels/{name}"),
    };
    let message = |message| Reference {
        path: format!("#/channels/{name}/messages/{message}"),
    };
    Described {
        action: "receive",
        channel: channel(),
        description: operation.description.as_deref(),
        messages: [message(request(operation.kind))],
        reply: operation.reply.as_ref().map(|_| Reply {
            channel: channel(),
            messages: [message("reply")],
        }),
        is_stream: operation.kind == Kind::Stream,
    }
}

const fn request(kind: Kind) -> &'static str {
    match kind {
        Kind::Message | Kind::Stream => "request",
        Kind::Event => "event",
    }
}

fn sorted<S: serde::Serializer>(value: &Value, serializer: S) -> Result<S::Ok, S::Error> {
    Sorted(value).serialize(serializer)
}

fn sorted_option<S: serde::Serializer>(value: &Option<Value>, serializer: S) -> Result<S::Ok, S::Error> {
    value.as_ref().map(Sorted).serialize(serializer)
}
