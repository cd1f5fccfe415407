//! The metrics of a client: each outcome, its connections, and the return of all gauges to 0.

use std::time::Duration;

use futures_util::StreamExt;
use nest_wire::{
    client::{CallError, Client},
    packet::RequestPacket,
};

use crate::support::{Counts, Peer, calls, calls_with};

const OK: &str = r#"nest_wire_client_calls_total{kind="message",outcome="ok"}"#;

async fn answer(links: &mut Peer, ends_with: &str) {
    let id = links.hear_request(r#""pattern":"ask","data":1"#).await;
    links.say(&format!(r#"{{{ends_with},"id":"{id}"}}"#)).await;
}

#[tokio::test(start_paused = true)]
async fn a_client_counts_calls_by_outcome_and_its_links() {
    let counts = Counts::start();
    let (client, mut links) = calls();
    let ask = |client: &Client| {
        let client = client.clone();
        tokio::spawn(async move { client.send::<u32>("ask", &1).await })
    };
    let first = ask(&client);
    let mut link = links.next().await;
    answer(&mut link, r#""response":1,"isDisposed":true"#).await;
    assert_eq!(first.await.expect("no panic").expect("answered"), 1);
    counts.assert(&[("nest_wire_client_connections_open", 1.0)]);

    let second = ask(&client);
    answer(&mut link, r#""err":"no","isDisposed":true"#).await;
    second.await.expect("no panic").expect_err("refused");

    let third = ask(&client.with_timeout(Duration::from_secs(1)));
    assert!(matches!(third.await.expect("no panic"), Err(CallError::Timeout(_))));
    link.take_text().await;

    let fourth = ask(&client);
    link.take_text().await;
    drop(link);
    assert!(matches!(
        fourth.await.expect("no panic"),
        Err(CallError::ConnectionClosed(_))
    ));

    let streaming = client.clone();
    let mut values = Box::pin(async move { streaming.send_stream::<u32>("ask", &1).await.expect("sent") }).await;
    let mut link = links.next().await;
    answer(&mut link, r#""response":1,"isDisposed":true"#).await;
    assert_eq!(values.next().await.expect("a value").expect("a number"), 1);
    assert!(values.next().await.is_none());
    drop(client.send_stream::<u32>("ask", &1).await.expect("sent"));
    client.emit("note", &1).await.expect("sent");
    link.take_text().await;
    drop(links);
    client.close().await;
    client.send::<u32>("ask", &1).await.expect_err("closed");
    counts.assert(&[
        (OK, 2.0),
        (r#"nest_wire_client_calls_total{kind="message",outcome="error"}"#, 1.0),
        (r#"nest_wire_client_calls_total{kind="message",outcome="timeout"}"#, 1.0),
        (
            r#"nest_wire_client_calls_total{kind="message",outcome="disconnected"}"#,
            1.0,
        ),
        (
            r#"nest_wire_client_calls_total{kind="message",outcome="cancelled"}"#,
            1.0,
        ),
        (r#"nest_wire_client_calls_total{kind="message",outcome="closed"}"#, 1.0),
        (r#"nest_wire_client_calls_total{kind="event",outcome="ok"}"#, 1.0),
        (r#"nest_wire_client_calls_in_flight{kind="message"}"#, 0.0),
        (r#"nest_wire_client_call_duration_seconds_count{kind="message"}"#, 7.0),
        ("nest_wire_client_connections_total", 2.0),
        ("nest_wire_client_connections_open", 0.0),
        ("nest_wire_client_reconnects_total", 1.0),
    ]);
    assert!(counts.of("nest_wire_client_sent_bytes_total") > Some(0.0));
    assert!(counts.of("nest_wire_client_received_bytes_total") > Some(0.0));
}

#[tokio::test(start_paused = true)]
async fn a_call_whose_last_value_was_taken_counts_as_ended() {
    let counts = Counts::start();
    let (client, mut links) = calls();
    let mut values = Box::pin(client.send_stream::<u32>("ask", &1)).await.expect("sent");
    let mut link = links.next().await;
    answer(&mut link, r#""response":1,"isDisposed":true"#).await;
    values.next().await.expect("a value").expect("a number");
    drop(values);
    counts.assert(&[(OK, 1.0)]);

    let asked = RequestPacket::new(r#"{"pattern":"ask","data":1,"id":"theirs"}"#).expect("a request");
    let mut packets = client.forward(&asked).await.expect("sent");
    answer(&mut link, r#""response":1,"isDisposed":true"#).await;
    packets.next().await.expect("a packet").expect("of the reply");
    counts.assert(&[(OK, 2.0)]);
    assert!(packets.next().await.is_none());

    let mut packets = client.forward(&asked).await.expect("sent");
    answer(&mut link, r#""err":"no","isDisposed":true"#).await;
    packets.next().await.expect("a packet").expect("of the reply");
    drop(packets);
    counts.assert(&[
        (OK, 2.0),
        (r#"nest_wire_client_calls_total{kind="message",outcome="error"}"#, 1.0),
        (r#"nest_wire_client_calls_in_flight{kind="message"}"#, 0.0),
    ]);

    // The first of two values: nobody waits for the second one.
    let mut values = client.send_stream::<u32>("ask", &1).await.expect("sent");
    answer(&mut link, r#""response":1"#).await;
    values.next().await.expect("a value").expect("a number");
    drop(values);
    counts.assert(&[
        (OK, 2.0),
        (
            r#"nest_wire_client_calls_total{kind="message",outcome="cancelled"}"#,
            1.0,
        ),
    ]);
}

#[tokio::test(start_paused = true)]
async fn a_client_counts_its_failures_to_connect() {
    let counts = Counts::start();
    let (client, links) = calls_with(Client::builder(), 1024);
    drop(links);
    client.send::<u32>("ask", &1).await.expect_err("nobody is there");
    counts.assert(&[
        ("nest_wire_client_connect_failures_total", 1.0),
        (
            r#"nest_wire_client_calls_total{kind="message",outcome="unreachable"}"#,
            1.0,
        ),
    ]);
    assert_eq!(counts.of("nest_wire_client_connections_total"), None);
}
