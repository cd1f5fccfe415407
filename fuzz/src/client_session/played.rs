//! Plays a script to a client over a connection in memory, while time is paused.

use std::{io, time::Duration};

use futures_util::{FutureExt, StreamExt, future::join};
use nest_wire::{
    Compat,
    client::{CallError, Client, Target},
    codec::FrameDecoder,
    packet::{IncomingRequest, OutgoingReply, RawJson, write_reply},
};
use serde_json::value::RawValue;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex},
    sync::mpsc,
    task::{JoinHandle, yield_now},
    time::{sleep, timeout},
};

use super::{End, Outcome, link::Link};
use crate::script::{Step, steps};

/// The calls, each with its pattern and its timeout. The timeouts are not whole seconds, so that
/// they never end together with a wait.
pub(super) const CALLS: [(&str, Duration); 5] = [
    ("one", Duration::from_millis(5500)),
    ("other", Duration::from_millis(5500)),
    ("stream", Duration::from_millis(3500)),
    ("given up", Duration::from_millis(5500)),
    ("short", Duration::from_millis(1500)),
];
/// Indices of the calls that differ from the others.
pub(super) const STREAM: usize = 2;
pub(super) const GIVEN_UP: usize = 3;

/// The client has settled when its peer has yielded this number of times.
const YIELDS: usize = 8;
/// Longer than all timeouts. A call that has not ended by then hangs.
const FOR_EVER: Duration = Duration::from_secs(3600);
const LINK_BYTES: usize = 64 * 1024;

type Value = Option<Box<RawValue>>;

/// The result of a script.
pub(super) struct Played {
    pub(super) script: Vec<Step>,
    /// The ids of all calls, in the order of [`CALLS`].
    pub(super) ids: Vec<String>,
    /// The outcomes of all calls except the cancelled one.
    pub(super) outcomes: Vec<Outcome>,
}

/// Makes the calls and plays a script to them.
///
/// # Panics
/// Panics if a call does not end, or if the client does not call again afterwards.
pub(super) fn play(input: &[u8], compat: Compat) -> Played {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_time().start_paused(true).build().expect("a runtime");
    runtime.block_on(converse(input, compat))
}

async fn converse(input: &[u8], compat: Compat) -> Played {
    let (opened, mut links) = mpsc::unbounded_channel();
    let connect = move || {
        let (client, service) = duplex(LINK_BYTES);
        let sent = opened.send(service);
        std::future::ready(sent.map(|()| Link::new(client)).map_err(io::Error::other))
    };
    let client = Client::builder()
        .compat(compat)
        .build(Target::connector(connect))
        .expect("a client");
    let mut calls = CALLS
        .iter()
        .enumerate()
        .map(|(number, call)| start(&client, number, *call))
        .collect::<Vec<_>>();
    let event = tokio::spawn({
        let client = client.clone();
        async move { client.emit("event", "data").await }
    });

    let mut service: DuplexStream = links.recv().await.expect("the client connects");
    let ids = ids(&mut service).await;
    event.await.expect("no panic").expect("the event was read");
    calls.remove(GIVEN_UP).abort();
    settle().await;
    let script = steps(input, &ids);
    for step in &script {
        take(&mut service, step).await;
    }
    let mut outcomes = Vec::new();
    for call in calls {
        let ended = timeout(FOR_EVER, call).await.expect("the call ends");
        outcomes.push(ended.expect("no panic"));
    }
    drop(service);
    settle().await;
    calls_again(&client, &mut links).await;
    timeout(FOR_EVER, client.close()).await.expect("the client closes");
    Played { script, ids, outcomes }
}

fn start(client: &Client, number: usize, (pattern, timeout): (&'static str, Duration)) -> JoinHandle<Outcome> {
    let client = client.with_timeout(timeout);
    match number {
        STREAM => tokio::spawn(async move {
            let mut replies = client
                .send_stream::<Value>(pattern, "data")
                .await
                .expect("there is room");
            let mut values = Vec::new();
            while let Some(reply) = replies.next().await {
                match reply {
                    Ok(value) => values.push(text(value)),
                    Err(error) => {
                        return Outcome {
                            values,
                            end: end(error),
                        };
                    }
                }
            }
            Outcome {
                values,
                end: End::Completed,
            }
        }),
        _ => tokio::spawn(async move {
            match client.send::<Value>(pattern, "data").await {
                Ok(value) => Outcome {
                    values: vec![text(value)],
                    end: End::Completed,
                },
                Err(error) => Outcome {
                    values: Vec::new(),
                    end: end(error),
                },
            }
        }),
    }
}

fn text(value: Value) -> String {
    value.map_or_else(|| "null".to_owned(), |value| value.get().to_owned())
}

fn end(error: CallError) -> End {
    match error {
        CallError::Rpc(error) => End::Failed(error.err().to_string()),
        CallError::ConnectionClosed(_) => End::Closed,
        CallError::Timeout(_) => End::TimedOut,
        error => panic!("no call may fail with {error:?}"),
    }
}

/// Reads all requests and the event. Returns the ids in the order of [`CALLS`].
async fn ids(service: &mut DuplexStream) -> Vec<String> {
    let mut ids = vec![None; CALLS.len()];
    let mut decoder = FrameDecoder::default();
    let mut event = false;
    while !event || ids.contains(&None) {
        let packet = request(service, &mut decoder).await;
        let pattern = packet
            .pattern
            .map(|pattern| pattern.parse::<String>().expect("a string"));
        match CALLS.iter().position(|(call, _)| Some(*call) == pattern.as_deref()) {
            Some(call) => ids[call] = packet.id.map(|id| id.parse::<String>().expect("a string")),
            None => event = true,
        }
    }
    ids.into_iter().flatten().collect()
}

/// Reads the next request or event.
async fn request(service: &mut DuplexStream, decoder: &mut FrameDecoder) -> IncomingRequest {
    loop {
        if let Some(text) = decoder.next_frame().expect("the client frames well") {
            return IncomingRequest::read(&text).expect("the client sends JSON");
        }
        let mut bytes = Vec::new();
        assert_ne!(
            service.read_buf(&mut bytes).await.expect("it is open"),
            0,
            "the client has closed"
        );
        decoder.push(&bytes);
    }
}

async fn take(service: &mut DuplexStream, step: &Step) {
    match step {
        Step::Send(bytes) => {
            // The client may have closed because the framing was broken.
            let _ = service.write_all(bytes).now_or_never();
        }
        Step::Wait => sleep(Duration::from_secs(1)).await,
        Step::Close => {
            let _ = service.shutdown().await;
        }
    }
    settle().await;
}

async fn settle() {
    for _ in 0..YIELDS {
        yield_now().await;
    }
}

/// Checks that the next call goes over a new connection and is answered, whatever the service did.
async fn calls_again(client: &Client, links: &mut mpsc::UnboundedReceiver<DuplexStream>) {
    let answers = async {
        let mut service = links.recv().await.expect("the client connects again");
        let request = request(&mut service, &mut FrameDecoder::default()).await;
        let id = request.id.expect("it is a request");
        let mut reply = bytes::BytesMut::new();
        let body = RawJson::from_value("well").expect("JSON");
        nest_wire::codec::encode_with(&mut reply, |out| write_reply(out, OutgoingReply::Last(&body), &id));
        service.write_all(&reply).await.expect("it is open");
        // Keep the connection open until the reply has been read.
        service
    };
    let call = client.send::<String>("again", "data");
    let (answer, _service) = timeout(FOR_EVER, join(call, answers)).await.expect("the call ends");
    assert_eq!(answer.expect("the service answers"), "well");
}
