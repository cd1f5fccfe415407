//! `nest-wire check`: its exit statuses, and that it says nothing when all is well.

use std::{
    future::pending,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

use futures_util::stream;
use nest_wire::{
    json,
    packet::{RawJson, RpcError},
    server::{Metadata, ReplyStream, Router},
};
use tokio::net::TcpListener;

use crate::command::{Ended, fresh_directory, nowhere, run, service};

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
        ended
            .stderr
            .starts_with(&format!("error: cannot connect to {address}: refused\n")),
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
    assert_eq!(ended, Ended::badly(4, "error: no answer within 50 ms\n"));
}

/// Serves `health`, which answers with these states in turn; the last one stays. Returns the address
/// and how often it was asked.
async fn with_states(states: &'static [&'static str]) -> (String, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    let health = async move || {
        let index = counted.fetch_add(1, Relaxed).min(states.len() - 1);
        match states[index] {
            "error" => Err(RpcError::new("not yet")),
            state => Ok(json::Value::from(json::Object::from_iter([("status", state)]))),
        }
    };
    (service(Router::new().message("health", health)).await, asked)
}

#[tokio::test]
async fn an_answer_has_to_be_what_is_expected() {
    let (address, _) = with_states(&["down"]).await;
    let check = async |options: &[&str]| run(&[&["check"], options, &[&address, "health"]].concat()).await;
    assert_eq!(check(&["--expect", r#"{ "status": "down" }"#]).await, Ended::well(""));
    assert_eq!(check(&["--expect-at", "/status=\"down\""]).await, Ended::well(""));
    let message = "error: health answered {\"status\":\"down\"}, not {\"status\":\"ok\"}\n";
    assert_eq!(
        check(&["--expect", r#"{"status":"ok"}"#]).await,
        Ended::badly(1, message)
    );
    let message = "error: health answered \"down\" at /status, not \"ok\"\n";
    assert_eq!(
        check(&["--expect-at", "/status=\"ok\""]).await,
        Ended::badly(1, message)
    );
}

#[tokio::test]
async fn of_several_values_the_last_is_compared() {
    let values = async || ReplyStream::new(stream::iter([1, 2]));
    let address = service(Router::new().message("count", values)).await;
    assert_eq!(
        run(&["check", "--expect", "2", &address, "count"]).await,
        Ended::well("")
    );
    let message = "error: count answered 2, not 1\n";
    assert_eq!(
        run(&["check", "--expect", "1", &address, "count"]).await,
        Ended::badly(1, message)
    );
}

#[tokio::test]
async fn a_check_may_send_data() {
    let address = service(router()).await;
    let ended = run(&["check", &address, "health", "[1]"]).await;
    assert_eq!(ended, Ended::badly(1, "{\"status\":\"error\",\"message\":\"[1]\"}\n"));
}

#[tokio::test]
async fn a_check_may_send_metadata() {
    let who = async |Metadata(metadata): Metadata<json::Value>| metadata;
    let address = service(Router::new().message("who", who)).await;
    let args = [
        "check",
        "-m",
        "tenant=acme",
        "--expect-at",
        "/tenant=\"acme\"",
        &address,
        "who",
    ];
    assert_eq!(run(&args).await, Ended::well(""));
}

#[tokio::test]
async fn it_waits_until_the_answer_is_right() {
    let (address, asked) = with_states(&["error", "starting", "ok"]).await;
    let args = [
        "check",
        "--wait",
        "60s",
        "--expect-at",
        "/status=\"ok\"",
        &address,
        "health",
    ];
    assert_eq!(run(&args).await, Ended::well(""));
    assert_eq!(asked.load(Relaxed), 3);
}

#[tokio::test]
async fn a_wait_that_is_over_tells_the_last_reason() {
    let ended = run(&["check", "--wait", "1ms", &nowhere()]).await;
    assert_eq!((ended.status, ended.stdout.as_str()), (Some(3), ""));
    assert!(ended.stderr.contains(": refused (1 attempt in "), "{ended:?}");
}

#[tokio::test]
async fn a_report_for_ci_says_what_failed() {
    let file = fresh_directory("junit").join("report.xml");
    let path = file.display().to_string();
    let (address, _) = with_states(&["down"]).await;
    let ended = run(&["check", "--junit", &path, "--expect", "1", &address, "health"]).await;
    assert_eq!(ended.status, Some(1));
    let report = std::fs::read_to_string(&file).expect("a report");
    assert!(report.contains("failures=\"1\""), "{report}");
    assert!(
        report.contains(&format!("<testcase name=\"{address} answers health\"")),
        "{report}"
    );
    assert!(
        report.contains("health answered {&quot;status&quot;:&quot;down&quot;}, not 1"),
        "{report}"
    );

    let ended = run(&["check", "--junit", &path, &address]).await;
    assert_eq!(ended, Ended::well(""));
    let report = std::fs::read_to_string(&file).expect("a report");
    assert!(report.contains("failures=\"0\""), "{report}");

    let ended = run(&["check", "--junit", "no/such/folder/report.xml", &address]).await;
    assert_eq!(
        ended,
        Ended::badly(5, "error: no/such/folder/report.xml: no such file\n")
    );
}
