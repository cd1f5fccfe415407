//! The recordings of real Nest in `fixtures/` pass through `nest-wire bridge`: each recorded caller
//! receives the bytes that Nest sent, its own ids included.
#![cfg(unix)]

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use bytes::BytesMut;
use nest_wire::{
    Compat,
    codec::FrameDecoder,
    packet::IncomingReply,
    recording::{Content, Recording, Side},
    server::{HostListener, serve},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::{conformance, running::Running};

/// Maximum time for what must come: only a failure takes so long.
const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn every_recording_of_nest_passes_through_a_bridge() {
    let (mut played, mut faults) = (0, Vec::new());
    for file in fixtures() {
        let recording = Recording::read(&fs::read_to_string(&file).expect("a file")).expect("a recording");
        if recording.about.contains_key("differs") {
            continue;
        }
        let bridge = bridge_to_nest(major_of(&recording)).await;
        for connection in 1..=recording.connections() {
            if let Err(fault) = play(&recording, connection, &bridge.address).await {
                faults.push(format!("{}: {fault}", file.display()));
            }
        }
        assert_eq!(bridge.interrupt().await.status, Some(0));
        played += 1;
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    println!("{played} recordings passed");
    assert!(played > 150, "{played} recordings");
}

fn fixtures() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures");
    let majors = ["7", "8", "9", "10", "11", "12", "malformed"].map(|major| folder.join(major));
    let files = majors.iter().flat_map(|major| fs::read_dir(major).expect("a folder"));
    let mut files: Vec<PathBuf> = files.map(|file| file.expect("a file").path()).collect();
    files.sort();
    files
}

fn major_of(recording: &Recording) -> Compat {
    let (major, _) = recording.about["nest"].split_once('.').expect("a version");
    Compat::from_major(major.parse().expect("a number")).expect("a major of Nest")
}

/// Starts the conformance service, which replies as this major of Nest does, and a bridge to it.
async fn bridge_to_nest(major: Compat) -> Running {
    let listener = HostListener::bind("127.0.0.1:0").await.expect("a free port");
    let to = listener.local_addrs().expect("bound")[0].to_string();
    let router = conformance::router().expect("the patterns are JSON").compat(major);
    tokio::spawn(serve(listener, router).into_future());
    Running::start(&["bridge", "--listen", "127.0.0.1:0", "--to", &to]).await
}

/// Sends what the caller of a connection sent, each segment after as many bytes of replies as it had
/// received then.
///
/// # Errors
/// How the replies differ from those of Nest.
async fn play(recording: &Recording, connection: u32, bridge: &str) -> Result<(), String> {
    let mut caller = TcpStream::connect(bridge).await.expect("it listens");
    let (mut received, mut recorded, mut has_ended) = (BytesMut::new(), BytesMut::new(), false);
    for event in recording.events.iter().filter(|event| event.connection == connection) {
        match (event.from, &event.content) {
            // A service that has refused a frame may have closed.
            (Side::Caller, Content::Segment(bytes)) => drop(caller.write_all(bytes).await),
            (Side::Caller, Content::End) => drop(caller.shutdown().await),
            (Side::Service, Content::Segment(bytes)) => recorded.extend_from_slice(bytes),
            (Side::Service, Content::End) => has_ended = true,
            (_, unknown) => panic!("nobody plays {unknown:?}"),
        }
        while event.from == Side::Service && (received.len() < recorded.len() || has_ended) {
            match timeout(PATIENCE, caller.read_buf(&mut received)).await {
                Ok(Ok(1..)) => {}
                Ok(_) => break,
                Err(_) => return Err(format!("only {received:?} of {recorded:?}")),
            }
        }
    }
    // What a bridge sends beyond the recording has come by now, or comes before it closes.
    let _ = caller.shutdown().await;
    let rest = timeout(PATIENCE, caller.read_to_end(&mut Vec::new())).await;
    let rest = rest.map_err(|_| "it does not close".to_owned())?.unwrap_or(0);
    let is_like = match recording.about.get("order").map(String::as_str) {
        Some("per id") => by_id(&received) == by_id(&recorded),
        _ => received == recorded,
    };
    match is_like && rest == 0 {
        true => Ok(()),
        false => Err(format!("Nest {recorded:?}\nbridge {received:?}, and {rest} bytes")),
    }
}

/// Returns the frames in the order of their ids.
fn by_id(bytes: &BytesMut) -> Vec<String> {
    let (mut decoder, mut bytes) = (FrameDecoder::default(), bytes.clone());
    let mut texts = Vec::new();
    while let Ok(Some(text)) = decoder.decode(&mut bytes) {
        texts.push(text.to_string());
    }
    texts.sort_by_cached_key(|text| {
        let reply = IncomingReply::read(&text.clone().into(), Compat::default()).expect("a packet");
        reply.id.map(|id| id.to_string())
    });
    texts
}
