//! Functions around handlers.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::SeqCst},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use futures_util::{TryStreamExt, stream};
use nest_wire::{
    packet::{RawJson, RpcError},
    server::{
        Context, Metadata, Payload, Reply, ReplyStream, Request, RequestKind, Router, State,
        extract::{Extension, Rejection},
        handler::{Handler, SpawnLayer},
        middleware::{Next, from_fn, from_fn_with_state},
        reply::IntoReply,
    },
};
use tokio::time::sleep;
use tower::{ServiceBuilder, timeout::TimeoutLayer, util::MapResponseLayer};

use crate::support::{Peer, converse};

async fn ask(peer: &mut Peer, pattern: &str, rest: &str) {
    peer.say(&format!(r#"{{"pattern":"{pattern}",{rest},"id":1}}"#)).await;
}

async fn hear(peer: &mut Peer, answer: &str) {
    peer.hear(&format!(r#"{{{answer},"isDisposed":true,"id":1}}"#)).await;
}

fn error(message: &str) -> String {
    format!(r#""err":{{"status":"error","message":"{message}"}}"#)
}

/// A counter that handlers increment and a test reads afterwards.
type Count = Arc<AtomicU32>;

async fn wrapped(context: Context, mut request: Request, next: Next) -> Reply {
    request.extensions.insert(context.pattern.unwrap_or_default().len());
    match next.run(request).await {
        Reply::Value(value) => Reply::value(&(value, context.kind == RequestKind::Message)),
        Reply::Undefined => Reply::value("nothing"),
        Reply::Error(error) => Reply::Error(RpcError::new(format_args!(
            "no: {}",
            error.message().unwrap_or_default()
        ))),
        other => other,
    }
}

#[tokio::test(start_paused = true)]
async fn a_function_sees_the_request_before_and_the_reply_after_every_handler() {
    let router = Router::new()
        .message("length", async |Extension(length): Extension<usize>| length)
        .message("forget", async || ())
        .message("fail", async || Err::<(), _>(RpcError::new("odd")))
        .fallback(async || "whatever")
        .layer(from_fn(wrapped))
        .message("later", async || 1);
    converse(router, async |mut peer| {
        for (pattern, answer) in [
            ("length", r#""response":[6,true]"#),
            ("forget", r#""response":"nothing""#),
            ("fail", &error("no: odd")),
            ("unheard", r#""response":["whatever",true]"#),
            ("later", r#""response":1"#),
        ] {
            ask(&mut peer, pattern, r#""data":0"#).await;
            hear(&mut peer, answer).await;
        }
    })
    .await
    .expect("served");
}

/// Rejects callers without a token.
struct Token;

impl<S: Sync> nest_wire::server::extract::FromRequest<S> for Token {
    async fn from_request(request: &mut Request, _: &S) -> Result<Self, RpcError> {
        let token = request.metadata.as_ref().map(RawJson::as_str);
        token.map(|_| Self).ok_or_else(|| RpcError::new("Forbidden resource"))
    }
}

#[tokio::test(start_paused = true)]
async fn an_extractor_that_refuses_answers_and_nothing_further_in_runs() {
    async fn guard(_: Token, _: Metadata<Vec<u8>>, request: Request, next: Next) -> Reply {
        next.run(request).await
    }

    /// Replaces the errors of extractors, to show that outer layers can distinguish them.
    fn told_apart(reply: Reply) -> Reply {
        let Reply::Error(error) = &reply else { return reply };
        match error.cause() {
            Some(cause) if cause.is::<Rejection>() => "misfit".into_reply(),
            _ => reply,
        }
    }

    let runs = Count::default();
    let handler = async |State(runs): State<Count>| runs.fetch_add(1, SeqCst);
    let router = Router::new()
        .message("secret", handler)
        .event("secret event", handler)
        .layer(from_fn(guard))
        .layer(MapResponseLayer::new(told_apart))
        .with_state(Arc::clone(&runs));
    converse(router, async |mut peer| {
        peer.say(r#"{"pattern":"secret event","data":0}"#).await;
        ask(&mut peer, "secret", r#""data":0"#).await;
        hear(&mut peer, &error("Forbidden resource")).await;
        ask(&mut peer, "secret", r#""data":0,"metadata":"x""#).await;
        hear(&mut peer, r#""response":"misfit""#).await;
        assert_eq!(runs.load(SeqCst), 0);
        ask(&mut peer, "secret", r#""data":0,"metadata":[1]"#).await;
        hear(&mut peer, r#""response":0"#).await;
        peer.say(r#"{"pattern":"secret event","data":0,"metadata":[1]}"#).await;
        peer.expect_silence().await;
        assert_eq!(runs.load(SeqCst), 2);
    })
    .await
    .expect("served");
}

#[tokio::test(start_paused = true)]
async fn a_function_has_state_of_its_own_and_is_one_handlers_alone_if_it_is_to_be() {
    async fn counted(State(calls): State<Count>, request: Request, next: Next) -> Reply {
        calls.fetch_add(1, SeqCst);
        next.run(request).await
    }

    let calls = Count::default();
    let double = async |State(by): State<u32>, Payload(number): Payload<u32>| by * number;
    let router = Router::new()
        .message("counted", double.layer(from_fn_with_state(Arc::clone(&calls), counted)))
        .message("plain", double)
        .with_state(2);
    converse(router, async |mut peer| {
        for pattern in ["counted", "plain", "counted"] {
            ask(&mut peer, pattern, r#""data":21"#).await;
            hear(&mut peer, r#""response":42"#).await;
        }
    })
    .await
    .expect("served");
    assert_eq!(calls.load(SeqCst), 2);
}

#[tokio::test(start_paused = true)]
async fn functions_and_towers_layers_go_together_in_any_order() {
    let marked = |mark: &'static str| {
        from_fn(
            async move |request: Request, next: Next| match next.run(request).await {
                Reply::Value(value) => Reply::value(&(mark, value)),
                Reply::Error(error) => Reply::value(&(mark, error.message())),
                other => other,
            },
        )
    };
    let layers = ServiceBuilder::new()
        .layer(marked("outer"))
        .layer(SpawnLayer)
        .layer(TimeoutLayer::new(Duration::from_secs(1)))
        .layer(marked("inner"))
        .into_inner();
    let router = Router::new()
        .message("quick", async || 1)
        .message("slow", async || sleep(Duration::from_secs(2)).await)
        .layer(layers);
    converse(router, async |mut peer| {
        ask(&mut peer, "quick", r#""data":0"#).await;
        hear(&mut peer, r#""response":["outer",["inner",1]]"#).await;
        ask(&mut peer, "slow", r#""data":0"#).await;
        let told = match cfg!(feature = "tower") {
            true => "request timed out",
            false => "Internal server error",
        };
        hear(&mut peer, &format!(r#""response":["outer","{told}"]"#)).await;
    })
    .await
    .expect("served");
}

#[tokio::test(start_paused = true)]
async fn a_service_may_give_up_what_its_caller_has_given_up() {
    #[derive(serde::Deserialize)]
    struct Until {
        deadline: u64,
    }

    /// The example of the documentation of `Client::with_deadline_metadata`.
    async fn in_time(until: Option<Metadata<Until>>, request: Request, next: Next) -> Result<Reply, RpcError> {
        let Some(Metadata(Until { deadline })) = until else {
            return Ok(next.run(request).await);
        };
        let deadline = UNIX_EPOCH + Duration::from_millis(deadline);
        let left = deadline.duration_since(SystemTime::now()).unwrap_or_default();
        let reply = tokio::time::timeout(left, next.run(request)).await;
        reply.map_err(|_| RpcError::new("too late"))
    }

    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("later").as_millis();
    let router = Router::new()
        .message("slow", async || sleep(Duration::from_secs(60)).await)
        .layer(from_fn(in_time));
    converse(router, async |mut peer| {
        let until = |deadline: u128| format!(r#""data":0,"metadata":{{"deadline":{deadline}}}"#);
        for deadline in [1, now + 50_000] {
            ask(&mut peer, "slow", &until(deadline)).await;
            hear(&mut peer, &error("too late")).await;
        }
        for rest in [until(now + 90_000), r#""data":0"#.to_owned()] {
            ask(&mut peer, "slow", &rest).await;
            peer.hear(r#"{"isDisposed":true,"id":1}"#).await;
        }
    })
    .await
    .expect("served");
}

#[tokio::test(start_paused = true)]
async fn a_function_may_map_streams_answer_itself_and_panic() {
    async fn odd(request: Request, next: Next) -> Reply {
        match request.data.as_ref().map(RawJson::as_str) {
            Some("0") => "no need to ask".into_reply(),
            Some("1") => panic!("oh no"),
            _ => match next.run(request).await {
                Reply::Stream(values) => ReplyStream::fallible(values.map_ok(|value| [value])).into_reply(),
                other => other,
            },
        }
    }

    let router = Router::new()
        .message("count", async || ReplyStream::new(stream::iter([1, 2])))
        .layer(from_fn(odd));
    converse(router, async |mut peer| {
        ask(&mut peer, "count", r#""data":0"#).await;
        hear(&mut peer, r#""response":"no need to ask""#).await;
        ask(&mut peer, "count", r#""data":1"#).await;
        hear(&mut peer, &error("Internal server error")).await;
        ask(&mut peer, "count", r#""data":2"#).await;
        peer.hear(r#"{"response":[1],"id":1}"#).await;
        hear(&mut peer, r#""response":[2]"#).await;
    })
    .await
    .expect("served");
}
