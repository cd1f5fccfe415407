//! A router without a connection, and a client that is connected to one in memory.

use nest_wire::{
    client::CallError,
    in_memory,
    json::Maybe,
    packet::{RawJson, RequestPacket, RpcError},
    pattern::Pattern,
    server::{
        Context, Payload, Reply, Request, RequestKind, Router,
        middleware::{Next, from_fn},
    },
};

async fn twice(Payload(number): Payload<u32>) -> u32 {
    2 * number
}

fn value(reply: Reply) -> String {
    match reply {
        Reply::Value(value) => value.to_string(),
        other => panic!("no value: {other:?}"),
    }
}

#[tokio::test]
async fn a_router_answers_a_request_without_a_connection() {
    let pattern = || Pattern::object([("b", 1), ("a", 2)]);
    let router = Router::new().message("twice", twice).message(pattern(), twice);
    for pattern in [Pattern::from("twice"), pattern(), Pattern::object([("a", 2), ("b", 1)])] {
        let request = Request::message(pattern, &21).expect("JSON");
        assert_eq!(value(router.clone().oneshot(request).await), "42");
    }
    let unknown = Request::message("unknown", &1).expect("JSON");
    let reply = router.oneshot(unknown).await;
    assert!(matches!(reply, Reply::Error(error) if error == RpcError::no_handler()));
}

#[tokio::test]
async fn layers_and_panics_are_as_on_a_connection() {
    async fn tag(mut request: Request, next: Next) -> Reply {
        request.data = Some(nest_wire::packet::RawJson::from_value(&4).expect("JSON"));
        next.run(request).await
    }
    let panics = async || -> u32 { panic!("oh no") };
    let router = Router::new()
        .message("twice", twice)
        .message("panics", panics)
        .layer(from_fn(tag));
    let request = Request::message("twice", &1).expect("JSON");
    assert_eq!(value(router.clone().oneshot(request).await), "8");
    let reply = router.oneshot(Request::message("panics", &1).expect("JSON")).await;
    assert!(matches!(reply, Reply::Error(error) if error == RpcError::internal()));
}

#[tokio::test]
async fn an_event_is_addressed_to_the_route_of_its_pattern() {
    let shown = async |context: Context| {
        assert_eq!(context.kind, RequestKind::Event);
        context.pattern.map(|pattern| pattern.to_string())
    };
    let router = Router::new().event(Pattern::object([("b", 1), ("a", 2)]), shown);
    let event = Request::event(Pattern::object([("b", 1), ("a", 2)]), &0).expect("JSON");
    assert_eq!(value(router.oneshot(event).await), r#""{\"a\":2,\"b\":1}""#);
}

#[tokio::test(start_paused = true)]
async fn a_client_in_memory_calls_its_router() {
    let client = in_memory::client(Router::new().message("twice", twice));
    assert_eq!(client.send::<u32>("twice", &21).await.expect("an answer"), 42);
    client.send::<u32>("unknown", &1).await.expect_err("nobody handles it");
}

/// Returns a router with a handler of each kind.
fn of_all_kinds() -> Router {
    Router::new()
        .message("value", twice)
        .message("nothing", async || ())
        .message("null", async || None::<u32>)
        .message("waits", async || {
            tokio::task::yield_now().await;
            "later"
        })
        .message("fails", async || Err::<u32, _>(RpcError::new("odd")))
        .message("breaks", async || Err::<u32, _>(std::io::Error::other("secret")))
        .message("panics", async || -> u32 { panic!("oh no") })
        .message("declines", async || Err::<u32, _>(RpcError::no_handler()))
        .event("noted", async || "A")
        .event("noted", async || "B")
}

#[tokio::test]
async fn a_router_gives_the_same_answers_with_and_without_a_connection() {
    let client = in_memory::client(of_all_kinds());
    for pattern in [
        "value", "nothing", "null", "waits", "fails", "breaks", "panics", "declines", "noted", "unknown",
    ] {
        let request = Request::message(pattern, &21).expect("JSON");
        let without = match of_all_kinds().oneshot(request).await {
            Reply::Undefined => "undefined".to_owned(),
            Reply::Value(value) => value.to_string(),
            Reply::Error(error) => format!("error {error}"),
            other => panic!("{other:?}"),
        };
        let with = match client.send::<Maybe<RawJson>>(pattern, &21).await {
            Ok(Maybe::Undefined) => "undefined".to_owned(),
            Ok(Maybe::Value(value)) => value.to_string(),
            Err(CallError::Rpc(error)) => format!("error {error}"),
            Err(error) => panic!("{error}"),
        };
        assert_eq!(without, with, "{pattern}");
    }
}

#[tokio::test]
async fn a_forwarded_event_has_no_id_however_often_its_packet_has_one() {
    let (sender, mut kinds) = tokio::sync::mpsc::unbounded_channel();
    let router = Router::new().event("note", async move |context: Context| {
        let _ = sender.send(context.kind);
    });
    let client = in_memory::client(router);
    for text in [
        r#"{"pattern":"note","data":1,"id":"x"}"#,
        r#"{"id":1,"pattern":"note","data":1,"id":"x"}"#,
        r#"{"pattern":"note","data":1}"#,
    ] {
        let packet = RequestPacket::new(text).expect("JSON");
        client.forward_event(&packet).await.expect("it is sent");
        assert_eq!(kinds.recv().await, Some(RequestKind::Event), "{text}");
    }
}
