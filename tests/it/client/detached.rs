//! Events without a waiting caller.

use std::{future::pending, io, time::Duration};

use nest_wire::{
    client::{Client, ClientBuilder, OverloadPolicy, Target},
    in_memory,
    server::{Payload, Router, State},
};
use tokio::{
    io::DuplexStream,
    time::{sleep, timeout},
};
use tracing::Level;

use crate::support::{Log, calls, settle};

/// Returns a client whose attempts to connect never end.
fn unconnected(config: ClientBuilder) -> Client {
    config
        .build(Target::connector(pending::<io::Result<DuplexStream>>))
        .expect("a client")
}

/// Returns a client of this number of hosts, none of which can be reached.
fn unreachable_at(hosts: usize) -> Client {
    let refuse = || async { Err::<DuplexStream, _>(io::Error::other("nobody there")) };
    Client::builder()
        .build(Target::connectors(vec![refuse; hosts]))
        .expect("a client")
}

fn unreachable() -> Client {
    unreachable_at(1)
}

#[tokio::test(start_paused = true)]
async fn events_are_sent_in_their_order_without_waiting_for_the_connection() {
    let (client, mut calls) = calls();
    for number in 0..100 {
        client.emit_detached("log", &number);
    }
    let with_metadata = client.request("log").data(&100).metadata("of this event alone");
    with_metadata.emit_detached();
    assert!(!client.state().is_connected());
    // The last handle may be dropped: its events are still sent.
    drop(client);
    let mut peer = calls.next().await;
    for number in 0..100 {
        peer.hear(&format!(r#"{{"pattern":"log","data":{number}}}"#)).await;
    }
    peer.hear(r#"{"pattern":"log","data":100,"metadata":"of this event alone"}"#)
        .await;
    peer.expect_end().await;
}

#[tokio::test(start_paused = true)]
async fn events_for_which_there_is_no_room_are_dropped_logged_and_counted() {
    for when_full in [OverloadPolicy::Wait, OverloadPolicy::Fail] {
        let log = Log::of(Level::WARN);
        let client = unconnected(Client::builder().max_queued(3).overload(when_full));
        for number in 0..5 {
            client.emit_detached("log", &number);
        }
        settle().await;
        assert_eq!(client.dropped_events(), 2);
        let line = log.line_with("an event was not sent");
        assert!(
            line.contains("log") && line.contains("too many calls are under way"),
            "{line}"
        );
        client.emit("log", &5).await.expect_err("the queue is full");
        // The time is paused.
        sleep(Duration::from_secs(31)).await;
        assert_eq!(client.dropped_events(), 5);
        client.emit_detached("log", &6);
        assert_eq!(client.clone().dropped_events(), 5, "there is room again");
    }
}

#[tokio::test(start_paused = true)]
async fn a_handler_whose_event_cannot_be_sent_answers_all_the_same() {
    async fn order(State(audit): State<Client>, Payload(item): Payload<String>) -> String {
        audit.emit_detached("ordered", &item);
        item
    }
    for (audit, error) in [
        (unreachable(), "cannot connect"),
        (unconnected(Client::builder()), "no connection within 10s"),
        (unreachable_at(2), "cannot connect"),
    ] {
        let log = Log::of(Level::WARN);
        let client = in_memory::client(Router::new().message("order", order).with_state(audit.clone()));
        assert_eq!(client.send::<String>("order", "tea").await.expect("an answer"), "tea");
        timeout(Duration::from_secs(60), async {
            while audit.dropped_events() == 0 {
                settle().await;
            }
        })
        .await
        .expect("it is dropped in the end");
        let line = log.line_with("an event was not sent");
        assert!(line.contains("ordered") && line.contains(error), "{line}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_an_event_is_dropped_logged_and_counted() {
    let (client, mut calls) = calls();
    let log = Log::of(Level::WARN);
    client.emit_detached("log", &());
    assert_eq!(client.dropped_events(), 1);
    let line = log.line_with("an event was not sent");
    assert!(line.contains("the data is missing"), "{line}");
    client.close().await;
    client.emit_detached("log", &1);
    assert_eq!(client.dropped_events(), 2);
    calls.expect_none().await;
}

#[test]
fn an_event_outside_of_a_runtime_is_dropped_and_counted() {
    let client = unreachable();
    client.emit_detached("log", &1);
    assert_eq!(client.dropped_events(), 1);
}
