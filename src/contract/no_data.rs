//! The type of empty data.

use serde::{Serialize, Serializer, ser::SerializeMap};

/// The request of a message, or the data of an event, without content. It is written as `{}`, as
/// Nest's callers do (`client.send('ping', {})`). Its handlers take no
/// [`Payload`](crate::server::Payload).
///
/// ```
/// use nest_wire::{contract::{Message, NoData}, in_memory, server::Router};
///
/// const PING: Message<NoData, String> = Message::new("ping");
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), nest_wire::client::CallError> {
/// let client = in_memory::client(Router::new().handle_message(PING, async || "pong"));
/// assert_eq!(client.message(PING, &NoData).send().await?, "pong");
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct NoData;

impl Serialize for NoData {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_map(Some(0))?.end()
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for NoData {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "NoData".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "object", "maxProperties": 0 })
    }
}
