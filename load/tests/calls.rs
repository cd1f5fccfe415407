//! The two loops against services that answer by hand, in paused time.

use std::time::Duration;

use bytes::BytesMut;
use bytestring::ByteString;
use nest_wire::{
    Compat,
    codec::FrameDecoder,
    packet::{IncomingRequest, RawJson},
};
use nest_wire_load::calls::{Call, Calls, Ended, Fault, Pace, Plan, Tally, Timers, Until};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex},
    time::{Instant, sleep, sleep_until},
};

fn json(text: &str) -> RawJson {
    RawJson::new(text.to_owned()).expect("JSON")
}

fn plan(pace: Pace, expected: Option<&str>) -> Plan {
    let expected = expected.map(|text| nest_wire::json::parse(text).expect("JSON"));
    Plan {
        calls: vec![Call::request(&json("\"sum\""), &json("[1,2,3]"), None, expected)],
        pace,
        patience: Duration::from_secs(30),
        compat: Compat::default(),
        timers: Timers::Coarse,
    }
}

/// Answers each request with what `answer` makes of its id, after `pause` has let it go on.
async fn serve(mut stream: DuplexStream, answer: impl Fn(&str) -> String, pause: impl AsyncFn()) {
    let (mut frames, mut bytes) = (FrameDecoder::default(), BytesMut::new());
    while stream.read_buf(&mut bytes).await.is_ok_and(|read| read > 0) {
        let mut frame = frames.decode(&mut bytes).expect("a frame");
        while let Some(text) = frame {
            pause().await;
            let reply = answer(id(&text).as_str());
            let framed = format!("{}#{reply}", reply.encode_utf16().count());
            if stream.write_all(framed.as_bytes()).await.is_err() {
                return;
            }
            frame = frames.next_frame().expect("a frame");
        }
    }
}

fn id(text: &ByteString) -> RawJson {
    let request = IncomingRequest::read(text).expect("a request");
    request.id.expect("an id")
}

fn six(id: &str) -> String {
    format!(r#"{{"response":6,"isDisposed":true,"id":{id}}}"#)
}

fn milliseconds(tally: &Tally, quantile: f64) -> u64 {
    tally.latency.value_at_quantile(quantile).div_ceil(1_000_000)
}

/// A service that stalls from 2 s to 3 s of its life, and answers at once otherwise.
async fn stalls(pace: Pace) -> Tally {
    let (ours, theirs) = duplex(1 << 20);
    let began = Instant::now();
    let stall = async move || {
        let second = Duration::from_secs(1);
        if (2 * second..3 * second).contains(&began.elapsed()) {
            sleep_until(began + 3 * second).await;
        }
        // A closed loop would never let the time pass otherwise.
        sleep(Duration::from_millis(1)).await;
    };
    tokio::spawn(serve(theirs, six, stall));
    let mut calls = Calls::new(vec![ours], plan(pace, Some("6")));
    calls.run(Until::For(Duration::from_secs(10))).await.expect("timers");
    calls.tally()
}

#[tokio::test(start_paused = true)]
async fn an_open_loop_shows_a_stall_as_callers_feel_it() {
    let tally = stalls(Pace::Open { per_second: 100.0 }).await;
    assert_eq!((tally.latency.len(), tally.failures()), (1000, 0));
    // A tenth of the calls were due while the service stalled, evenly over its second.
    let (half, p95, max) = (
        milliseconds(&tally, 0.5),
        milliseconds(&tally, 0.95),
        milliseconds(&tally, 1.0),
    );
    assert!(half <= 5, "{half}");
    assert!((450..650).contains(&p95), "{p95}");
    assert!((990..1100).contains(&max), "{max}");
}

#[tokio::test(start_paused = true)]
async fn a_closed_loop_counts_a_stall_once_for_each_call_in_flight() {
    let tally = stalls(Pace::Closed { in_flight: 1 }).await;
    assert!(tally.latency.len() > 1000, "{}", tally.latency.len());
    assert!(milliseconds(&tally, 0.99) <= 5);
    assert!(milliseconds(&tally, 1.0) >= 990);
}

#[tokio::test(start_paused = true)]
async fn a_service_that_never_answers_is_given_up() {
    let (ours, theirs) = duplex(1 << 20);
    let mut calls = Calls::new(vec![ours], plan(Pace::Closed { in_flight: 3 }, None));
    calls.run(Until::For(Duration::from_secs(1))).await.expect("timers");
    let patience = Duration::from_secs(30);
    assert!(matches!(calls.ended(), [(_, Ended::Silent(given))] if *given == patience));
    assert_eq!((calls.tally().lost.late, calls.tally().begun), (3, 3));
    drop(theirs);
}

#[tokio::test]
async fn errors_and_wrong_values_are_counted_apart() {
    let (ours, theirs) = duplex(1 << 20);
    // The last digit of the slot decides.
    let answer = |id: &str| match id.ends_with("0\"") {
        true => format!(r#"{{"err":"no","isDisposed":true,"id":{id}}}"#),
        false => format!(r#"{{"response":7,"isDisposed":true,"id":{id}}}"#),
    };
    tokio::spawn(serve(theirs, answer, async || {}));
    let mut calls = Calls::new(vec![ours], plan(Pace::Closed { in_flight: 2 }, Some("6")));
    calls.run(Until::Count(20)).await.expect("timers");
    let tally = calls.tally();
    assert_eq!(
        (tally.errors + tally.wrong, tally.latency.len(), tally.failures()),
        (20, 0, 20)
    );
    assert!(tally.errors > 0 && tally.wrong > 0);
    assert!(
        tally.faults.contains(&Fault::Error("\"no\"".to_owned())),
        "{:?}",
        tally.faults
    );
    assert!(
        tally.faults.contains(&Fault::Wrong(Some("7".to_owned()))),
        "{:?}",
        tally.faults
    );
}

#[tokio::test]
async fn the_last_value_of_a_stream_is_the_answer() {
    let (ours, theirs) = duplex(1 << 20);
    let values = |id: &str| {
        let first = format!(r#"{{"response":1,"id":{id}}}"#);
        let second = format!(r#"{{"response":6,"id":{id}}}"#);
        let end = format!(r#"{{"isDisposed":true,"id":{id}}}"#);
        let framed = format!("{first}{}#{second}{}#{end}", second.len(), end.len());
        framed
    };
    // The header of the first packet is that of the whole text in `serve`: written here by hand.
    tokio::spawn(async move {
        let (mut stream, mut frames, mut bytes) = (theirs, FrameDecoder::default(), BytesMut::new());
        while stream.read_buf(&mut bytes).await.is_ok_and(|read| read > 0) {
            let mut frame = frames.decode(&mut bytes).expect("a frame");
            while let Some(text) = frame {
                let id = id(&text);
                let first = format!(r#"{{"response":1,"id":{}}}"#, id.as_str());
                let reply = format!("{}#{}", first.len(), values(id.as_str()));
                stream.write_all(reply.as_bytes()).await.expect("a caller");
                frame = frames.next_frame().expect("a frame");
            }
        }
    });
    let mut calls = Calls::new(vec![ours], plan(Pace::Closed { in_flight: 2 }, Some("6")));
    calls.run(Until::Count(20)).await.expect("timers");
    assert_eq!((calls.tally().latency.len(), calls.tally().failures()), (20, 0));
}

#[tokio::test]
async fn a_connection_that_ends_takes_its_calls_with_it_and_the_others_go_on() {
    let (ours, theirs) = duplex(1 << 20);
    let (other, gone) = duplex(1 << 20);
    drop(gone);
    tokio::spawn(serve(theirs, six, async || {}));
    let mut calls = Calls::new(vec![ours, other], plan(Pace::Closed { in_flight: 2 }, None));
    calls.run(Until::Count(20)).await.expect("timers");
    assert!(matches!(calls.ended(), [(_, Ended::Closed)]));
    let tally = calls.tally();
    assert_eq!((tally.latency.len(), tally.lost.with_connection), (18, 2));
}

#[tokio::test]
async fn a_reply_that_is_none_ends_its_connection() {
    for (reply, words) in [
        ("8#{\"id\":1}", "a reply to no call in flight"),
        ("3#{a}", ""),
        ("x#", ""),
    ] {
        let (ours, mut theirs) = duplex(1 << 20);
        theirs.write_all(reply.as_bytes()).await.expect("room");
        let mut calls = Calls::new(vec![ours], plan(Pace::Closed { in_flight: 1 }, None));
        calls.run(Until::Count(20)).await.expect("timers");
        let is_broken = |ended: &Ended| matches!(ended, Ended::Broken(how) if how.contains(words));
        assert!(
            calls.ended().iter().all(|(_, ended)| is_broken(ended)),
            "{:?}",
            calls.ended()
        );
        assert_eq!(calls.ended().len(), 1);
    }
}

#[tokio::test]
async fn an_event_has_ended_when_the_system_has_taken_it() {
    let (ours, mut theirs) = duplex(64);
    let received = tokio::spawn(async move {
        let mut bytes = Vec::new();
        theirs.read_to_end(&mut bytes).await.expect("read");
        bytes
    });
    let mut plan = plan(Pace::Closed { in_flight: 4 }, None);
    plan.calls = vec![Call::event(&json("\"log\""), &json("\"求和\""), None)];
    let mut calls = Calls::new(vec![ours], plan);
    calls.run(Until::Count(1000)).await.expect("timers");
    let tally = calls.tally();
    assert_eq!((tally.latency.len(), tally.begun, tally.failures()), (1000, 1000, 0));
    drop(calls);
    let event = "29#{\"pattern\":\"log\",\"data\":\"求和\"}";
    assert_eq!(received.await.expect("the peer"), event.repeat(1000).into_bytes());
    assert_eq!(tally.sent, 1000 * event.len() as u64);
}
