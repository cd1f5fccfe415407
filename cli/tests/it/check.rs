//! `nest-wire check`: its exit statuses, and that it says nothing when all is well.

use std::future::pending;

use nest_wire::{
    packet::{RawJson, RpcError},
    server::Router,
};
use tokio::net::TcpListener;

use crate::command::{Ended, run, service};

fn router() -> Router {
    Router::new()
        .message("health", async |data: RawJson| match data.as_str() {
            "{}" => Ok("up"),
            other => Err(RpcError::new(other)),
        })
        .message("nothing", async || ())
        .message("sick", async || Err::<(), _>(RpcError::new("no database")))
        .message("never", pending::<()>)
}

#[tokio::test]
async fn a_service_that_answers_is_well_whatever_the_value() {
    let address = service(router()).await;
    for pattern in ["health", "nothing"] {
        assert_eq!(run(&["check", &address, pattern]).await, Ended::well(""), "{pattern}");
    }
}

#[tokio::test]
async fn without_a_pattern_accepting_is_enough() {
    // Nobody accepts what the system has accepted.
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound").to_string();
    assert_eq!(run(&["check", &address]).await, Ended::well(""));
    drop(listener);
    let ended = run(&["check", &address]).await;
    assert_eq!((ended.status, ended.stdout.as_str()), (Some(3), ""));
    assert!(
        ended.stderr.starts_with(&format!("cannot connect to {address}: ")),
        "{ended:?}"
    );
}

#[tokio::test]
async fn an_error_is_no_good_answer() {
    let address = service(router()).await;
    let ended = run(&["check", &address, "sick"]).await;
    let error = "{\"status\":\"error\",\"message\":\"no database\"}\n";
    assert_eq!(ended, Ended::badly(1, error));
    let ended = run(&["check", &address, "{\"cmd\":\"unknown\"}"]).await;
    assert_eq!(ended.status, Some(1), "{ended:?}");
}

#[tokio::test]
async fn a_service_that_does_not_answer_in_time_is_not_well() {
    let address = service(router()).await;
    let ended = run(&["check", "--timeout", "0.05", &address, "never"]).await;
    assert_eq!(ended, Ended::badly(4, "the call to \"never\" took longer than 50ms\n"));
}
