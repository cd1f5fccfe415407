//! Services that stop and reject calls, which the client then makes elsewhere.

use std::{pin::pin, time::Duration};

use futures_util::{FutureExt, StreamExt};
use nest_wire::{
    client::{CallError, Client, ConnectionState, DisconnectReason, Request, Target},
    packet::RpcError,
};
use tokio::{sync::mpsc, time::Instant};
use tower::{Service, ServiceExt};

use crate::support::{Farewell, Peer, calls, settle, witnessed};

async fn hear(peer: &mut Peer) -> String {
    peer.hear_request(r#""pattern":"a","data":1"#).await
}

async fn answer(peer: &mut Peer, id: &str) {
    peer.say(&format!(r#"{{"response":7,"isDisposed":true,"id":"{id}"}}"#))
        .await;
}

async fn refuse(peer: &mut Peer, id: &str) {
    let err = r#"{"status":"error","message":"the service is stopping"}"#;
    peer.say(&format!(r#"{{"err":{err},"isDisposed":true,"id":"{id}"}}"#))
        .await;
}

/// Rejects a call, reads the end, closes, and answers the call on the next connection.
async fn refuse_once(links: &mut mpsc::UnboundedReceiver<Peer>, pattern_and_data: &str) {
    let mut first = links.recv().await.expect("a link");
    let id = first.hear_request(pattern_and_data).await;
    refuse(&mut first, &id).await;
    first.expect_end().await;
    drop(first);
    let mut second = links.recv().await.expect("another link");
    let id = second.hear_request(pattern_and_data).await;
    answer(&mut second, &id).await;
}

#[tokio::test(start_paused = true)]
async fn a_request_that_was_refused_is_sent_again_on_another_connection() {
    let data = r#""pattern":"a","data":1"#;
    let (client, mut links, farewells) = witnessed(Client::builder(), 4096);
    let client = client.with_metadata(&[1]).expect("JSON");
    let with_metadata = format!(r#"{data},"metadata":[1]"#);
    let (outcome, ()) = tokio::join!(client.send::<u32>("a", &1), refuse_once(&mut links, &with_metadata));
    assert_eq!(outcome.expect("an answer"), 7);
    assert_eq!(farewells.all()[0], Farewell::IN_ORDER);

    let (client, mut links, _) = witnessed(Client::builder(), 4096);
    let checked = r#""pattern":"a","data":{}"#;
    let (outcome, ()) = tokio::join!(client.check("a"), refuse_once(&mut links, checked));
    outcome.expect("it answers");

    let (mut client, mut links, _) = witnessed(Client::builder(), 4096);
    let call = async {
        let service = client.ready().await.expect("always");
        service.call(Request::new("a", &1).expect("JSON")).await
    };
    let (outcome, ()) = tokio::join!(call, refuse_once(&mut links, data));
    assert_eq!(outcome.expect("an answer").parse::<u32>().expect("a number"), 7);
}

#[tokio::test(start_paused = true)]
async fn a_request_is_sent_again_a_few_times_and_then_fails_as_unsent() {
    let (client, mut calls) = calls();
    let script = async {
        for _ in 0..4 {
            let mut peer = calls.next().await;
            let id = hear(&mut peer).await;
            refuse(&mut peer, &id).await;
            peer.expect_end().await;
        }
    };
    let (outcome, ()) = tokio::join!(client.send::<u32>("a", &1), script);
    let error = outcome.expect_err("refused");
    assert!(matches!(error, CallError::Stopping) && error.is_unsent(), "{error:?}");
    assert_eq!(error.to_string(), "the service is stopping");
    calls.expect_none().await;
}

#[tokio::test(start_paused = true)]
async fn all_attempts_together_have_the_time_of_one_call() {
    let (client, mut calls) = calls();
    let start = Instant::now();
    let script = async {
        let mut peer = calls.next().await;
        let id = hear(&mut peer).await;
        peer.expect_silence_of(Duration::from_secs(20)).await;
        refuse(&mut peer, &id).await;
        peer.expect_end().await;
        let mut peer = calls.next().await;
        hear(&mut peer).await;
        peer
    };
    let (outcome, _peer) = tokio::join!(client.send::<u32>("a", &1), script);
    assert!(matches!(outcome, Err(CallError::Timeout(_))), "{outcome:?}");
    assert!((30..31).contains(&start.elapsed().as_secs()), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn what_a_stopping_service_owes_is_read_and_what_waits_goes_to_the_next_connection() {
    let (client, mut calls) = calls();
    let mut slow = client.send::<u32>("a", &1).boxed();
    assert!((&mut slow).now_or_never().is_none());
    let mut first = calls.next().await;
    let owed = hear(&mut first).await;
    let mut refused = client.send::<u32>("a", &1).boxed();
    assert!((&mut refused).now_or_never().is_none());
    let id = hear(&mut first).await;
    refuse(&mut first, &id).await;
    settle().await;
    assert!(
        matches!(
            client.state(),
            ConnectionState::Disconnected(DisconnectReason::Stopping)
        ),
        "{:?}",
        client.state()
    );
    let mut event = client.emit("b", &1).boxed();
    assert!((&mut event).now_or_never().is_none() && (&mut refused).now_or_never().is_none());
    // No more is written here.
    first.expect_silence().await;
    answer(&mut first, &owed).await;
    assert_eq!(slow.await.expect("an answer"), 7);
    first.expect_end().await;
    drop(first);
    let script = async {
        let mut second = calls.next().await;
        second.expect(r#"24#{"pattern":"b","data":1}"#).await;
        let id = hear(&mut second).await;
        answer(&mut second, &id).await;
        second
    };
    let (event, refused, _second) = tokio::join!(event, refused, script);
    event.expect("sent");
    assert_eq!(refused.expect("an answer"), 7);
}

#[tokio::test(start_paused = true)]
async fn a_stopping_service_that_neither_answers_nor_closes_is_left_after_the_drain_timeout() {
    let config = Client::builder().timeout(Duration::from_secs(600));
    let (client, mut links, _) = witnessed(config, 4096);
    let mut slow = client.send::<u32>("a", &1).boxed();
    assert!((&mut slow).now_or_never().is_none());
    let mut first = links.recv().await.expect("a link");
    hear(&mut first).await;
    let start = Instant::now();
    let script = async {
        let id = hear(&mut first).await;
        refuse(&mut first, &id).await;
        let mut second = links.recv().await.expect("another link");
        let id = hear(&mut second).await;
        answer(&mut second, &id).await;
        second
    };
    let (answered, _second) = tokio::join!(client.send::<u32>("a", &1), script);
    assert_eq!(answered.expect("an answer"), 7);
    assert!((25..26).contains(&start.elapsed().as_secs()), "{:?}", start.elapsed());
    let outcome = slow.await;
    assert!(
        matches!(outcome, Err(CallError::ConnectionClosed(DisconnectReason::Stopping))),
        "{outcome:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_host_that_stops_gets_no_more_calls_while_another_one_takes_them() {
    let (opened, mut links) = mpsc::unbounded_channel();
    let connectors = [0, 1].map(|host| {
        let opened = opened.clone();
        move || {
            let (ours, theirs) = tokio::io::duplex(4096);
            opened.send((host, Peer::new(theirs))).expect("the test goes on");
            std::future::ready(std::io::Result::Ok(ours))
        }
    });
    let client = Client::builder()
        .build(Target::connectors(connectors))
        .expect("a client");
    client.connect().await.expect("a link");
    let mut hosts = [links.recv().await.expect("a link"), links.recv().await.expect("a link")];
    hosts.sort_by_key(|(host, _)| *host);
    let [(_, mut stopping), (_, mut other)] = hosts;
    settle().await;
    let script = async {
        let mut others = 0;
        // Repeat until the host that stops has received a call.
        let id = {
            let mut id = pin!(hear(&mut stopping));
            loop {
                tokio::select! {
                    biased;
                    id = &mut id => break id,
                    id = hear(&mut other) => {
                        answer(&mut other, &id).await;
                        others += 1;
                    }
                }
            }
        };
        refuse(&mut stopping, &id).await;
        for _ in others..20 {
            let id = hear(&mut other).await;
            answer(&mut other, &id).await;
        }
        stopping.expect_end().await;
    };
    let callers = async {
        for _ in 0..20 {
            assert_eq!(client.send::<u32>("a", &1).await.expect("an answer"), 7);
        }
    };
    tokio::join!(callers, script);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_had_begun_when_it_was_refused_does_not_count_as_unsent() {
    let (client, mut calls) = calls();
    let mut begun = client.send_stream::<u32>("a", &1).await.expect("sent");
    let mut peer = calls.next().await;
    let id = hear(&mut peer).await;
    peer.say(&format!(r#"{{"response":1,"id":"{id}"}}"#)).await;
    refuse(&mut peer, &id).await;
    assert_eq!(begun.next().await.expect("a value").expect("a number"), 1);
    let error = begun.next().await.expect("an end").expect_err("refused");
    assert!(
        matches!(error, CallError::ConnectionClosed(DisconnectReason::Stopping)) && !error.is_unsent(),
        "{error:?}"
    );
}

#[test]
fn a_handler_that_passes_a_refusal_on_does_not_refuse_its_own_caller() {
    let error = RpcError::from(CallError::Stopping);
    assert_eq!(error, RpcError::internal());
    assert_eq!(error.cause().expect("a cause").to_string(), "the service is stopping");
}

#[tokio::test(start_paused = true)]
async fn an_error_that_only_resembles_a_refusal_is_none() {
    let (client, mut calls) = calls();
    let script = async {
        let mut peer = calls.next().await;
        for err in [
            r#""the service is stopping""#,
            r#"{"message":"the service is stopping","status":"error"}"#,
            r#"{"status":"error","message":"the service is stopping","code":1}"#,
        ] {
            let id = hear(&mut peer).await;
            peer.say(&format!(r#"{{"err":{err},"isDisposed":true,"id":"{id}"}}"#))
                .await;
        }
    };
    let callers = async {
        for _ in 0..3 {
            let outcome = client.send::<u32>("a", &1).await;
            assert!(matches!(outcome, Err(CallError::Rpc(_))), "{outcome:?}");
        }
    };
    tokio::join!(callers, script);
    calls.expect_none().await;
}
