//! Peers that do not read, or read late.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering::SeqCst},
};

use nest_wire::{
    connection::{ConnectionError, TransportConfig},
    packet::RawJson,
    server::{Payload, Router, State},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, split},
    sync::Notify,
    time::{Duration, sleep},
};

use crate::support::{Peer, converse_over, converse_with, frame, settle};

/// `big` replies with the requested number of bytes; `gathered` first waits to be released.
#[derive(Clone, Default)]
struct Service {
    started: Arc<AtomicU32>,
    release: Arc<Notify>,
}

impl Service {
    fn router(&self) -> Router {
        let big = async |State(service): State<Self>, Payload(length): Payload<usize>| {
            service.started.fetch_add(1, SeqCst);
            text(length)
        };
        let gathered = async |State(service): State<Self>, Payload(length): Payload<usize>| {
            service.started.fetch_add(1, SeqCst);
            service.release.notified().await;
            text(length)
        };
        Router::new()
            .message("big", big)
            .message("gathered", gathered)
            .message("echo", async |data: RawJson| data)
            .with_state(self.clone())
    }

    fn started(&self) -> u32 {
        self.started.load(SeqCst)
    }
}

/// Returns JSON text. A string would have to be serialised first.
fn text(length: usize) -> RawJson {
    RawJson::new(format!("\"{}\"", "x".repeat(length))).expect("JSON")
}

fn requests(pattern: &str, length: usize, count: usize) -> String {
    frame(&format!(r#"{{"pattern":"{pattern}","data":{length},"id":1}}"#)).repeat(count)
}

fn reply(length: usize) -> String {
    frame(&format!(
        r#"{{"response":"{}","isDisposed":true,"id":1}}"#,
        "x".repeat(length)
    ))
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_does_not_read_is_not_read_either() {
    let service = Service::default();
    let script = async |peer: Peer| {
        let (mut from_server, mut to_server) = split(peer.into_inner());
        let asking = async {
            let all = requests("big", 10_000, 1000);
            to_server.write_all(all.as_bytes()).await.expect("the link is open");
        };
        let listening = async {
            sleep(Duration::from_secs(3600)).await;
            let while_unread = service.started();
            assert!((1..20).contains(&while_unread), "{while_unread} were started");
            let mut received = vec![0; reply(10_000).len()];
            for _ in 0..1000 {
                from_server.read_exact(&mut received).await.expect("the link is open");
                assert!(received == reply(10_000).into_bytes());
            }
        };
        tokio::join!(asking, listening);
    };
    converse_over(4096, &TransportConfig::default(), service.router(), script)
        .await
        .expect("served");
}

#[tokio::test(start_paused = true)]
async fn the_rest_of_a_segment_waits_for_a_peer_that_does_not_read() {
    let service = Service::default();
    let config = TransportConfig::default().max_send_buffer_size(300_000);
    converse_with(&config, service.router(), async |mut peer| {
        peer.send(requests("big", 100_000, 100)).await;
        settle().await;
        let while_unread = service.started();
        assert!((1..10).contains(&while_unread), "{while_unread} were started");
        for _ in 0..100 {
            peer.expect(reply(100_000)).await;
        }
    })
    .await
    .expect("served");
}

#[tokio::test(start_paused = true)]
async fn a_corrupt_frame_takes_nothing_back_that_is_half_sent() {
    let service = Service::default();
    converse_over(1000, &TransportConfig::default(), service.router(), async |mut peer| {
        peer.send(requests("big", 100_000, 1) + &requests("big", 100_000, 2) + "x#")
            .await;
        settle().await;
        peer.expect(reply(100_000)).await;
        peer.expect(reply(100_000)).await;
        // The third reply depends on whether the end was already detected: it is sent whole or not
        // at all.
        let rest = peer.take_all().await;
        assert!(rest.is_empty() || rest == reply(100_000).into_bytes());
    })
    .await
    .expect("served");
}

#[tokio::test(start_paused = true)]
async fn too_much_waiting_cuts_the_connection_before_all_of_it_is_gathered() {
    let service = Service::default();
    let config = TransportConfig::default().max_send_buffer_size(300_000);
    let ended = converse_with(&config, service.router(), async |mut peer| {
        peer.send(requests("gathered", 100_000, 300)).await;
        peer.expect_silence().await;
        assert_eq!(service.started(), 300);
        service.release.notify_waiters();
        settle().await;
        let sent = peer.take_all().await;
        assert!(sent.len() < 1_000_000, "more than the link holds: {}", sent.len());
    });
    match ended.await {
        Err(ConnectionError::SendBufferFull { buffered, limit }) => {
            assert_eq!(limit, 300_000);
            assert!((limit..limit + 110_000).contains(&buffered), "{buffered}");
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn handlers_that_finish_meanwhile_are_answered_when_the_peer_reads() {
    let service = Service::default();
    let script = async |mut peer: Peer| {
        peer.send(requests("gathered", 200_000, 20)).await;
        settle().await;
        service.release.notify_waiters();
        sleep(Duration::from_secs(60)).await;
        for _ in 0..20 {
            peer.expect(reply(200_000)).await;
        }
        peer.expect_silence().await;
    };
    converse_over(1000, &TransportConfig::default(), service.router(), script)
        .await
        .expect("served");
}

#[tokio::test(start_paused = true)]
async fn both_sides_may_send_much_at_once() {
    const MEGABYTE: usize = 1024 * 1024;
    let request = format!(r#"{{"pattern":"echo","data":"{}","id":1}}"#, "x".repeat(MEGABYTE));
    let script = async |peer: Peer| {
        let (mut from_server, mut to_server) = split(peer.into_inner());
        let asking = async {
            for _ in 0..16 {
                let request = frame(&request);
                to_server.write_all(request.as_bytes()).await.expect("the link is open");
            }
        };
        let listening = async {
            let mut received = vec![0; reply(MEGABYTE).len()];
            for _ in 0..16 {
                from_server.read_exact(&mut received).await.expect("the link is open");
                assert!(received == reply(MEGABYTE).into_bytes());
            }
        };
        tokio::join!(asking, listening);
    };
    converse_over(4096, &TransportConfig::default(), Service::default().router(), script)
        .await
        .expect("served");
}

#[tokio::test(start_paused = true)]
async fn one_peer_that_does_not_read_keeps_no_other_waiting() {
    let service = Service::default();
    let routes = service.router().into_routes();
    let ((deaf, deafs), (quick, quicks)) = (tokio::io::duplex(1000), tokio::io::duplex(1000));
    let serve = |io| nest_wire::server::serve_connection(io, Arc::clone(&routes)).into_future();
    let script = async {
        let (mut deaf, mut quick) = (Peer::new(deaf), Peer::new(quick));
        deaf.send(requests("big", 100_000, 3)).await;
        quick.send(requests("big", 10, 1)).await;
        quick.expect(reply(10)).await;
        deaf.expect(reply(100_000)).await;
    };
    let (_, quick, ()) = tokio::join!(serve(deafs), serve(quicks), script);
    quick.expect("served");
}
