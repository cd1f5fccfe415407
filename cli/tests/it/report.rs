//! `nest-wire report`: a page of recorded traffic. What a browser makes of it is in
//! `report_in_browser`.
#![cfg(unix)]

use std::fs;

use nest_wire::recording::{Content, Side};

use crate::{
    command::{Ended, end_of, nest_wire, run, run_with_stdin},
    running::{folder, path},
    traffic::Traffic,
};

/// Markup, quotes, control characters, and characters that turn or hide what follows them.
const HOSTILE: &str = "</script></style></title></textarea><img src=x onerror='alert(1)'>\\\" onload=\\\"alert(2) &lt; &#60; \
                       \u{202e}\u{2066}\u{200b}\u{feff}\u{85}\u{7f} ${x} {{y}} <!-- ]]>";

/// Makes the page of a recording.
async fn page(test: &str, traffic: Traffic, options: &[&str]) -> String {
    let folder = folder(test);
    let (file, output) = (path(&folder, "calls.jsonl"), path(&folder, "page.html"));
    traffic.write(&file);
    let mut args = vec!["report", &file, "-o", &output];
    args.extend(options);
    let ended = run(&args).await;
    assert_eq!((ended.status, ended.stderr.as_str()), (Some(0), ""));
    fs::read_to_string(output).expect("a page")
}

/// Asserts that nothing in the page is markup or invisible, but what the tool wrote.
fn assert_harmless(page: &str) {
    for (element, count) in [("script", 1), ("style", 1), ("img", 0), ("textarea", 0), ("iframe", 0)] {
        assert_eq!(page.matches(&format!("<{element}")).count(), count, "{element}");
    }
    // The name of the page, and those of the timeline's bars.
    assert_eq!(page.matches("<title").count(), page.matches("</title>").count());
    assert!(!page.contains("<!--"), "a comment");
    let is_seen = |character: char| {
        character == '\n' || !(character.is_control() || "\u{202e}\u{2066}\u{200b}\u{feff}".contains(character))
    };
    assert_eq!(page.chars().find(|character| !is_seen(*character)), None);
}

#[tokio::test]
async fn a_page_shows_the_totals_the_table_and_each_packet() {
    let mut traffic = Traffic::new();
    traffic.call(1, "sum").after(500).call(2, "sum");
    traffic.caller(r#"{"pattern":"log","data":"求和"}"#);
    traffic
        .caller(r#"{"pattern":"fail","data":0,"id":"x"}"#)
        .after(10)
        .service(r#"{"err":"no such user","isDisposed":true,"id":"x"}"#);
    traffic.caller(r#"{"pattern":"lost","data":0,"id":"y"}"#);
    let folder = folder("report-page");
    let (file, output) = (path(&folder, "calls.jsonl"), path(&folder, "page.html"));
    traffic.about.insert("to".to_owned(), "localhost:8888".to_owned());
    traffic.write(&file);
    let ended = run(&["report", &file, "-o", &output]).await;
    let totals = "8 packets on 1 connection in 2.5 ms, 1 error, 1 unanswered call";
    assert_eq!(ended, Ended::well(&format!("{output}: {totals}\n")));

    let page = fs::read_to_string(&output).expect("a page");
    assert_harmless(&page);
    for part in [
        // The name of the file, not where it is.
        "<h1>calls.jsonl</h1>",
        totals,
        "to localhost:8888",
        "<td>sum<td>2<td><td><td>1.0 ms<td>1.0 ms\n",
        "<td>log <small>(event)</small><td>1<td><td><td><td>\n",
        "<td>fail<td>1<td class=err>1<td><td>10 us<td>10 us\n",
        "<td>lost<td>1<td><td class=none>1<td><td>\n",
        "<tr id=p1><td><a href=#p1>1</a><td>0.000000<td>1 →<td>request<td>sum<td>46<td><td>{\"number\":1}\n",
        "<tr id=p2><td><a href=#p2>2</a><td>0.001000<td>1 ←<td>last value<td>sum<td>41<td><a href=#p1>1.0 ms</a><td>1\n",
        "<td>1 →<td>event<td>log<td>29<td><td>\"求和\"\n",
        "<tr id=p7 class=err>",
        "<td>error<td>fail<td>49<td><a href=#p6>10 us</a><td>\"no such user\"\n",
        "<tr id=p8 class=none>",
        "<td>request<td>lost<td>36<td>no answer<td>0\n",
        "<a tabindex=-1 href=\"#p1\"><rect class=ok ",
        "answered after 1.0 ms, asked at 0.000000 s</title>",
        "error after 10 us, ",
        "never answered, asked at ",
        "event at 0.002500 s</title>",
    ] {
        assert!(page.contains(part), "{part} is not in {page}");
    }
    assert!(!page.contains(folder.to_str().expect("text")), "a path of this machine");
}

#[tokio::test]
async fn hostile_texts_are_shown_and_do_nothing() {
    let mut traffic = Traffic::new();
    traffic.about.insert("to".to_owned(), HOSTILE.to_owned());
    traffic.event(Side::Caller, Content::Failed(HOSTILE.to_owned()));
    let pattern = format!(r#"{{"pattern":"{HOSTILE}","data":"{HOSTILE}","metadata":{{"{HOSTILE}":"{HOSTILE}"}},"#);
    traffic.caller(&format!(r#"{pattern}"id":1}}"#));
    traffic.service(&format!(r#"{{"response":{{"{HOSTILE}":"{HOSTILE}"}},"id":1}}"#));
    traffic.service(&format!(r#"{{"err":"{HOSTILE}","isDisposed":true,"id":1}}"#));
    traffic.caller(&format!(r#"{pattern}"extra":"{HOSTILE}"}}"#));
    traffic.bytes(Side::Caller, format!("12{HOSTILE}#{{}}{HOSTILE}"));
    traffic.bytes(Side::Service, format!("99#{HOSTILE}"));
    traffic.event(Side::Service, Content::End);
    let page = page("report-hostile", traffic, &["--title", &HOSTILE.replace('\u{0}', "")]).await;
    assert_harmless(&page);
    let shown = "&lt;/script&gt;&lt;/style&gt;&lt;/title&gt;&lt;/textarea&gt;&lt;img src=x onerror='alert(1)'&gt;";
    assert!(page.matches(shown).count() > 10, "{page}");
    assert!(
        page.contains("\\u{202e}\\u{2066}\\u{200b}\\u{feff}\\u{85}\\u{7f}"),
        "{page}"
    );
}

#[tokio::test]
async fn a_lone_surrogate_stays_an_escape() {
    let mut traffic = Traffic::new();
    traffic.caller(r#"{"pattern":"log","data":"\ud800 \u0007"}"#);
    let page = page("report-surrogate", traffic, &[]).await;
    assert!(page.contains(r#"<td>"\ud800 \u0007""#), "{page}");
}

#[tokio::test]
async fn a_long_text_is_cut_and_its_length_told() {
    let mut traffic = Traffic::new();
    let text = "求".repeat(1_000_000);
    traffic.caller(&format!(
        r#"{{"pattern":"{text}","data":"{text}","metadata":"{text}","id":1}}"#
    ));
    traffic.service(&format!(r#"{{"err":"{text}","isDisposed":true,"id":1}}"#));
    let page = page("report-long", traffic, &["--title", &text[..30_000]]).await;
    assert!(page.len() < 60_000, "{}", page.len());
    assert_eq!(page.matches("<small>cut: 3000002 bytes in all</small>").count(), 2);
}

#[tokio::test]
async fn a_broken_frame_is_explained() {
    let mut traffic = Traffic::new();
    traffic.bytes(Side::Caller, r#"33#{"pattern":"log","data":"求和"}"#);
    traffic.caller(r#"{"pattern":"log","data":1}"#);
    traffic.event(Side::Service, Content::Reset);
    let page = page("report-broken", traffic, &[]).await;
    for part in [
        "header says 33, which is its length in bytes; Nest wants 29 UTF-16 units.",
        "1 broken frame",
        "<td>reset<td>",
        "<circle class=bad ",
        "<title>faults</title>",
    ] {
        assert!(page.contains(part), "{part} is not in {page}");
    }
}

#[tokio::test]
async fn values_of_a_stream_are_notches_in_its_bar() {
    let mut traffic = Traffic::new();
    traffic.caller(r#"{"pattern":"count","data":3,"id":1}"#);
    for value in 0..3 {
        traffic
            .after(1_000)
            .service(&format!(r#"{{"response":{value},"id":1}}"#));
    }
    traffic.after(1_000).service(r#"{"isDisposed":true,"id":1}"#);
    let page = page("report-stream", traffic, &[]).await;
    assert!(
        page.contains("<path class=notch d=\"M440 25.5v9M680 25.5v9M920 25.5v9\"/>"),
        "{page}"
    );
    assert!(
        page.contains("answered after 4.0 ms, 3 values before the last, asked at 0.000000 s"),
        "{page}"
    );
}

#[tokio::test]
async fn calls_that_overlap_are_drawn_one_below_the_other() {
    let mut traffic = Traffic::new();
    for id in 0..3 {
        traffic
            .caller(&format!(r#"{{"pattern":"slow","data":0,"id":{id}}}"#))
            .after(1_000);
    }
    for id in 0..3 {
        traffic
            .service(&format!(r#"{{"response":0,"isDisposed":true,"id":{id}}}"#))
            .after(1_000);
    }
    let page = page("report-overlap", traffic, &[]).await;
    for y in ["25.5", "37.5", "49.5"] {
        assert_eq!(page.matches(&format!(" y={y} width=")).count(), 1, "{y}");
    }
}

#[tokio::test]
async fn a_recording_without_times_is_drawn_in_the_order_of_its_packets() {
    let mut traffic = Traffic::default();
    traffic.call(1, "sum").call(2, "sum");
    let page = page("report-no-times", traffic, &[]).await;
    for part in [
        "<h1>calls.jsonl</h1>\n<p class=about>4 packets on 1 connection</p>",
        "<td><a href=#p1>1</a><td><td>1 →",
        // A link to the request, since there is no time to show.
        "<td><a href=#p1>#1</a><td>1\n",
        "answered, asked at packet 1</title>",
    ] {
        assert!(page.contains(part), "{part} is not in {page}");
    }
}

#[tokio::test]
async fn packets_beyond_the_limit_are_counted() {
    let mut traffic = Traffic::new();
    traffic
        .call(1, "sum")
        .call(2, "sum")
        .caller(r#"{"pattern":"fail","data":0,"id":"x"}"#);
    traffic.service(r#"{"err":"no","isDisposed":true,"id":"x"}"#);
    let page = page("report-limit", traffic, &["--packets", "3"]).await;
    assert_eq!(page.matches("<tr id=p").count(), 3);
    assert!(page.contains("… and 3 more packets, 1 error among them"), "{page}");
    // All calls are drawn; the last one has no row to lead to.
    assert!(page.contains("<rect class=err "), "{page}");
    assert!(!page.contains("href=\"#p4\""), "{page}");
    assert_eq!(page.matches("<a tabindex=-1 ").count(), 2);
}

#[tokio::test]
async fn very_many_calls_are_drawn_as_columns() {
    let mut traffic = Traffic::new();
    for call in 0..12_000 {
        traffic.call(call, if call % 3 == 0 { "sum" } else { "user.find" });
    }
    traffic.caller(r#"{"pattern":"sum","data":0,"id":"x"}"#);
    traffic.service(r#"{"err":"no","isDisposed":true,"id":"x"}"#);
    let page = page("report-many", traffic, &["--packets", "100"]).await;
    let columns = page.matches("<g><title>").count();
    assert!((256..=512).contains(&columns), "{columns}");
    assert!(
        page.contains("More than 10000 calls: each column counts those that began within 65.5 ms."),
        "{page}"
    );
    // One error among 4,000 answers.
    assert!(page.contains(": 1 error, "), "{page}");
    assert_eq!(page.matches("<tr id=p").count(), 100);
}

#[tokio::test]
async fn many_patterns_are_bounded_in_the_drawing_and_in_the_table() {
    let mut traffic = Traffic::new();
    for call in 0..1_500 {
        traffic.call(call, &format!("pattern{call}"));
    }
    let page = page("report-patterns", traffic, &[]).await;
    assert_eq!(page.matches("<g class=lane>").count(), 40);
    assert!(page.contains("more patterns with fewer calls."), "{page}");
    assert!(
        page.contains("… and 500 more patterns: <code>nest-wire inspect --summary</code>"),
        "{page}"
    );
}

#[tokio::test]
async fn masked_values_are_not_in_the_page() {
    let mut traffic = Traffic::new();
    traffic.caller(r#"{"pattern":"login","data":{"password":"hunter2"},"id":1}"#);
    let page = page("report-mask", traffic, &["--mask", "/data/password"]).await;
    assert!(page.contains(r#"<td>{"password":"***"}"#), "{page}");
    assert!(!page.contains("hunter2"), "{page}");
}

#[tokio::test]
async fn a_page_can_come_from_standard_input_and_go_to_standard_output() {
    let folder = folder("report-pipe");
    let file = path(&folder, "calls.jsonl");
    let mut traffic = Traffic::new();
    traffic.call(1, "sum");
    traffic.write(&file);
    let recording = fs::read(&file).expect("a file");
    let ended = run_with_stdin(&["report", "-", "-o", "-"], &recording).await;
    assert_eq!((ended.status, ended.stderr.as_str()), (Some(0), ""));
    assert!(ended.stdout.starts_with("<!doctype html>"), "{}", ended.stdout);
    assert!(ended.stdout.ends_with("</html>\n"), "{}", ended.stdout);
    assert!(ended.stdout.contains("<h1>standard input</h1>"), "{}", ended.stdout);
}

#[tokio::test]
async fn a_reader_that_goes_away_is_no_failure() {
    let folder = folder("report-head");
    let file = path(&folder, "calls.jsonl");
    let mut traffic = Traffic::new();
    for call in 0..1_000 {
        traffic.call(call, "sum");
    }
    traffic.write(&file);
    let mut child = nest_wire(["report", &file, "-o", "-"])
        .spawn()
        .expect("the binary runs");
    drop(child.stdout.take());
    let output = child.wait_with_output().await.expect("it ends");
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]));
}

#[tokio::test]
async fn mistakes_are_named_and_nothing_is_overwritten() {
    let folder = folder("report-mistakes");
    let file = |name: &str| path(&folder, name);
    let (calls, output) = (file("calls.jsonl"), file("page.html"));
    let mut traffic = Traffic::new();
    traffic.call(1, "sum");
    traffic.write(&calls);
    fs::write(file("empty.jsonl"), "").expect("a file");
    fs::write(file("notes.jsonl"), "{\"format\":\"1\"}\n").expect("a file");
    fs::write(file("newer.jsonl"), "{\"format\":\"9\"}\n").expect("a file");
    fs::write(file("packed.gz"), [0x1F, 0x8B, 8, 0]).expect("a file");
    let whole = fs::read(&calls).expect("a file");
    fs::write(file("cut.jsonl"), &whole[..whole.len() - 9]).expect("a file");
    fs::write(file("old.html"), "mine").expect("a file");
    let directory = path(&folder, "");
    let no_folder = file("missing/page.html");
    for (input, output, message) in [
        (file("no.jsonl"), &output, format!("{}: no such file", file("no.jsonl"))),
        (directory.clone(), &output, format!("{directory}: it is a directory")),
        (
            file("empty.jsonl"),
            &output,
            format!("{} holds no traffic", file("empty.jsonl")),
        ),
        (
            file("notes.jsonl"),
            &output,
            format!("{} holds no traffic", file("notes.jsonl")),
        ),
        (
            file("newer.jsonl"),
            &output,
            format!(
                "{} was recorded in format 9; this nest-wire reads up to 1\nhint: update nest-wire",
                file("newer.jsonl")
            ),
        ),
        (
            file("packed.gz"),
            &output,
            format!(
                "{0} is compressed\nhint: zcat {0} | nest-wire inspect -",
                file("packed.gz")
            ),
        ),
        (
            file("cut.jsonl"),
            &output,
            format!(
                "{} ends inside line 3\nhint: --truncated reads what is there",
                file("cut.jsonl")
            ),
        ),
        (
            calls.clone(),
            &file("old.html"),
            format!("{} exists\nhint: --force writes over it", file("old.html")),
        ),
        (
            calls.clone(),
            &calls,
            format!("{calls} is the traffic itself: the page would replace it"),
        ),
        (calls.clone(), &no_folder, format!("{no_folder}: no such file")),
    ] {
        let ended = run(&["report", &input, "-o", output]).await;
        assert_eq!(ended, Ended::badly(2, &format!("error: {message}\n")));
    }
    assert!(!folder.join("page.html").exists());
    assert_eq!(fs::read_to_string(file("old.html")).expect("a file"), "mine");

    let ended = run(&["report", &calls, "-o", &file("old.html"), "--force"]).await;
    assert_eq!(ended.status, Some(0), "{}", ended.stderr);
    let ended = run(&["report", &calls, "-o", &calls, "--force"]).await;
    assert_eq!(ended.status, Some(2), "{}", ended.stderr);
    assert_eq!(fs::read(&calls).expect("a file"), whole);
    let ended = run(&["report", &file("cut.jsonl"), "-o", &output, "--truncated"]).await;
    assert_eq!(ended.status, Some(0), "{}", ended.stderr);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_full_disk_is_status_5() {
    let folder = folder("report-full");
    let (calls, output) = (path(&folder, "calls.jsonl"), path(&folder, "page.html"));
    let mut traffic = Traffic::new();
    traffic.call(1, "sum");
    traffic.write(&calls);
    // Removing the page that could not be written in full removes the link.
    std::os::unix::fs::symlink("/dev/full", &output).expect("a link");
    let ended = run(&["report", &calls, "-o", &output, "--force"]).await;
    assert_eq!(ended, Ended::badly(5, &format!("error: {output}: no space left\n")));
    assert!(!folder.join("page.html").exists());
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn the_page_is_opened_in_the_browser_if_that_is_asked_for() {
    use std::os::unix::fs::PermissionsExt;

    let folder = folder("report-open");
    let mut traffic = Traffic::new();
    traffic.call(1, "sum");
    traffic.write(path(&folder, "calls.jsonl"));
    // What opens files on Linux desktops.
    let opener = folder.join("xdg-open");
    fs::write(&opener, "#!/bin/sh\necho \"$1\" > opened.part; mv opened.part opened\n").expect("a program");
    fs::set_permissions(&opener, fs::Permissions::from_mode(0o755)).expect("a mode");
    let search = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap_or_default());
    let mut command = nest_wire(["report", "calls.jsonl", "-o", "page.html", "--open"]);
    command.current_dir(&folder).env("PATH", search);
    let ended = end_of(command.spawn().expect("the binary runs")).await;
    assert_eq!((ended.status, &*ended.stderr), (Some(0), ""));
    while !folder.join("opened").exists() {
        tokio::task::yield_now().await;
    }
    assert_eq!(
        fs::read_to_string(folder.join("opened")).expect("a file"),
        "page.html\n"
    );
    let refused = run(&["report", &path(&folder, "calls.jsonl"), "-o", "-", "--open"]).await;
    assert_eq!(
        refused,
        Ended::badly(2, "error: --open needs a file, not standard output\n")
    );
}
