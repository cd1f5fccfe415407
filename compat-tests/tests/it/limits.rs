//! The limits on what a peer may send, which Nest has since 11 (`docs/PROTOCOL.md` §1.9, §1.10).
//! Lowered to the same values on both sides, they close the same connections; 7 to 10 do not have
//! them.

use std::{net::SocketAddr, time::Duration};

use bytes::Bytes;
use compat_tests::{Case, Heard, Step, on_each_major, play};
use futures_util::future::join_all;
use nest_wire::connection::TransportConfig;

use crate::edge::{Caller, frame, limits, nests, ours};

on_each_major!(too_much_text_is_closed_on_as_by, too_much);
on_each_major!(
    half_a_frame_is_cut_off_as_by,
    half_a_frame_is_cut_off,
    nest_11 11,
    nest_12 12
);
on_each_major!(
    half_a_frame_is_waited_for_as_by,
    half_a_frame_is_waited_for,
    nest_7 7,
    nest_8 8,
    nest_9 9,
    nest_10 10
);

/// The limit in UTF-16 units.
const MAX_BUFFER_SIZE: usize = 100;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// The case is within the limit.
    Served,
    /// The case exceeds the limit.
    Closed,
}

fn send(bytes: impl Into<Bytes>) -> Step {
    Step::Send(bytes.into())
}

fn ping() -> Vec<u8> {
    frame(r#"{"pattern":"ping","data":0,"id":1}"#)
}

/// Returns an `echo` of this number of units, header included.
fn echo(units: usize, filling: char) -> Vec<u8> {
    let text = |length: usize| {
        let filling: String = std::iter::repeat_n(filling, length).collect();
        format!(r#"{{"pattern":"echo","data":"{filling}","id":1}}"#)
    };
    let mut length = 0;
    loop {
        let frame = frame(&text(length));
        if String::from_utf8_lossy(&frame).encode_utf16().count() >= units {
            return frame;
        }
        length += 1;
    }
}

/// Returns cases, each with its fate under the limit, and the number of replies without it.
fn cases_of_too_much() -> Vec<(Case, Fate, usize)> {
    let case = |name, steps, fate, replies| (Case::new(name, steps), fate, replies);
    let header = |zeros: usize| [vec![b'0'; zeros], ping()].concat();
    assert_eq!(
        (ping().len(), echo(100, 'x').len(), echo(101, 'x').len()),
        (37, 100, 101)
    );
    vec![
        case(
            "two small frames in a segment",
            vec![send(ping().repeat(2))],
            Fate::Served,
            2,
        ),
        case(
            "three small frames in a segment",
            vec![send(ping().repeat(3))],
            Fate::Closed,
            3,
        ),
        case(
            "three small frames in segments",
            vec![
                send(ping()),
                Step::Frames(1),
                send(ping()),
                Step::Frames(2),
                send(ping()),
            ],
            Fate::Served,
            3,
        ),
        case(
            "a frame as large as may be",
            vec![send(echo(100, 'x'))],
            Fate::Served,
            1,
        ),
        case("a frame too large by one", vec![send(echo(101, 'x'))], Fate::Closed, 1),
        case(
            "a frame of as many units and more bytes",
            vec![send(echo(100, '求'))],
            Fate::Served,
            1,
        ),
        case(
            "a frame of too many units",
            vec![send(echo(101, '求'))],
            Fate::Closed,
            1,
        ),
        case("a header as long as may be", vec![send(header(63))], Fate::Served, 1),
        case("a header too long by one", vec![send(header(64))], Fate::Closed, 1),
        case(
            "a header and nothing else",
            vec![send(vec![b'0'; 101]), send(ping())],
            Fate::Closed,
            1,
        ),
        case(
            "a header that grows",
            vec![send(vec![b'0'; 60]), send(vec![b'0'; 60]), send(ping())],
            Fate::Closed,
            1,
        ),
        case(
            "too much after a frame in another segment",
            vec![send(ping()), Step::Frames(1), send(echo(200, 'x'))],
            Fate::Closed,
            2,
        ),
        case(
            "too much before the caller's end",
            vec![send(echo(200, 'x')), Step::End],
            Fate::Closed,
            1,
        ),
    ]
}

async fn too_much(major: u8) {
    let flag = MAX_BUFFER_SIZE.to_string();
    let nest = nests(major, &["--max-buffer-size", &flag]).await;
    let limited = TransportConfig::default().max_buffer_size(MAX_BUFFER_SIZE);
    let rust = ours(major, limits(major, limited)).await;
    for (case, fate, replies) in cases_of_too_much() {
        // The ping that ends the other cases must not share a segment with earlier packets.
        let case = case.paced(replies);
        let theirs = alike(&case, nest.address(), rust).await;
        if major < 11 {
            assert_eq!(theirs.count(), replies, "{}: {theirs:#?}", case.name);
        } else if !case.is_closed_by_caller() {
            let is_served = fate == Fate::Served;
            assert_eq!(theirs.was_open_to_the_end(), is_served, "{}: {theirs:#?}", case.name);
        }
    }
}

/// Plays a case to both services at the same time. Returns their replies, which must be the same.
async fn alike(case: &Case, nest: SocketAddr, rust: SocketAddr) -> Heard {
    let (theirs, ours) = tokio::join!(play(case, nest), play(case, rust));
    assert_eq!(ours, theirs, "{}", case.name);
    theirs
}

/// Returns cases in which each segment ends inside a frame. The caller waits for one more packet
/// than it has requested, and so for the end.
fn halves() -> Vec<Case> {
    let half = &ping()[..20];
    let halves = [
        ("half a header", b"3".to_vec()),
        ("a header without its text", b"34#".to_vec()),
        ("half a frame", half.to_vec()),
        ("a newline", b"\n".to_vec()),
        ("half a character in a header", b" \xe2\x80".to_vec()),
        ("a frame and a newline", [ping(), b"\n".to_vec()].concat()),
        ("a frame and half a one", [ping(), half.to_vec()].concat()),
    ];
    let case = |(name, segment): (&str, Vec<u8>)| {
        let replies = usize::from(name.starts_with("a frame and"));
        Case::new(name, vec![send(segment), Step::Frames(replies + 1)])
    };
    halves.into_iter().map(case).collect()
}

async fn half_a_frame_is_cut_off(major: u8) {
    let nest = nests(major, &["--incomplete-message-timeout", "300"]).await;
    let limited = TransportConfig::default().incomplete_message_timeout(Some(Duration::from_millis(300)));
    let rust = ours(major, limited).await;
    let cases = halves();
    let played = join_all(cases.iter().map(|case| alike(case, nest.address(), rust))).await;
    for (case, heard) in cases.iter().zip(played) {
        assert!(!heard.was_open_to_the_end(), "{}: {heard:#?}", case.name);
    }
}

/// The service's own timeout shows when its time is over.
async fn half_a_frame_is_waited_for(major: u8) {
    let nest = nests(major, &["--incomplete-message-timeout", "30"]).await;
    let limited = TransportConfig::default().incomplete_message_timeout(Some(Duration::from_millis(30)));
    for service in [nest.address(), ours(major, limits(major, limited)).await] {
        let mut slow = Caller::of(service).await;
        let ping = ping();
        slow.send(&ping[..20]).await;
        let mut clock = Caller::of(service).await;
        clock
            .say(r#"{"pattern":"delay","data":{"ms":200,"value":0},"id":1}"#)
            .await;
        clock.hear(r#"{"response":0,"isDisposed":true,"id":1}"#).await;
        slow.send(&ping[20..]).await;
        slow.hear(r#"{"response":"pong","isDisposed":true,"id":1}"#).await;
    }
}
