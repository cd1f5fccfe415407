//! Nest's health check: terminus connects a `ClientTCP` and closes it again. A service must not log
//! a problem.

use std::{future::IntoFuture, sync::Arc};

use compat_tests::{Environment, ask_client, on_each_major};
use nest_wire::{
    Compat,
    server::{Router, serve},
};
use tokio::sync::Notify;
use tracing::Level;

use crate::{log::Log, service::listener};

on_each_major!(a_health_check_leaves_no_trace_in_the_log_of, checks);

async fn checks(major: u8) {
    let environment = Environment::ready().await;
    let log = Log::of(Level::DEBUG);
    let (listener, port) = listener().await;
    let stop = Arc::new(Notify::new());
    let router = Router::new().compat(Compat::from_major(major).expect("a major that is pinned"));
    let serving = serve(listener, router).with_graceful_shutdown(Arc::clone(&stop).notified_owned());
    let served = tokio::spawn(serving.into_future());

    let connect = r#"{"op":"connect","key":1}"#.to_owned();
    // The client closes when it has done everything.
    let heard = ask_client(environment, major, port, &[connect]).await;
    assert_eq!(heard["1"], [r#"{"key":1,"complete":true}"#]);
    stop.notify_one();
    served.await.expect("no panic");

    let text = log.text();
    assert!(text.contains("disconnected"), "{text}");
    let noise: Vec<_> = text.lines().filter(|line| !line.starts_with("DEBUG")).collect();
    assert_eq!(noise, [""; 0]);
}
