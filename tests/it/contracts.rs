//! A pattern and its types, written once for a router and a client.

use std::time::Duration;

use futures_util::{TryStreamExt, stream};
use nest_wire::{
    client::CallError,
    contract::{Event, Message, NoData},
    in_memory,
    json::Maybe,
    packet::RpcError,
    pattern::Pattern,
    server::{Context, Metadata, Payload, Router, State, handler::Handler, reply::ReplyStreamOf},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tower::timeout::TimeoutLayer;

use crate::support::calls;

const FIND: Message<UserId, Option<User>> = Message::with_pattern(|| Pattern::object([("cmd", "find")]));
const COUNT: Message<u32, u32> = Message::new("count");
const PING: Message<NoData, String> = Message::new("ping");
const TENANT: Message<NoData, Value> = Message::new("tenant");
const SAVED: Event<User> = Event::new("saved");

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
struct UserId(u64);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct User {
    id: UserId,
    name: String,
}

fn ada() -> User {
    User {
        id: UserId(1),
        name: "Ada".to_owned(),
    }
}

async fn find(Payload(id): Payload<UserId>) -> Result<Option<Payload<User>>, RpcError> {
    match id.0 {
        0 => Err(RpcError::new("ids begin with 1")),
        1 => Ok(Some(Payload(ada()))),
        _ => Ok(None),
    }
}

async fn count(Payload(end): Payload<u32>) -> ReplyStreamOf<u32> {
    ReplyStreamOf::new(stream::iter(1..=end))
}

fn router() -> Router {
    Router::new()
        .handle_message(FIND, find)
        .handle_message(COUNT, count)
        .handle_message(PING, async || "pong")
        .handle_message(TENANT, async |Metadata(metadata): Metadata<Value>| metadata)
}

#[tokio::test]
async fn a_message_s_request_and_reply_have_the_types_of_its_contract() {
    let client = in_memory::client(router());
    assert_eq!(
        client.message(FIND, &UserId(1)).send().await.expect("found"),
        Some(ada())
    );
    assert_eq!(client.message(FIND, &UserId(2)).send().await.expect("answered"), None);
    let error = client.message(FIND, &UserId(0)).send().await.expect_err("refused");
    assert!(matches!(error, CallError::Rpc(error) if error.message().as_deref() == Some("ids begin with 1")));
    assert_eq!(client.message(PING, &NoData).send().await.expect("answered"), "pong");
}

#[tokio::test]
async fn the_values_of_a_stream_have_the_type_of_its_contract() {
    let client = in_memory::client(router());
    let values = client.message(COUNT, &3).send_stream().await.expect("sent");
    assert_eq!(values.try_collect::<Vec<u32>>().await.expect("all of them"), [1, 2, 3]);
    assert_eq!(client.message(COUNT, &3).send_first().await.expect("the first"), 1);
    assert_eq!(client.message(COUNT, &3).send().await.expect("the last"), 3);
}

#[tokio::test(start_paused = true)]
async fn a_contract_s_message_has_metadata_and_a_timeout_of_its_own() {
    const NEVER: Message<NoData, u32> = Message::new("never");
    let router = router().handle_message(NEVER, async || std::future::pending::<u32>().await);
    let client = in_memory::client(router);
    let metadata = json!({"tenant": "acme"});
    let heard = client.message(TENANT, &NoData).metadata(&metadata).send().await;
    assert_eq!(heard.expect("answered"), metadata);
    let quick = client.message(NEVER, &NoData).timeout(Duration::from_millis(1));
    assert!(quick.send().await.expect_err("too late").is_timeout());
}

#[tokio::test]
async fn an_event_is_handled_with_the_type_of_its_contract() {
    async fn saved(State(told): State<UnboundedSender<User>>, Payload(user): Payload<User>) -> Result<(), RpcError> {
        told.send(user).map_err(RpcError::internal_from)
    }
    let (tell, mut told) = unbounded_channel();
    let client = in_memory::client(Router::new().handle_event(SAVED, saved).with_state(tell));
    client.emit_event(SAVED, &ada()).await.expect("sent");
    assert_eq!(told.recv().await, Some(ada()));
}

#[tokio::test(start_paused = true)]
async fn nothing_but_the_contract_s_pattern_and_data_goes_over_the_wire() {
    let (client, mut calls) = calls();
    let peer = async {
        let mut peer = calls.next().await;
        let id = peer.hear_request(r#""pattern":{"cmd":"find"},"data":7"#).await;
        peer.say(&json!({"response": ada(), "isDisposed": true, "id": id}).to_string())
            .await;
        let id = peer.hear_request(r#""pattern":"ping","data":{}"#).await;
        peer.say(&json!({"response": "pong", "isDisposed": true, "id": id}).to_string())
            .await;
    };
    let calls = async {
        let user = client.message(FIND, &UserId(7)).send().await.expect("found");
        assert_eq!(user, Some(ada()));
        client.message(PING, &NoData).send().await.expect("answered");
    };
    tokio::join!(calls, peer);
}

/// All forms of a contract's handler. The test is that they compile.
#[test]
fn a_contract_s_handler_takes_other_parameters_first_and_may_be_layered() {
    const ECHO: Message<String, String> = Message::new("echo");
    const MAYBE: Message<u32, Maybe<User>> = Message::new("maybe");
    let layer = TimeoutLayer::new(Duration::from_secs(1));
    let router: Router<u32> = Router::new()
        .handle_message(
            ECHO,
            async |_: Context, State(_): State<u32>, Payload(text): Payload<String>| text,
        )
        .handle_message(ECHO, async |text: Option<Payload<String>>| {
            text.map_or_else(String::new, |it| it.0)
        })
        .handle_message(ECHO, async |Payload(_): Payload<String>| Ok::<_, RpcError>("fixed"))
        .handle_message(
            ECHO,
            (async |Payload(text): Payload<String>| text).layer(layer).spawned(),
        )
        .handle_message(MAYBE, async |Payload(_): Payload<u32>| Maybe::Value(Payload(ada())));
    assert_eq!(router.patterns().count(), 5);
}
