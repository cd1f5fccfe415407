//! Replays `recording.jsonl`: each recorded call is sent to this service, and its replies are compared
//! with the recorded ones.
//!
//! With OLD_SERVICE=HOST:PORT, handlers that are not written yet forward to that service; else to a
//! stand-in that answers as recorded.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex},
    time::Duration,
};

use nest_wire::{
    Compat,
    client::Client,
    codec::FrameDecoder,
    json::{self, Value},
    pattern::IncomingPattern,
    recording::{Conversation, Recording},
    server::{HostListener, serve},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::timeout,
};

/// Maximum time for a reply.
const PATIENCE: Duration = Duration::from_secs(30);

#[tokio::test]
async fn each_recorded_call_has_the_recorded_replies() {
    let conversations = conversations();
    let old_service = match std::env::var("OLD_SERVICE") {
        Ok(address) => address,
        Err(_) => stand_in(&conversations).await,
    };
    let old_service = Client::builder().build(old_service).expect("an address");
    let listener = HostListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addrs().expect("an address")[0];
    let service = serve(listener, CRATE::handlers::router(old_service));
    tokio::spawn(service.into_future());

    let mut differences = Vec::new();
    for conversation in &conversations {
        let stream = TcpStream::connect(address).await.expect("the service listens");
        differences.extend(replay(Frames::new(stream), conversation).await);
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

/// Returns what was said on each connection. Connections that the recording cuts are left out.
fn conversations() -> Vec<Conversation> {
    let recording = Recording::read(include_str!("recording.jsonl")).expect("a recording");
    let mut numbers: Vec<u32> = recording.events.iter().map(|event| event.connection).collect();
    numbers.sort_unstable();
    numbers.dedup();
    let conversations = numbers.into_iter().map(|number| Conversation::from_recording(&recording, number));
    conversations.filter_map(Result::ok).collect()
}

/// Sends what the caller sent, one call after the other. Returns the differences of the replies.
async fn replay(mut frames: Frames, conversation: &Conversation) -> Vec<String> {
    let mut recorded: HashMap<String, VecDeque<Value>> = HashMap::new();
    for reply in &conversation.service {
        let reply = parsed(&reply.text);
        recorded.entry(id(&reply)).or_default().push_back(reply);
    }
    let mut differences = Vec::new();
    for request in &conversation.caller {
        frames.send(&request.text).await;
        // Events, and calls that were not answered, have no replies to wait for.
        let replies = parsed(&request.text).get("id").and_then(|id| recorded.remove(&id.stringify()));
        for wanted in replies.unwrap_or_default() {
            let came = timeout(PATIENCE, frames.next()).await;
            let came = came.unwrap_or_else(|_| panic!("no reply to {} within {PATIENCE:?}", request.text));
            let came = parsed(&came.unwrap_or_else(|| panic!("the connection was closed at {}", request.text)));
            if came != wanted {
                differences.push(format!("{}\n  recorded: {wanted}\n  came:     {came}", request.text));
            }
        }
    }
    differences
}

/// Replies by what was asked: the pattern and the data.
type Recorded = HashMap<String, VecDeque<Vec<Value>>>;

/// Starts a service that answers as recorded. Returns its address.
async fn stand_in(conversations: &[Conversation]) -> String {
    let mut recorded: Recorded = HashMap::new();
    for conversation in conversations {
        let mut replies: HashMap<String, Vec<Value>> = HashMap::new();
        for reply in &conversation.service {
            let reply = parsed(&reply.text);
            replies.entry(id(&reply)).or_default().push(reply);
        }
        for request in &conversation.caller {
            let request = parsed(&request.text);
            let replies = replies.remove(&id(&request)).unwrap_or_default();
            recorded.entry(asked(&request)).or_default().push_back(replies);
        }
    }
    let recorded = Arc::new(Mutex::new(recorded));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address").to_string();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer(Frames::new(stream), Arc::clone(&recorded)));
        }
    });
    address
}

async fn answer(mut frames: Frames, recorded: Arc<Mutex<Recorded>>) {
    while let Some(request) = frames.next().await {
        let request = parsed(&request);
        let replies = recorded.lock().expect("no panic").get_mut(&asked(&request)).and_then(VecDeque::pop_front);
        for mut reply in replies.unwrap_or_default() {
            if let (Value::Object(members), Some(id)) = (&mut reply, request.get("id")) {
                members.insert("id", id.clone());
            }
            frames.send(&reply.stringify()).await;
        }
    }
}

/// A pattern is known by its route: an object and the text of an object are one to Nest.
fn asked(request: &Value) -> String {
    let member = |name| request.get(name).map(Value::stringify).unwrap_or_default();
    let pattern = member("pattern");
    let incoming = IncomingPattern::read(&pattern, Compat::default()).ok();
    let route = incoming.and_then(|incoming| Some(incoming.route()?.to_string()));
    format!("{} {}", route.unwrap_or(pattern), member("data"))
}

fn id(packet: &Value) -> String {
    packet.get("id").map(Value::stringify).unwrap_or_default()
}

fn parsed(text: &str) -> Value {
    json::parse(text).expect("a packet is JSON")
}

/// A connection, frame by frame.
struct Frames {
    stream: TcpStream,
    decoder: FrameDecoder,
}

impl Frames {
    fn new(stream: TcpStream) -> Self {
        let decoder = FrameDecoder::default();
        Self { stream, decoder }
    }

    async fn send(&mut self, text: &str) {
        let units = text.encode_utf16().count();
        let frame = format!("{units}#{text}");
        // A peer that has closed shows when its reply is read.
        let _ = self.stream.write_all(frame.as_bytes()).await;
    }

    async fn next(&mut self) -> Option<String> {
        loop {
            if let Some(text) = self.decoder.next_frame().expect("frames") {
                return Some(text.to_string());
            }
            let mut bytes = [0; 8192];
            match self.stream.read(&mut bytes).await {
                Ok(count) if count > 0 => self.decoder.push(&bytes[..count]),
                _ => return None,
            }
        }
    }
}
