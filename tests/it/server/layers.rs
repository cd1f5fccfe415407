//! Tower layers around handlers, and handlers in tasks of their own.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::SeqCst},
    },
    time::Duration,
};

use nest_wire::{
    packet::RawJson,
    server::{
        Reply, Request, RequestKind, Router,
        extract::Extension,
        handler::{Handler, SpawnLayer},
    },
};
use tokio::{sync::Semaphore, time::sleep};
use tower::{
    ServiceBuilder,
    limit::ConcurrencyLimitLayer,
    load_shed::LoadShedLayer,
    timeout::TimeoutLayer,
    util::{MapErrLayer, MapRequestLayer, MapResponseLayer},
};

use crate::support::{Peer, converse};

async fn ask(peer: &mut Peer, pattern: &str, id: u32) {
    peer.say(&format!(r#"{{"pattern":"{pattern}","data":0,"id":{id}}}"#))
        .await;
}

async fn hear_value(peer: &mut Peer, value: &str, id: u32) {
    peer.hear(&format!(r#"{{"response":{value},"isDisposed":true,"id":{id}}}"#))
        .await;
}

async fn hear_error(peer: &mut Peer, message: &str, id: u32) {
    let err = format!(r#"{{"status":"error","message":"{message}"}}"#);
    peer.hear(&format!(r#"{{"err":{err},"isDisposed":true,"id":{id}}}"#))
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_timeout_tells_the_caller_and_leaves_quick_handlers_alone() {
    let router = Router::new()
        .message("slow", async || sleep(Duration::from_secs(2)).await)
        .message("quick", async || 1)
        .layer(TimeoutLayer::new(Duration::from_secs(1)));
    converse(router, async |mut peer| {
        ask(&mut peer, "slow", 1).await;
        ask(&mut peer, "quick", 2).await;
        hear_value(&mut peer, "1", 2).await;
        let told = if cfg!(feature = "tower") {
            "request timed out"
        } else {
            "Internal server error"
        };
        hear_error(&mut peer, told, 1).await;
    })
    .await
    .expect("served");
}

#[tokio::test(start_paused = true)]
async fn a_layer_wraps_what_was_added_before_it_and_the_last_one_runs_first() {
    let append = |word: &'static str| {
        MapRequestLayer::new(move |mut request: Request| {
            let words = request.extensions.get_or_insert_default::<Vec<&'static str>>();
            words.push(word);
            request
        })
    };
    let words = async |words: Option<Extension<Vec<&'static str>>>| words.map(|Extension(words)| words.concat());
    let router = Router::new()
        .message("both", words)
        .layer(append("a"))
        .message("second", words)
        .layer(append("b"))
        .message("none", words);
    converse(router, async |mut peer| {
        for (id, (pattern, seen)) in [("both", "\"ba\""), ("second", "\"b\""), ("none", "null")]
            .into_iter()
            .enumerate()
        {
            ask(&mut peer, pattern, id as u32).await;
            hear_value(&mut peer, seen, id as u32).await;
        }
    })
    .await
    .expect("served");
}

#[tokio::test(start_paused = true)]
async fn a_limit_counts_all_calls_of_its_handler_and_no_others() {
    let gate = Arc::new(Semaphore::new(0));
    let behind_gate = {
        let gate = Arc::clone(&gate);
        async move || {
            gate.acquire().await.expect("open").forget();
            "through"
        }
    };
    let router = Router::new()
        .message("limited", behind_gate.layer(ConcurrencyLimitLayer::new(1)))
        .message("free", async || "free");
    converse(router, async |mut peer| {
        ask(&mut peer, "limited", 1).await;
        ask(&mut peer, "limited", 2).await;
        ask(&mut peer, "free", 3).await;
        hear_value(&mut peer, "\"free\"", 3).await;
        peer.expect_silence().await;
        for id in [1, 2] {
            gate.add_permits(1);
            hear_value(&mut peer, "\"through\"", id).await;
        }
    })
    .await
    .expect("served");
}

#[tokio::test(start_paused = true)]
async fn shed_load_is_answered() {
    let layer = ServiceBuilder::new()
        .layer(LoadShedLayer::new())
        .concurrency_limit(1)
        .into_inner();
    let router = Router::new()
        .message("busy", async || sleep(Duration::from_secs(1)).await)
        .layer(layer);
    converse(router, async |mut peer| {
        ask(&mut peer, "busy", 1).await;
        ask(&mut peer, "busy", 2).await;
        let told = if cfg!(feature = "tower") {
            "service overloaded"
        } else {
            "Internal server error"
        };
        hear_error(&mut peer, told, 2).await;
        peer.hear(r#"{"isDisposed":true,"id":1}"#).await;
    })
    .await
    .expect("served");
}

#[tokio::test(start_paused = true)]
async fn another_error_of_a_layer_is_internal_and_a_panic_too() {
    let failing = MapErrLayer::new(|_| io::Error::other("secret"));
    let router = Router::new()
        .message("panics", async || -> u32 { panic!("oh no") })
        .layer(TimeoutLayer::new(Duration::from_secs(1)))
        .message("late", async || sleep(Duration::from_secs(9)).await)
        .layer(
            ServiceBuilder::new()
                .layer(failing)
                .timeout(Duration::from_secs(2))
                .into_inner(),
        );
    converse(router, async |mut peer| {
        for (id, pattern) in ["panics", "late"].into_iter().enumerate() {
            ask(&mut peer, pattern, id as u32).await;
            hear_error(&mut peer, "Internal server error", id as u32).await;
        }
    })
    .await
    .expect("served");
}

#[tokio::test(start_paused = true)]
async fn a_layer_may_answer_otherwise_and_sees_what_kind_came() {
    let events = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&events);
    let count = MapRequestLayer::new(move |request: Request| {
        counted.fetch_add(u32::from(request.kind == RequestKind::Event), SeqCst);
        request
    });
    let wrap = MapResponseLayer::new(|reply: Reply| match reply {
        Reply::Value(value) => Reply::value(&serde_json::json!({ "data": value.parse::<u32>().ok() })),
        other => other,
    });
    let router = Router::new()
        .message("m", async || 7)
        .fallback(async |data: RawJson| data)
        .layer(count)
        .layer(wrap);
    converse(router, async |mut peer| {
        peer.say(r#"{"pattern":"m","data":0}"#).await;
        ask(&mut peer, "m", 1).await;
        hear_value(&mut peer, r#"{"data":7}"#, 1).await;
        ask(&mut peer, "unknown", 2).await;
        hear_value(&mut peer, r#"{"data":0}"#, 2).await;
    })
    .await
    .expect("served");
    assert_eq!(events.load(SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn all_handlers_of_a_router_may_be_spawned() {
    let task = async || tokio::task::id().to_string();
    let router = Router::new()
        .message("one", task)
        .message("other", task)
        .layer(SpawnLayer);
    converse(router, async |mut peer| {
        let mut tasks = std::collections::HashSet::new();
        for pattern in ["one", "one", "other"] {
            ask(&mut peer, pattern, 1).await;
            tasks.insert(peer.take_text().await);
        }
        assert_eq!(tasks.len(), 3, "{tasks:?}");
    })
    .await
    .expect("served");
}

#[tokio::test(start_paused = true)]
async fn a_spawned_handler_answers_fails_and_panics_like_any_other() {
    let router = Router::new()
        .message("answers", (async || tokio::task::id().to_string()).spawned())
        .message("panics", (async || -> u32 { panic!("oh no") }).spawned())
        .message("here", async || tokio::task::try_id().map(|id| id.to_string()));
    converse(router, async |mut peer| {
        let mut tasks = Vec::new();
        for pattern in ["answers", "answers", "here"] {
            ask(&mut peer, pattern, 1).await;
            tasks.push(peer.take_text().await);
        }
        assert!(tasks[0] != tasks[1] && tasks[1] != tasks[2], "{tasks:?}");
        ask(&mut peer, "panics", 2).await;
        hear_error(&mut peer, "Internal server error", 2).await;
    })
    .await
    .expect("served");
}
