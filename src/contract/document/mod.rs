//! Contracts as documents for other languages (feature `schema`).

mod asyncapi;
mod contents;
mod names;
mod operation;
mod schemas;
mod sorted;
mod typescript;

use schemars::JsonSchema;

use super::{Event, Message};
use crate::pattern::Pattern;
use contents::Contents;
use operation::{Kind, Operation};
use schemas::Collector;

/// The contracts of a service, for callers that are not written in Rust: as an
/// [AsyncAPI](https://www.asyncapi.com) document, and as TypeScript for Nest's callers.
///
/// The types of the contracts derive [`JsonSchema`] beside serde's traits.
/// The same contracts give the same text in each build.
///
/// ```
/// use nest_wire::{
///     contract::{Document, Event, Message, NoData},
///     pattern::Pattern,
/// };
/// use schemars::JsonSchema;
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize, JsonSchema)]
/// struct User {
///     name: String,
///     #[serde(skip_serializing_if = "Option::is_none")]
///     email: Option<String>,
/// }
///
/// const SUM: Message<Vec<f64>, f64> = Message::with_pattern(|| Pattern::object([("cmd", "sum")]));
/// const TICKS: Message<NoData, u32> = Message::new("ticks");
/// const USER_CREATED: Event<User> = Event::new("user.created");
///
/// let document = Document::new("Math", "1.0.0")
///     .message(SUM).doc("Adds numbers.")
///     .stream(TICKS)
///     .event(USER_CREATED);
///
/// let typescript = document.to_typescript();
/// assert!(typescript.contains("export interface User {"));
/// assert!(typescript.contains("export class MathClient {"));
/// assert!(typescript.contains("sum(data: number[]): Observable<number> {"));
/// assert!(typescript.contains("userCreated(data: User): Observable<void> {"));
/// assert!(document.to_asyncapi().contains(r#""asyncapi": "3.0.0""#));
/// ```
#[derive(Debug)]
pub struct Document(Contents);

impl Document {
    /// Returns a document without contracts, of a service with this name and version.
    #[must_use]
    pub fn new(title: impl Into<String>, version: impl Into<String>) -> Self {
        Self(Contents {
            title: title.into(),
            version: version.into(),
            operations: Vec::new(),
            requests: Collector::of_requests(),
            replies: Collector::of_replies(),
        })
    }

    /// Adds a message with one reply. Returns the document.
    #[must_use]
    pub fn message<Request: JsonSchema, Reply: JsonSchema>(self, message: Message<Request, Reply>) -> Self {
        self.add_message(Kind::Message, message)
    }

    /// Adds a message whose reply is a stream of values. Returns the document.
    #[must_use]
    pub fn stream<Request: JsonSchema, Reply: JsonSchema>(self, message: Message<Request, Reply>) -> Self {
        self.add_message(Kind::Stream, message)
    }

    /// Adds an event. Returns the document.
    #[must_use]
    pub fn event<Data: JsonSchema>(mut self, event: Event<Data>) -> Self {
        let data = self.0.requests.add::<Data>();
        self.add(Operation::new(Kind::Event, event.pattern(), data, None))
    }

    /// Describes the contract added last. Returns the document.
    #[must_use]
    pub fn doc(mut self, text: impl Into<String>) -> Self {
        if let Some(operation) = self.0.operations.last_mut() {
            operation.description = Some(text.into());
        }
        self
    }

    /// Returns those of the patterns that the document does not have, for a test that a router has
    /// no undescribed handler.
    ///
    /// ```
    /// use nest_wire::{contract::{Document, Message}, server::{Payload, Router}};
    ///
    /// const DOUBLE: Message<f64, f64> = Message::new("double");
    ///
    /// let router: Router = Router::new()
    ///     .handle_message(DOUBLE, async |Payload(number): Payload<f64>| 2.0 * number)
    ///     .message("ping", async || "pong");
    /// let document = Document::new("Math", "1.0.0").message(DOUBLE);
    /// let undescribed = document.undescribed(router.patterns().map(|(pattern, _)| pattern));
    /// assert_eq!(undescribed, ["ping".into()]);
    /// ```
    pub fn undescribed<'a>(&self, patterns: impl IntoIterator<Item = &'a Pattern>) -> Vec<Pattern> {
        let is_described = |pattern: &Pattern| self.0.operations.iter().any(|it| it.pattern == *pattern);
        let undescribed = patterns.into_iter().filter(|pattern| !is_described(pattern));
        undescribed.cloned().collect()
    }

    /// Returns the AsyncAPI 3.0 document, as JSON.
    ///
    /// Each pattern is a channel. The payload of its messages is a packet's `data`, or the value of
    /// a reply; the member `x-nest-pattern` of a channel is the pattern. Streams have the member
    /// `x-nest-stream`.
    #[must_use]
    pub fn to_asyncapi(&self) -> String {
        asyncapi::write(&self.0)
    }

    /// Returns a TypeScript module: the types, and a class with a method for each contract, which
    /// sends over a `ClientProxy` of Nest.
    ///
    /// The types are those of JSON: a date in a reply is text, and a `Buffer` the object that
    /// `Buffer.from(data)` takes. A caller may send a `Date` and a `Buffer`, which JavaScript
    /// converts. Without a reply (`()`), the observable completes without a value. The module
    /// imports only types, so it needs no package that a Nest caller does not have.
    #[must_use]
    pub fn to_typescript(&self) -> String {
        typescript::write(&self.0)
    }

    fn add_message<Request: JsonSchema, Reply: JsonSchema>(
        mut self,
        kind: Kind,
        message: Message<Request, Reply>,
    ) -> Self {
        let data = self.0.requests.add::<Request>();
        let reply = self.0.replies.add::<Reply>();
        self.add(Operation::new(kind, message.pattern(), data, Some(reply)))
    }

    /// As in a router, a second message of a pattern replaces the first one.
    fn add(mut self, operation: Operation) -> Self {
        self.0.operations.retain(|it| !it.is_same_as(&operation));
        self.0.operations.push(operation);
        self
    }
}
