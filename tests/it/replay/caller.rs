//! Our client makes the calls that Nest's client made in a recording, to a peer that replies as
//! Nest's server did.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use bytes::BytesMut;
use futures_util::StreamExt;
use nest_wire::{
    Compat,
    client::{CallError, Client, Target},
    codec::{FrameDecoder, encode},
    json::{self, Value},
    packet::{IncomingReply, IncomingRequest, RawJson, ReplyOutcome},
    pattern::Pattern,
    recording::{Content, Conversation, Event, Recording, Side},
};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

use super::{Fixture, fixtures, frames};

#[tokio::test(start_paused = true)]
async fn our_client_says_and_hears_what_nests_did() {
    let recorded: Vec<_> = fixtures().into_iter().filter(Fixture::has_nests_client).collect();
    assert!(!recorded.is_empty(), "Nest's client was not recorded");
    for fixture in recorded {
        replay(&fixture).await;
    }
}

async fn replay(fixture: &Fixture) {
    let calls = calls(fixture);
    let answers = calls.iter().filter(|call| call.packet.id.is_some()).map(Call::answers);
    let (client, said) = scripted(answers.collect());
    for call in &calls {
        let heard = call.make(&client).await;
        assert_eq!(heard, call.outcome(), "{}: {:?}", fixture.name, call.packet);
    }
    let ours = Recording::from_events(said.lock().expect("no test panicked with it").clone());
    assert_eq!(
        callers_words(&ours),
        callers_words(&fixture.recording),
        "{}",
        fixture.name
    );
}

/// Returns the caller's packets without ids, on any connection: Nest 7 may open several where our
/// client has one.
fn callers_words(recording: &Recording) -> Vec<String> {
    let links = 1..=recording.connections();
    let said = links.flat_map(|link| {
        Conversation::from_recording(recording, link)
            .expect("a conversation")
            .caller
    });
    said.map(|said| said.without_id).collect()
}

/// A recorded request or event with its replies.
struct Call {
    packet: IncomingRequest,
    replies: Vec<String>,
}

/// The result of a call: its values, and the error that it ended with.
type Heard = (Vec<Value>, Option<String>);

fn calls(fixture: &Fixture) -> Vec<Call> {
    let links = 1..=fixture.recording.connections();
    let all = |from| -> Vec<String> {
        links
            .clone()
            .flat_map(|link| frames(&fixture.bytes(link, from)))
            .collect()
    };
    let replies = all(Side::Service);
    let requests = all(Side::Caller).into_iter().map(|text| {
        let packet = IncomingRequest::read(&text.into()).expect("JSON");
        let answers = |text: &&String| packet.id.is_some() && reply(text).id == packet.id;
        let replies = replies.iter().filter(answers).cloned().collect();
        Call { packet, replies }
    });
    requests.collect()
}

fn reply(text: &str) -> IncomingReply {
    IncomingReply::read(&text.to_owned().into(), Compat::default()).expect("JSON")
}

impl Call {
    async fn make(&self, client: &Client) -> Heard {
        let pattern = self.packet.pattern.as_ref().expect("a pattern");
        let pattern = Pattern::from_json(pattern.as_str()).expect("JSON");
        let data = value(self.packet.data.as_ref().expect("data"));
        if self.packet.is_event() {
            client.emit(pattern, &data).await.expect("sent");
            return (Vec::new(), None);
        }
        let mut heard = (Vec::new(), None);
        let mut replies = client.send_stream::<Value>(pattern, &data).await.expect("sent");
        while let Some(reply) = replies.next().await {
            match reply {
                Ok(value) => heard.0.push(value),
                Err(CallError::Rpc(error)) => heard.1 = Some(error.err().to_string()),
                Err(error) => panic!("{error}"),
            }
        }
        heard
    }

    fn outcome(&self) -> Heard {
        let mut outcome = (Vec::new(), None);
        for text in &self.replies {
            match reply(text).outcome {
                ReplyOutcome::Value(response) | ReplyOutcome::Completed(response) => {
                    outcome.0.extend(response.as_ref().map(value));
                }
                ReplyOutcome::Failed(err) => outcome.1 = Some(err.to_string()),
                unknown => panic!("no answer is {unknown:?}"),
            }
        }
        outcome
    }

    /// Returns the replies, with a gap in place of the id.
    fn answers(&self) -> Vec<(String, String)> {
        let id = self.packet.id.as_ref().expect("a request");
        let halves = self.replies.iter().map(|text| {
            let (before, after) = text.split_once(id.as_str()).expect("a reply has its id");
            (before.to_owned(), after.to_owned())
        });
        halves.collect()
    }
}

fn value(json: &RawJson) -> Value {
    json::parse(json.as_str()).expect("JSON")
}

type Said = Arc<Mutex<Vec<Event>>>;
type Script = VecDeque<Vec<(String, String)>>;

/// Returns a client whose requests are answered one after the other by the script, and a record of
/// what it sends.
fn scripted(script: Script) -> (Client, Said) {
    let said = Said::default();
    let heard = Arc::clone(&said);
    let script = Arc::new(Mutex::new(Some(script)));
    let connect = move || {
        let (ours, theirs) = duplex(1 << 20);
        let script = script.lock().expect("no test panicked with it").take();
        tokio::spawn(answer(theirs, script.expect("one connection"), Arc::clone(&heard)));
        async { Ok(ours) }
    };
    (
        Client::builder().build(Target::connector(connect)).expect("a client"),
        said,
    )
}

async fn answer(mut peer: DuplexStream, mut script: Script, said: Said) {
    let (mut decoder, mut received) = (FrameDecoder::default(), BytesMut::new());
    loop {
        let before = received.len();
        if peer.read_buf(&mut received).await.expect("memory does not fail") == 0 {
            return;
        }
        let segment = received[before..].to_vec().into();
        let event = Event::new(1, Side::Caller, Content::Segment(segment));
        said.lock().expect("no test panicked with it").push(event);
        while let Some(text) = decoder.decode(&mut received).expect("we frame well") {
            let packet = IncomingRequest::read(&text).expect("we write JSON");
            let Some(id) = packet.id else { continue };
            let mut replies = BytesMut::new();
            for (before, after) in script.pop_front().expect("a recorded request") {
                encode(&format!("{before}{id}{after}"), &mut replies);
            }
            peer.write_all(&replies).await.expect("the client reads");
        }
    }
}
