//! Connections that are lost, and peers that are slow: at any byte, other connections are not
//! affected.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::SeqCst},
    },
    time::Duration,
};

use futures_util::{StreamExt, stream};
use nest_wire::{
    codec::FrameDecoder,
    packet::RawJson,
    server::{Payload, ReplyStream, Router, ShutdownOutcome, State, serve},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, split},
    task::JoinHandle,
    time::sleep,
};

use crate::support::{Arrivals, Peer, arrivals, frame, settle};

/// The handlers that have begun and finished.
#[derive(Debug, Default)]
struct Done {
    begun: AtomicU32,
    finished: AtomicU32,
}

struct Service {
    arrivals: Arrivals,
    done: Arc<Done>,
    running: JoinHandle<ShutdownOutcome>,
}

impl Service {
    fn start() -> Self {
        let done = Arc::new(Done::default());
        let router = Router::new()
            .message("echo", async |State(done): State<Arc<Done>>, data: RawJson| {
                done.begun.fetch_add(1, SeqCst);
                done.finished.fetch_add(1, SeqCst);
                data
            })
            .message("slow", async |State(done): State<Arc<Done>>| {
                done.begun.fetch_add(1, SeqCst);
                sleep(Duration::from_secs(10)).await;
                done.finished.fetch_add(1, SeqCst);
            })
            .event(
                "log",
                async |State(done): State<Arc<Done>>, Payload(_): Payload<String>| {
                    done.begun.fetch_add(1, SeqCst);
                    sleep(Duration::from_millis(100)).await;
                    done.finished.fetch_add(1, SeqCst);
                },
            )
            .message("count", async |State(done): State<Arc<Done>>| {
                done.begun.fetch_add(1, SeqCst);
                done.finished.fetch_add(1, SeqCst);
                ReplyStream::new(stream::iter(0..3).then(async |n| {
                    sleep(Duration::from_secs(1)).await;
                    n
                }))
            })
            .with_state(Arc::clone(&done));
        let (arrivals, listener) = arrivals();
        Self {
            arrivals,
            done,
            running: tokio::spawn(serve(listener, router).into_future()),
        }
    }

    /// Returns how many handlers have begun and how many have finished since the previous call.
    fn done(&self) -> [u32; 2] {
        [&self.done.begun, &self.done.finished].map(|count| count.swap(0, SeqCst))
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.running.abort();
    }
}

/// One frame per element, with characters of one to four bytes.
const CONVERSATION: [&str; 5] = [
    r#"{"pattern":"echo","data":"aé求😀","id":"é"}"#,
    r#"{"pattern":"log","data":"求和"}"#,
    r#"{"pattern":"slow","data":0,"id":2}"#,
    r#"{"pattern":"count","data":0,"id":3}"#,
    r#"{"pattern":"echo","data":[1,{"b":"😀"}],"id":null}"#,
];

fn conversation() -> Vec<u8> {
    CONVERSATION.map(frame).concat().into_bytes()
}

/// Returns the number of whole packets in the first bytes of the conversation.
fn whole_packets(bytes: usize) -> u32 {
    let ends = CONVERSATION.iter().scan(0, |end, text| {
        *end += frame(text).len();
        Some(*end)
    });
    ends.filter(|end| *end <= bytes).count() as u32
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Fault {
    /// The peer closes its side and continues to read.
    HalfClosed,
    /// The peer has disconnected.
    Gone,
    /// The peer disconnects once every possible reply has been sent.
    GoneLater,
}

async fn is_unharmed(bystander: &mut Peer) {
    bystander.say(r#"{"pattern":"echo","data":"here","id":1}"#).await;
    bystander.hear(r#"{"response":"here","isDisposed":true,"id":1}"#).await;
}

#[tokio::test(start_paused = true)]
async fn a_link_that_is_cut_at_any_byte_loses_no_whole_packet_and_harms_no_other() {
    let service = Service::start();
    let mut bystander = service.arrivals.arrive();
    let conversation = conversation();
    for fault in [Fault::HalfClosed, Fault::Gone, Fault::GoneLater] {
        for cut in 0..=conversation.len() {
            let mut peer = service.arrivals.arrive();
            peer.send(&conversation[..cut]).await;
            match fault {
                Fault::HalfClosed => {
                    peer.half_close().await;
                    are_whole(&peer.take_all().await);
                }
                Fault::Gone => {}
                Fault::GoneLater => settle().await,
            }
            drop(peer);
            is_unharmed(&mut bystander).await;
            sleep(Duration::from_secs(11)).await;
            let expected = whole_packets(cut) + 1;
            assert_eq!(service.done(), [expected; 2], "{fault:?} at byte {cut}");
        }
    }
}

/// Checks that the replies end at the end of a packet.
fn are_whole(replies: &[u8]) {
    let mut decoder = FrameDecoder::default();
    decoder.push(replies);
    while decoder.next_frame().expect("frames").is_some() {}
    assert!(decoder.is_at_boundary(), "{}", String::from_utf8_lossy(replies));
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_sends_and_takes_a_byte_at_a_time_is_served_like_any_other() {
    let service = Service::start();
    let mut bystander = service.arrivals.arrive();
    let mut peer = service.arrivals.arrive();
    for byte in conversation() {
        peer.send([byte]).await;
        sleep(Duration::from_secs(1)).await;
        is_unharmed(&mut bystander).await;
    }
    // The replies are in the order in which they were ready, since a packet takes tens of seconds
    // to arrive.
    let replies = [
        r#"{"response":"aé求😀","isDisposed":true,"id":"é"}"#,
        r#"{"isDisposed":true,"id":2}"#,
        r#"{"response":0,"id":3}"#,
        r#"{"response":1,"id":3}"#,
        r#"{"response":2,"isDisposed":true,"id":3}"#,
        r#"{"response":[1,{"b":"😀"}],"isDisposed":true,"id":null}"#,
    ];
    for byte in replies.map(frame).concat().bytes() {
        sleep(Duration::from_secs(1)).await;
        peer.expect([byte]).await;
    }
    peer.expect_silence().await;
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_reads_slowly_gets_all_in_order_while_others_are_served() {
    const REQUESTS: usize = 50;
    let service = Service::start();
    let mut bystander = service.arrivals.arrive();
    let text = "x".repeat(3000);
    let (mut receiving, mut sending) = split(service.arrivals.arrive().into_inner());
    let requests = (0..REQUESTS).map(|id| frame(&format!(r#"{{"pattern":"echo","data":"{text}","id":{id}}}"#)));
    let requests = requests.collect::<String>();
    let asking = tokio::spawn(async move {
        sending.write_all(requests.as_bytes()).await.expect("open");
        sending
    });
    for id in 0..REQUESTS {
        let reply = frame(&format!(r#"{{"response":"{text}","isDisposed":true,"id":{id}}}"#));
        for part in reply.as_bytes().chunks(500) {
            sleep(Duration::from_secs(1)).await;
            let mut received = vec![0; part.len()];
            receiving.read_exact(&mut received).await.expect("open");
            assert_eq!(received, part);
        }
        is_unharmed(&mut bystander).await;
    }
    asking.await.expect("all was taken");
}
