//! JSON texts in requests: whether they are JSON, their meaning, and the replies.

use std::net::SocketAddr;

use bytes::BytesMut;
use compat_tests::on_each_major;
use nest_wire::{codec::FrameDecoder, json, packet::IncomingRequest};
use nest_wire_harness::{App, Service};
use proptest::prelude::*;
use serde::Deserialize;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{
    base64::base64,
    cases::{Cases, Difference},
    peers::{Oracle, in_time, nest_service, our_service},
    streams::frame,
    texts::nearly_json,
};

const CASES: usize = 20_000;
/// Number of requests in one write.
const PIPELINED: usize = 400;

on_each_major!(any_json_text_is_read_and_echoed_as_nest_does, echoes_are_the_same);

async fn echoes_are_the_same(major: u8) {
    let mut oracle = Oracle::start(App::JsonSocket, major).await;
    let mut services = Services::start(major).await;
    let cases = Cases::from_major(major, CASES, request());
    cases
        .run(PIPELINED, async |requests| {
            let read = read_by_nest(&mut oracle, requests).await;
            let mut pairs = requests.iter().zip(&read).enumerate();
            let difference = pairs.find_map(|(at, (request, nest))| difference(at, request, nest));
            match difference {
                Some(difference) => Some(difference),
                None => services.first_difference(requests, &read).await,
            }
        })
        .await;
}

/// Makes a request with a text in a position that accepts any JSON. `#` is replaced by its number.
fn request() -> impl Strategy<Value = String> {
    let envelope = prop_oneof![
        12 => Just(["{\"pattern\":\"echo\",\"data\":", ",\"id\":7}"]),
        3 => Just([" {\"id\" : \"x\" ,\n\"data\":", "\t,\"pattern\": \"ech\\u006f\"}\r\n"]),
        3 => Just(["{\"pattern\":\"echo\",\"data\":1,\"id\":", "}"]),
        2 => Just(["{\"pattern\":\"context\",\"data\":[],\"metadata\":", ",\"id\":1}"]),
        1 => Just(["{\"pattern\":\"nil\",\"ignored\":", ",\"id\":null}"]),
        1 => Just(["{\"pattern\":\"echo\",\"data\":0,\"data\":", ",\"id\":0,\"id\":1.50}"]),
    ];
    (envelope, nearly_json()).prop_map(|([before, after], text)| format!("{before}{text}{after}"))
}

/// Returns what Nest reads in a frame: the text as Nest would write it, or `None` if it is not
/// JSON.
async fn read_by_nest(oracle: &mut Oracle, requests: &[String]) -> Vec<Option<String>> {
    #[derive(Deserialize)]
    struct Heard {
        messages: Vec<String>,
    }
    let questions: Vec<_> = requests
        .iter()
        .map(|request| format!("[\"{}\"]", base64(&frame(request))))
        .collect();
    let answers = oracle.ask(&questions).await;
    let read = answers.iter().map(|answer| {
        let heard: Heard = serde_json::from_str(answer).expect("the oracle answers in its format");
        heard.messages.into_iter().next()
    });
    read.collect()
}

/// Returns the difference if our two readers, of values and of packets, do not see a request as
/// Nest does.
fn difference(at: usize, request: &str, nest: &Option<String>) -> Option<Difference> {
    let value = json::parse(request).map(|value| value.stringify()).ok();
    let is_packet = IncomingRequest::read(&request.into()).is_ok();
    let is_same = value == *nest && is_packet == nest.is_some();
    (!is_same).then(|| Difference {
        at,
        input: request.to_owned(),
        nest: format!("{nest:?}"),
        ours: format!("{value:?}, packet: {is_packet}"),
    })
}

/// A connection to each of the two services.
struct Services {
    nest: TcpStream,
    ours: TcpStream,
    _nest: Service,
}

impl Services {
    async fn start(major: u8) -> Self {
        let connect = async |address: SocketAddr| TcpStream::connect(address).await.expect("it listens");
        let service = nest_service(major).await;
        Self {
            nest: connect(service.address()).await,
            ours: connect(our_service(major).await).await,
            _nest: service,
        }
    }

    /// Sends the requests that are JSON. Others would end the connection.
    async fn first_difference(&mut self, requests: &[String], read: &[Option<String>]) -> Option<Difference> {
        let pairs = requests.iter().enumerate().zip(read);
        let sent: Vec<_> = pairs
            .filter_map(|(request, read)| read.is_some().then_some(request))
            .collect();
        let segment: Vec<u8> = sent.iter().flat_map(|(_, request)| frame(request)).collect();
        let (nest, ours) =
            in_time(async { tokio::join!(replies(&mut self.nest, &segment), replies(&mut self.ours, &segment)) }).await;
        if nest == ours {
            return None;
        }
        // All these handlers reply equally fast, so the replies are in the order of the requests.
        let (nest, ours) = (texts(&nest), texts(&ours));
        let reply = (0..sent.len())
            .find(|&reply| nest.get(reply) != ours.get(reply))
            .unwrap_or(0);
        Some(Difference {
            at: sent[reply].0,
            input: sent[reply].1.clone(),
            nest: format!("{:?}", nest.get(reply)),
            ours: format!("{:?}", ours.get(reply)),
        })
    }
}

/// Returns the bytes that come back for `segment`, up to the reply to one more request.
async fn replies(stream: &mut TcpStream, segment: &[u8]) -> Vec<u8> {
    const LAST: &[u8] = br#"{"response":"pong","isDisposed":true,"id":"the last one"}"#;
    let (mut reader, mut writer) = stream.split();
    let sent = async {
        let last = frame(r#"{"pattern":"ping","data":0,"id":"the last one"}"#);
        writer.write_all(&[segment, &last].concat()).await.expect("it reads");
    };
    let received = async {
        let mut received = Vec::new();
        while !received.ends_with(LAST) {
            let count = reader.read_buf(&mut received).await.expect("the link holds");
            assert!(
                count > 0,
                "the link was closed after {}",
                String::from_utf8_lossy(&received)
            );
        }
        received
    };
    tokio::join!(sent, received).1
}

/// Returns the texts of the frames.
fn texts(stream: &[u8]) -> Vec<String> {
    let mut buffer = BytesMut::from(stream);
    let mut decoder = FrameDecoder::default();
    std::iter::from_fn(|| decoder.decode(&mut buffer).ok().flatten())
        .map(|text| text.to_string())
        .collect()
}
