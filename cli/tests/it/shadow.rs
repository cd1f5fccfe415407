//! `nest-wire shadow` as a process: callers get the primary's answers, whatever the candidate does.
#![cfg(unix)]

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use futures_util::{StreamExt, TryStreamExt, stream};
use nest_wire::{
    client::Client,
    server::{Payload, ReplyStream, Router},
};
use serde_json::{Value, json};
use tokio::{io::AsyncWriteExt, sync::mpsc};

use crate::{
    command::{Ended, nowhere, run, service},
    running::{Running, folder, path},
};

/// A service whose sums are wrong by `error` if there is a 13 in them.
fn sums(error: f64) -> Router {
    Router::new().message("sum", async move |Payload(numbers): Payload<Vec<f64>>| {
        let error = if numbers.contains(&13.0) { error } else { 0.0 };
        numbers.iter().sum::<f64>() + error
    })
}

async fn shadow(primary: &str, candidate: &str, options: &[&str]) -> Running {
    let between = [
        "shadow",
        "--listen",
        "127.0.0.1:0",
        "--primary",
        primary,
        "--candidate",
        candidate,
    ];
    Running::start(&[&between, options].concat()).await
}

/// Makes 20 calls, with `1` to `20`, and asserts that their answers are the primary's.
async fn sum_twenty(shadow: &Running) {
    let client = Client::new(shadow.address.clone());
    for number in 1..=20 {
        let sum: f64 = client.send("sum", &[number, 1]).await.expect("an answer");
        assert_eq!(sum, f64::from(number + 1));
    }
}

fn total(ended: &Ended) -> &str {
    ended.stdout.lines().last().unwrap_or_default()
}

fn result(file: &str) -> Value {
    let text = fs::read_to_string(file).expect("a result");
    serde_json::from_str(&text).expect("JSON")
}

#[tokio::test]
async fn a_thousand_calls_of_equal_services_have_no_difference() {
    let (primary, candidate) = (service(sums(0.0)).await, service(sums(0.0)).await);
    let shadow = shadow(&primary, &candidate, &[]).await;
    let client = Client::new(shadow.address.clone());
    let calls = stream::iter(0..1000).map(|number| {
        let client = client.clone();
        async move { client.send::<f64>("sum", &[number, 1]).await }
    });
    let sums: Vec<f64> = calls.buffered(64).try_collect().await.expect("answers");
    assert_eq!(sums, (1..=1000).map(f64::from).collect::<Vec<_>>());
    let ended = shadow.interrupt().await;
    assert_eq!(ended.status, Some(0), "{}{}", ended.stdout, ended.stderr);
    assert_eq!(total(&ended), "1000 calls compared, no difference");
}

#[tokio::test]
async fn a_difference_is_named_by_pattern_and_pointer() {
    let (primary, candidate) = (service(sums(0.0)).await, service(sums(0.5)).await);
    let file = path(&folder("shadow-difference"), "shadow.json");
    let shadow = shadow(&primary, &candidate, &["-o", &file]).await;
    sum_twenty(&shadow).await;
    let ended = shadow.interrupt().await;
    assert_eq!(ended.status, Some(1), "{}", ended.stderr);
    let expected = "  ✗ sum [13,1]   call 13\n      /response                    14  ->  14.5\n";
    assert!(ended.stdout.starts_with(expected), "{}", ended.stdout);
    assert!(
        ended.stdout.contains("/response                    1 of 20 differ\n"),
        "{}",
        ended.stdout
    );
    assert_eq!(total(&ended), "20 calls compared, 1 field differs");
    let field = &result(&file)["patterns"][0]["fields"][0];
    let sample = json!({"call": 13, "data": "[13,1]", "place": "/response", "primary": "14", "candidate": "14.5"});
    assert_eq!(field["samples"], json!([sample]));
    let page = file.replace(".json", ".html");
    let made = run(&["report", &file, "-o", &page]).await;
    assert_eq!(
        made,
        Ended::well(&format!("{page}: 20 calls compared, 1 field differs\n"))
    );
    let page = fs::read_to_string(page).expect("a page");
    assert!(
        page.contains("<td>/response<td>1 of 20<td><td>[13,1]<td>/response<td>14<td>14.5"),
        "{page}"
    );
}

#[tokio::test]
async fn callers_do_not_feel_a_candidate_that_is_gone() {
    let primary = service(sums(0.0)).await;
    let candidate = nowhere();
    let mut shadow = shadow(&primary, &candidate, &[]).await;
    let warning = shadow.line_with("warning: ").await;
    let expected = format!("warning: cannot connect to {candidate}: refused; it gets copies once it is there");
    assert_eq!(warning, expected);
    sum_twenty(&shadow).await;
    let ended = shadow.interrupt().await;
    assert_eq!(ended.status, Some(1), "{}", ended.stderr);
    let expected = "0 calls compared, no difference; 20 not answered by the candidate";
    assert_eq!(total(&ended), expected, "{}", ended.stdout);
}

#[tokio::test]
async fn callers_do_not_feel_a_candidate_that_never_answers_and_few_copies_wait() {
    let (asked, mut entries) = mpsc::unbounded_channel();
    let never = async move || {
        let _ = asked.send(());
        std::future::pending::<u32>().await
    };
    let primary = service(sums(0.0)).await;
    let candidate = service(Router::new().message("sum", never)).await;
    let shadow = shadow(&primary, &candidate, &["--in-flight", "3", "--timeout", "1s", "--json"]).await;
    sum_twenty(&shadow).await;
    entries.recv().await.expect("it is asked");
    let ended = shadow.interrupt().await;
    assert_eq!(ended.status, Some(1), "{}", ended.stderr);
    let total: Value = serde_json::from_str(total(&ended)).expect("JSON");
    let (unanswered, skipped) = (&total["unanswered"], &total["skipped"]);
    // On a busy machine the primary may be late too.
    let counts = [unanswered, &skipped["busy"], &skipped["unfinished"]];
    let sum: u64 = counts.iter().map(|count| count.as_u64().expect("a number")).sum();
    assert_eq!((sum, &total["compared"]), (20, &json!(0)), "{total}");
    assert_eq!(total["reasons"], json!([["no answer in time", unanswered]]));
}

/// A service whose answer to `now` is another one each time, and which counts how often it is asked.
fn clock(asked: &Arc<AtomicU64>, name: &'static str) -> Router {
    let asked = Arc::clone(asked);
    Router::new().message(
        "now",
        async move || json!({"at": asked.fetch_add(1, Relaxed), "name": name}),
    )
}

#[tokio::test]
async fn what_differs_by_itself_is_learned_by_asking_the_primary_twice() {
    for (name, status) in [("old", 0), ("new", 1)] {
        let asked = Arc::new(AtomicU64::new(0));
        let primary = service(clock(&asked, "old")).await;
        let candidate = service(clock(&Arc::new(AtomicU64::new(1_000_000)), name)).await;
        let shadow = shadow(&primary, &candidate, &["--twice", "now"]).await;
        let client = Client::new(shadow.address.clone());
        for _ in 0..10 {
            client.send::<Value>("now", &0).await.expect("an answer");
        }
        let ended = shadow.interrupt().await;
        assert_eq!(asked.load(Relaxed), 20);
        assert_eq!(ended.status, Some(status), "{}", ended.stdout);
        let noise = "10 of 10 differ   noise: so do 10 of 10 second answers of the primary\n";
        assert!(ended.stdout.contains(noise), "{}", ended.stdout);
        let differs = "  ✗ /response/name               10 of 10 differ\n";
        assert_eq!(ended.stdout.contains(differs), status == 1, "{}", ended.stdout);
    }
}

#[tokio::test]
async fn a_second_instance_is_asked_in_place_of_the_primary() {
    let [of_primary, of_secondary] = <[Arc<AtomicU64>; 2]>::default();
    of_secondary.store(500, Relaxed);
    let primary = service(clock(&of_primary, "old")).await;
    let secondary = service(clock(&of_secondary, "old")).await;
    let candidate = service(clock(&Arc::new(AtomicU64::new(1_000_000)), "old")).await;
    let shadow = shadow(&primary, &candidate, &["--secondary", &secondary]).await;
    let client = Client::new(shadow.address.clone());
    client.send::<Value>("now", &0).await.expect("an answer");
    let ended = shadow.interrupt().await;
    assert_eq!(ended.status, Some(0), "{}", ended.stdout);
    assert_eq!((of_primary.load(Relaxed), of_secondary.load(Relaxed)), (1, 501));
}

/// A service that passes on the texts of events.
fn listener() -> (Router, mpsc::UnboundedReceiver<String>) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let note = async move |Payload(text): Payload<String>| {
        let _ = sender.send(text);
    };
    (sums(0.0).event("note", note), receiver)
}

#[tokio::test]
async fn events_are_copied_only_if_that_is_asked_for() {
    for (options, copied) in [(&[][..], 0), (&["--events"], 2)] {
        let (router, mut received) = listener();
        let primary = service(router).await;
        let (router, mut copies) = listener();
        let candidate = service(router).await;
        let shadow = shadow(&primary, &candidate, options).await;
        let client = Client::new(shadow.address.clone());
        for text in ["a", "b"] {
            client.emit("note", text).await.expect("it is sent");
            assert_eq!(received.recv().await.as_deref(), Some(text));
        }
        sum_twenty(&shadow).await;
        let ended = shadow.interrupt().await;
        assert_eq!(ended.status, Some(0), "{}", ended.stdout);
        let expected = match copied {
            0 => "20 calls compared, no difference",
            _ => "20 calls compared, no difference; 2 events copied",
        };
        assert_eq!(total(&ended), expected);
        for text in ["a", "b"].iter().take(copied) {
            assert_eq!(copies.recv().await.as_deref(), Some(*text));
        }
        assert!(copies.try_recv().is_err());
    }
}

#[tokio::test]
async fn only_chosen_calls_are_copied() {
    let asked = Arc::new(AtomicU64::new(0));
    let candidate = service(clock(&asked, "new")).await;
    let primary = service(clock(&Arc::default(), "old")).await;
    for options in [&["--only", "sum"][..], &["--share", "0%"]] {
        let shadow = shadow(&primary, &candidate, options).await;
        let client = Client::new(shadow.address.clone());
        client.send::<Value>("now", &0).await.expect("an answer");
        let ended = shadow.interrupt().await;
        assert_eq!(ended.status, Some(1), "{}", ended.stdout);
        assert!(
            ended
                .stderr
                .ends_with("error: nothing was compared, though 1 request or event passed\n"),
            "{}",
            ended.stderr
        );
    }
    assert_eq!(asked.load(Relaxed), 0);
}

#[tokio::test]
async fn streams_are_compared_value_by_value_and_one_without_an_end_is_given_up() {
    let count = |end: u32| {
        Router::new()
            .message("count", async move || ReplyStream::new(stream::iter(0..end)))
            .message("ticks", async || {
                ReplyStream::new(stream::iter(0..2).chain(stream::pending()))
            })
    };
    let (primary, candidate) = (service(count(3)).await, service(count(4)).await);
    let shadow = shadow(&primary, &candidate, &[]).await;
    let client = Client::new(shadow.address.clone());
    let values: Vec<u32> = client
        .send_stream::<u32>("count", &0)
        .await
        .expect("it is sent")
        .try_collect()
        .await
        .expect("values");
    assert_eq!(values, [0, 1, 2]);
    let mut ticks = client.send_stream::<u32>("ticks", &0).await.expect("it is sent");
    assert_eq!(ticks.next().await.expect("a value").expect("a value"), 0);
    drop(ticks);
    let ended = shadow.interrupt().await;
    assert_eq!(ended.status, Some(1), "{}", ended.stdout);
    assert!(
        ended.stdout.contains("(number of values)           3  ->  4\n"),
        "{}",
        ended.stdout
    );
    let expected = "1 call compared, 1 field differs; 1 not compared (1 unfinished)";
    assert_eq!(total(&ended), expected, "{}", ended.stdout);
}

#[tokio::test]
async fn what_is_masked_is_shown_nowhere_and_the_candidate_gets_it() {
    let checks = |wanted: &'static str| {
        Router::new().message("enter", async move |Payload(data): Payload<Value>| {
            json!({"ok": data["password"] == "hunter2", "echo": data["password"], "by": wanted})
        })
    };
    let (primary, candidate) = (service(checks("old")).await, service(checks("new")).await);
    let file = path(&folder("shadow-mask"), "shadow.json");
    let options = ["--mask", "/data/password", "--mask", "/response/echo", "-o", &file];
    let shadow = shadow(&primary, &candidate, &options).await;
    let client = Client::new(shadow.address.clone());
    client
        .send::<Value>("enter", &json!({"password": "hunter2"}))
        .await
        .expect("an answer");
    let ended = shadow.interrupt().await;
    assert!(
        ended.stdout.starts_with("  ✗ enter {\"password\":\"***\"}   call 1\n"),
        "{}",
        ended.stdout
    );
    assert_eq!(total(&ended), "1 call compared, 1 field differs");
    for text in [ended.stdout, ended.stderr, fs::read_to_string(file).expect("a result")] {
        assert!(!text.contains("hunter2"), "{text}");
    }
}

#[tokio::test]
async fn a_caller_that_breaks_the_protocol_harms_no_other() {
    let (primary, candidate) = (service(sums(0.0)).await, service(sums(0.0)).await);
    let shadow = shadow(&primary, &candidate, &[]).await;
    for garbage in [&b"GET / HTTP/1.1\r\n\r\n"[..], b"5#hello", b"99999#{", &[0xff; 4096]] {
        let mut caller = tokio::net::TcpStream::connect(&shadow.address)
            .await
            .expect("it listens");
        caller.write_all(garbage).await.expect("it is taken");
    }
    sum_twenty(&shadow).await;
    let ended = shadow.interrupt().await;
    assert_eq!(ended.status, Some(0), "{}{}", ended.stdout, ended.stderr);
    assert_eq!(total(&ended), "20 calls compared, no difference");
}

#[tokio::test]
async fn it_ends_by_itself_after_a_number_of_calls() {
    let (primary, candidate) = (service(sums(0.0)).await, service(sums(0.0)).await);
    let shadow = shadow(&primary, &candidate, &["--calls", "20"]).await;
    sum_twenty(&shadow).await;
    let ended = shadow.ended().await;
    assert_eq!(ended.status, Some(0), "{}{}", ended.stdout, ended.stderr);
    assert_eq!(total(&ended), "20 calls compared, no difference");
}

#[tokio::test]
async fn metrics_count_by_pattern_and_pointer() {
    let (primary, candidate) = (service(sums(0.0)).await, service(sums(0.5)).await);
    let mut shadow = shadow(&primary, &candidate, &["--metrics", "127.0.0.1:0"]).await;
    let page = shadow
        .line_with("metrics http://")
        .await
        .replacen("metrics http://", "", 1);
    let (host, path) = page.split_once('/').expect("a path");
    sum_twenty(&shadow).await;
    loop {
        let mut connection = tokio::net::TcpStream::connect(host).await.expect("it serves");
        let request = format!("GET /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        connection.write_all(request.as_bytes()).await.expect("it is taken");
        let mut text = String::new();
        tokio::io::AsyncReadExt::read_to_string(&mut connection, &mut text)
            .await
            .expect("text");
        if text.contains("nest_wire_shadow_compared_total{pattern=\"sum\"} 20\n") {
            let differences = "nest_wire_shadow_differences_total{pattern=\"sum\",pointer=\"/response\"} 1\n";
            assert!(text.contains(differences), "{text}");
            return;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_reader_that_goes_away_or_does_not_read_holds_up_nothing() {
    let (primary, candidate) = (service(sums(0.0)).await, service(sums(0.5)).await);
    let mut unread = shadow(&primary, &candidate, &[]).await;
    drop(unread.take_stdout());
    for _ in 0..3 {
        sum_twenty(&unread).await;
    }
    assert_eq!(unread.interrupt().await.status, Some(1));

    let mut blocked = shadow(&primary, &candidate, &["--json", "--samples", "100000"]).await;
    let stdout = blocked.take_stdout();
    let client = Client::new(blocked.address.clone());
    for _ in 0..2_000 {
        client.send::<f64>("sum", &[13, 1]).await.expect("an answer");
    }
    let ended = blocked.interrupt().await;
    drop(stdout);
    assert_eq!(ended.status, Some(5), "{}", ended.stderr);
}

#[tokio::test]
async fn calls_with_one_id_in_flight_at_once_are_not_compared() {
    let (primary, candidate) = (service(sums(0.0)).await, service(sums(0.0)).await);
    let shadow = shadow(&primary, &candidate, &[]).await;
    let mut caller = tokio::net::TcpStream::connect(&shadow.address)
        .await
        .expect("it listens");
    let request = |data: &str| format!("{{\"pattern\":\"sum\",\"data\":[{data}],\"id\":\"x\"}}");
    let frames: String = ["1", "2"]
        .map(request)
        .map(|text| format!("{}#{text}", text.len()))
        .concat();
    caller.write_all(frames.as_bytes()).await.expect("it is taken");
    caller.shutdown().await.expect("it is taken");
    let mut answers = String::new();
    tokio::io::AsyncReadExt::read_to_string(&mut caller, &mut answers)
        .await
        .expect("text");
    assert_eq!(answers.matches("\"response\"").count(), 2, "{answers}");
    sum_twenty(&shadow).await;
    let ended = shadow.interrupt().await;
    assert_eq!(ended.status, Some(0), "{}", ended.stdout);
    let expected = "20 calls compared, no difference; 2 not compared (2 unfinished)";
    assert_eq!(total(&ended), expected);
}

#[tokio::test]
async fn a_candidate_whose_reply_never_ends_or_is_too_large_has_not_answered() {
    let endless = async || ReplyStream::new(stream::repeat("x".repeat(100_000)));
    let primary = service(sums(0.0)).await;
    let candidate = service(Router::new().message("sum", endless)).await;
    let shadow = shadow(&primary, &candidate, &[]).await;
    let client = Client::new(shadow.address.clone());
    assert_eq!(client.send::<f64>("sum", &[1]).await.expect("an answer"), 1.0);
    let ended = shadow.interrupt().await;
    assert_eq!(ended.status, Some(1), "{}", ended.stdout);
    let expected = "0 calls compared, no difference; 1 not answered by the candidate";
    assert_eq!(total(&ended), expected, "{}", ended.stdout);
}

#[tokio::test]
async fn services_that_are_not_there_are_named() {
    let primary = service(sums(0.0)).await;
    let (candidate, secondary) = (service(sums(0.0)).await, nowhere());
    let mut shadow = shadow(&primary, &candidate, &["--secondary", &secondary, "--events"]).await;
    shadow
        .line_with(&format!("warning: cannot connect to {secondary}: refused; "))
        .await;
    sum_twenty(&shadow).await;
    let ended = shadow.interrupt().await;
    assert_eq!(ended.status, Some(0), "{}", ended.stdout);
    assert!(
        ended
            .stderr
            .contains("warning: 20 second answers did not come, the first because: "),
        "{}",
        ended.stderr
    );
}

#[tokio::test]
async fn events_that_cannot_be_copied_are_counted() {
    let (router, mut received) = listener();
    let primary = service(router).await;
    let shadow = shadow(&primary, &nowhere(), &["--events"]).await;
    let client = Client::new(shadow.address.clone());
    for text in ["a", "b"] {
        client.emit("note", text).await.expect("it is sent");
        assert_eq!(received.recv().await.as_deref(), Some(text));
    }
    let ended = shadow.interrupt().await;
    assert_eq!(total(&ended), "0 calls compared, no difference; 2 events not copied");
}

#[tokio::test]
async fn mistakes_are_said() {
    let file = path(&folder("shadow-mistakes"), "exists.json");
    fs::write(&file, "{}").expect("a file");
    for (options, status, message) in [
        (
            &["--candidate", "localhost:2"][..],
            2,
            "error: the following required arguments were not provided:",
        ),
        (
            &["--primary", "localhost:7", "--candidate", "localhost:2"],
            2,
            "error: 127.0.0.1:7 is both listened to and passed on to",
        ),
        (
            &["--primary", "localhost:1", "--candidate", "localhost:7"],
            2,
            "error: 127.0.0.1:7 is both listened to and passed on to",
        ),
        (
            &["--primary", "localhost:1", "--candidate", "localhost"],
            2,
            "error: invalid value 'localhost' for '--candidate <ADDRESS>'",
        ),
        (
            &["--primary", "localhost:1", "--candidate", "localhost:2", "--share", "2"],
            2,
            "error: invalid value '2' for '--share <SHARE>'",
        ),
        (
            &[
                "--primary",
                "localhost:1",
                "--candidate",
                "localhost:2",
                "--ignore",
                "at",
            ],
            2,
            "error: invalid value 'at' for '--ignore <POINTER>'",
        ),
        (
            &["--primary", "localhost:1", "--candidate", "localhost:2", "--force"],
            2,
            "error: the following required arguments were not provided:\n  --output",
        ),
        (
            &["--primary", "localhost:1", "--candidate", "localhost:2", "-o", &file],
            2,
            "error: ",
        ),
        (
            &[
                "--primary",
                "localhost:1",
                "--candidate",
                "localhost:2",
                "--twice",
                "{a",
            ],
            2,
            "error: invalid value '{a' for '--twice <PATTERN>'",
        ),
    ] {
        let ended = run(&[&["shadow", "--listen", "127.0.0.1:7"], options].concat()).await;
        assert_eq!(ended.status, Some(status), "{options:?} {}", ended.stderr);
        assert!(ended.stderr.starts_with(message), "{options:?} {}", ended.stderr);
    }
}

/// A candidate that reads nothing: what is copied to it is bounded, and callers feel nothing.
#[tokio::test]
async fn callers_do_not_feel_a_candidate_that_does_not_read() {
    let primary = service(sums(0.0)).await;
    let deaf = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let candidate = deaf.local_addr().expect("bound").to_string();
    let shadow = shadow(&primary, &candidate, &["--timeout", "100ms"]).await;
    let client = Client::new(shadow.address.clone());
    let long = vec![1; 100_000];
    for _ in 0..50 {
        let sum: f64 = client.send("sum", &long).await.expect("an answer");
        assert_eq!(sum, 100_000.0);
    }
    let ended = shadow.interrupt().await;
    assert_eq!(ended.status, Some(1), "{}", ended.stderr);
    assert!(total(&ended).contains("0 calls compared"), "{}", ended.stdout);
}
