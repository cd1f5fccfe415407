//! The parameters and results of handlers.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use nest_wire::{
    json,
    packet::{RawJson, RpcError},
    server::{
        Context, Metadata, Payload, Reply, Request, RequestKind, Router, State,
        extract::{FromRef, FromRequest},
        reply::{IntoReply, IntoRpcError},
    },
};
use serde::{Deserialize, Serialize};

use crate::support::converse;

/// Sends `{"pattern":"h",…,"id":1}` with each of these middles, and expects these replies before
/// `"id":1`.
async fn expect_answers(router: Router, conversation: &[(&str, &str)]) {
    converse(router, async |mut peer| {
        for (middle, answer) in conversation {
            peer.say(&format!(r#"{{"pattern":"h",{middle}"id":1}}"#)).await;
            peer.hear(&format!(r#"{{{answer}"isDisposed":true,"id":1}}"#)).await;
        }
    })
    .await
    .expect("served");
}

#[derive(Deserialize, Serialize)]
struct Greeting {
    name: String,
    age: Option<u8>,
}

#[tokio::test(start_paused = true)]
async fn a_payload_is_decoded_and_encoded_by_serde() {
    let router = Router::new().message("h", async |Payload(greeting): Payload<Greeting>| Payload(greeting));
    expect_answers(
        router,
        &[
            (
                r#""data":{"age":7,"name":"求"},"#,
                r#""response":{"name":"求","age":7},"#,
            ),
            (
                r#""data":{"name":"x","more":[]},"#,
                r#""response":{"name":"x","age":null},"#,
            ),
        ],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_payload_that_does_not_fit_is_answered_with_what_and_where() {
    let router = Router::new().message("h", async |Payload(_): Payload<Vec<u32>>| ());
    expect_answers(
        router,
        &[
            (
                r#""data":[1,"x"],"#,
                r#""err":{"status":"error","message":"invalid payload at `[1]`: invalid type: string \"x\", expected u32 at line 1 column 6"},"#,
            ),
            (
                r#""data":null,"#,
                r#""err":{"status":"error","message":"invalid payload: invalid type: null, expected a sequence at line 1 column 4"},"#,
            ),
            (
                "",
                r#""err":{"status":"error","message":"invalid payload: there is none"},"#,
            ),
        ],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn data_may_be_missing_where_it_is_optional() {
    let router = Router::new().message("h", async |data: Option<Payload<Option<u32>>>| {
        format!("{:?}", data.map(|Payload(number)| number))
    });
    expect_answers(
        router,
        &[
            ("", r#""response":"None","#),
            (r#""data":null,"#, r#""response":"Some(None)","#),
            (r#""data":7,"#, r#""response":"Some(Some(7))","#),
        ],
    )
    .await;
    let router = Router::new().message("h", async |data: Option<RawJson>| format!("{data:?}"));
    expect_answers(router, &[("", r#""response":"None","#)]).await;
}

#[tokio::test(start_paused = true)]
async fn raw_data_comes_as_it_was_written() {
    let router = Router::new().message("h", async |data: RawJson| data.to_string());
    expect_answers(
        router,
        &[(
            r#""data":{ "b":1.0, "a":"\u0041"},"#,
            r#""response":"{ \"b\":1.0, \"a\":\"\\u0041\"}","#,
        )],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_context_tells_pattern_and_metadata() {
    let router = Router::new().message("h", async |context: Context, request: Request| {
        assert_eq!((context.kind, context.peer), (RequestKind::Message, None));
        assert_eq!(context.metadata, request.metadata);
        format!("{:?} {:?}", context.pattern, context.metadata)
    });
    expect_answers(
        router,
        &[
            (r#""data":1,"#, r#""response":"Some(\"h\") None","#),
            (
                r#""data":1,"metadata":{"trace":1},"#,
                r#""response":"Some(\"h\") Some({\"trace\":1})","#,
            ),
        ],
    )
    .await;
}

struct User(String);

impl<S: Sync> FromRequest<S> for User {
    async fn from_request(request: &mut Request, _: &S) -> Result<Self, RpcError> {
        let name = request.metadata.as_ref().ok_or_else(|| RpcError::new("who are you?"))?;
        Ok(Self(name.parse()?))
    }
}

#[tokio::test(start_paused = true)]
async fn one_may_write_extractors_of_ones_own() {
    let router = Router::new().message("h", async |User(name): User, Payload(n): Payload<u32>| {
        format!("{name} {n}")
    });
    expect_answers(
        router,
        &[
            (r#""data":1,"metadata":"Ada","#, r#""response":"Ada 1","#),
            (r#""data":1,"#, r#""err":{"status":"error","message":"who are you?"},"#),
            (
                r#""data":1,"metadata":5,"#,
                r#""err":{"status":"error","message":"Internal server error"},"#,
            ),
        ],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn handlers_registered_before_each_state_get_that_one() {
    let router: Router<Arc<str>> = Router::new()
        .message("number", async |State(n): State<u32>| n)
        .with_state(7);
    let router = router
        .message("h", async |State(text): State<Arc<str>>| text.to_string())
        .with_state::<()>("text".into());
    converse(router, async |mut peer| {
        peer.send(r#"36#{"pattern":"number","data":0,"id":1}31#{"pattern":"h","data":0,"id":2}"#)
            .await;
        peer.expect(r#"39#{"response":7,"isDisposed":true,"id":1}"#).await;
        peer.expect(r#"44#{"response":"text","isDisposed":true,"id":2}"#).await;
    })
    .await
    .expect("served");
}

async fn expect_return(reply: impl IntoReply + Clone + Send + Sync + 'static, answer: &str) {
    let router = Router::new().message("h", move || std::future::ready(reply.clone()));
    expect_answers(router, &[(r#""data":0,"#, answer)]).await;
}

#[tokio::test(start_paused = true)]
async fn nothing_is_undefined_and_none_is_null() {
    expect_return((), "").await;
    expect_return(None::<u32>, r#""response":null,"#).await;
    expect_return(None::<()>, r#""response":null,"#).await;
    expect_return(Some(()), "").await;
    expect_return(Some(7), r#""response":7,"#).await;
    expect_return(Ok::<_, RpcError>(None::<u32>), r#""response":null,"#).await;
}

#[tokio::test(start_paused = true)]
async fn values_are_written_as_javascript_writes_them() {
    expect_return(1.0, r#""response":1,"#).await;
    expect_return(1e21, r#""response":1e+21,"#).await;
    expect_return(f64::NAN, r#""response":null,"#).await;
    expect_return("a\u{7f}\u{1}\"/", "\"response\":\"a\u{7f}\\u0001\\\"/\",").await;
    expect_return(vec![true, false], r#""response":[true,false],"#).await;
    expect_return(HashMap::from([("k", 1)]), r#""response":{"k":1},"#).await;
    expect_return(BTreeMap::from([("b", 1), ("a", 2)]), r#""response":{"a":2,"b":1},"#).await;
    let value = json::parse(r#"{"b":1,"1":"\ud800"}"#).expect("JSON");
    expect_return(value, r#""response":{"1":"\ud800","b":1},"#).await;
}

#[tokio::test(start_paused = true)]
async fn a_reply_may_be_made_by_hand() {
    let router = Router::new().message("h", async |data: Option<RawJson>| {
        data.map_or(Reply::Undefined, Reply::Value)
    });
    expect_answers(router, &[("", ""), (r#""data":[ 1 ],"#, r#""response":[ 1 ],"#)]).await;
}

#[tokio::test(start_paused = true)]
async fn metadata_is_decoded_and_refused_like_a_payload() {
    let router = Router::new().message("h", async |Metadata(words): Metadata<BTreeMap<String, u8>>| words);
    expect_answers(
        router,
        &[
            (r#""data":0,"metadata":{"a":1},"#, r#""response":{"a":1},"#),
            (
                r#""data":0,"metadata":{"a":"x"},"#,
                r#""err":{"status":"error","message":"invalid metadata at `a`: invalid type: string \"x\", expected u8 at line 1 column 8"},"#,
            ),
            (
                r#""data":0,"#,
                r#""err":{"status":"error","message":"invalid metadata: there is none"},"#,
            ),
        ],
    )
    .await;
    let optional = async |metadata: Option<Metadata<u8>>| metadata.map(|Metadata(number)| number);
    expect_answers(
        Router::new().message("h", optional),
        &[
            (r#""data":0,"metadata":7,"#, r#""response":7,"#),
            (r#""data":0,"#, r#""response":null,"#),
        ],
    )
    .await;
}

#[derive(Clone)]
struct App {
    name: &'static str,
    limit: u32,
}

impl FromRef<App> for u32 {
    fn from_ref(app: &App) -> Self {
        app.limit
    }
}

#[tokio::test(start_paused = true)]
async fn a_handler_may_take_the_whole_state_or_a_part() {
    let handler = async |State(app): State<App>, State(limit): State<u32>| format!("{} {limit}", app.name);
    let router = Router::new()
        .message("h", handler)
        .with_state(App { name: "app", limit: 7 });
    expect_answers(router, &[(r#""data":0,"#, r#""response":"app 7","#)]).await;
}

enum Refusal {
    Taken,
}

impl IntoRpcError for Refusal {
    fn into_rpc_error(self) -> RpcError {
        RpcError::new("taken")
    }
}

#[tokio::test(start_paused = true)]
async fn an_error_of_ones_own_says_what_callers_are_told() {
    let router = Router::new().message("h", async || Err::<(), _>(Refusal::Taken));
    let taken = r#""err":{"status":"error","message":"taken"},"#;
    expect_answers(router, &[(r#""data":0,"#, taken)]).await;
}
