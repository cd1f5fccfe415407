//! The likeliest mistakes, with every command that calls a service: what each says, and its status.

use crate::command::{Ended, IS_IT_RUNNING, nowhere, run};

/// The commands that call a service, and what stands behind the address.
const CALLERS: [(&str, &[&str]); 4] = [
    ("send", &["sum"]),
    ("emit", &["log"]),
    ("check", &["health"]),
    ("bench", &["sum"]),
];

/// Asserts that every caller ends with this status and this text.
async fn every_caller_fails(options: &[&str], address: &str, status: i32, stderr: &str) {
    for (command, call) in CALLERS {
        let args = [&[command][..], options, &[address], call].concat();
        assert_eq!(run(&args).await, Ended::badly(status, stderr), "{args:?}");
    }
}

/// Asserts that every caller refuses the address with this reason.
async fn every_caller_refuses(address: &str, reason: &str) {
    let message =
        format!("error: invalid value '{address}' for '<ADDRESS>': {reason}\n\nFor more information, try '--help'.\n");
    every_caller_fails(&[], address, 2, &message).await;
}

#[tokio::test]
async fn an_address_with_another_scheme_says_what_to_write() {
    let other = "is another transport than Nest's TCP: write HOST:PORT, tls://HOST:PORT or unix:PATH";
    every_caller_refuses(
        "http://localhost:3000",
        "http:// is for browsers and the port of app.listen(); a microservice has a port of its own: write HOST:PORT",
    )
    .await;
    every_caller_refuses("tcp://localhost:8888", "TCP needs no scheme: write localhost:8888").await;
    every_caller_refuses("nats://localhost:4222", &format!("nats:// {other}")).await;
    every_caller_refuses("redis://localhost:6379", &format!("redis:// {other}")).await;
}

#[tokio::test]
async fn an_address_of_the_wrong_shape_says_what_is_missing() {
    every_caller_refuses("localhost", "the port is missing: write HOST:PORT").await;
    every_caller_refuses("tls://localhost", "the port is missing: write HOST:PORT").await;
    every_caller_refuses("::1:8888", "an IPv6 address stands in brackets: [::1]:8888").await;
    every_caller_refuses("localhost:70000", "\"70000\" is not a port, a number from 1 to 65535").await;
    every_caller_refuses("unix:", "the path is missing: write unix:PATH").await;
}

#[tokio::test]
async fn a_service_that_is_not_there_is_refused() {
    let address = nowhere();
    let message = format!("error: cannot connect to {address}: refused\n{IS_IT_RUNNING}");
    every_caller_fails(&[], &address, 3, &message).await;
    let message = format!("error: cannot connect to tls://{address}: refused\n{IS_IT_RUNNING}");
    every_caller_fails(&["--insecure"], &format!("tls://{address}"), 3, &{
        format!("warning: --insecure: nobody has verified that this is tls://{address}\n{message}")
    })
    .await;
}

#[tokio::test]
async fn each_address_of_a_name_is_named() {
    let address = nowhere().replace("127.0.0.1", "localhost");
    let ended = run(&["send", &address, "sum"]).await;
    assert_eq!(ended.status, Some(3), "{ended:?}");
    let start = format!("error: cannot connect to {address}: refused");
    let reason = ended.stderr.strip_prefix(&start).expect("it says where");
    let reason = reason
        .strip_suffix(&format!("\n{IS_IT_RUNNING}"))
        .expect("it has a hint");
    // A machine may have either family alone.
    let both = [", at ::1 and at 127.0.0.1", ", at 127.0.0.1 and at ::1", ""];
    assert!(both.contains(&reason), "{reason}");
}

#[cfg(unix)]
#[tokio::test]
async fn a_socket_that_is_not_there_is_no_connection() {
    let message = "error: cannot connect to unix:no/such.sock: no such socket\n";
    every_caller_fails(&[], "unix:no/such.sock", 3, message).await;
}

#[tokio::test]
async fn options_for_tls_without_tls_are_refused() {
    for option in [
        &["--ca", "ca.pem"][..],
        &["--insecure"],
        &["--server-name", "db"],
        &["--pin", "db.pem"],
    ] {
        let name = option[0];
        let message = format!(
            "error: {name} is for an address with TLS, and localhost:8888 is none\nhint: write tls://localhost:8888\n"
        );
        every_caller_fails(option, "localhost:8888", 2, &message).await;
    }
}

#[tokio::test]
async fn files_for_tls_that_cannot_be_read_are_named() {
    let ended = run(&["send", "--ca", "no-such.pem", "tls://localhost:8888", "sum"]).await;
    assert_eq!(ended.status, Some(2), "{ended:?}");
    let start = "error: cannot read the certificates of authorities from no-such.pem: ";
    assert!(ended.stderr.starts_with(start), "{ended:?}");
}

#[tokio::test]
async fn a_major_that_never_was_is_refused() {
    for major in ["6", "13", "x", "12.1"] {
        let message = format!(
            "error: invalid value '{major}' for '--nest <MAJOR>': it takes 7 to 12\n\nFor more information, try '--help'.\n"
        );
        every_caller_fails(&["--nest", major], "localhost:8888", 2, &message).await;
    }
}

#[tokio::test]
async fn a_pattern_that_is_broken_json_says_where() {
    for (command, _) in CALLERS {
        let ended = run(&[command, "localhost:8888", "{cmd:sum}"]).await;
        let message = "error: PATTERN: unexpected 'c' at byte 1 in {cmd:sum}\n\
                       hint: quote it for the shell: '{\"cmd\":\"sum\"}'\n";
        assert_eq!(ended, Ended::badly(2, message), "{command}");
    }
}

#[tokio::test]
async fn data_that_is_no_json_says_how_to_write_it() {
    for (data, message) in [
        (
            "hello",
            "error: DATA: hello is not JSON\nhint: a text is written '\"hello\"'\n",
        ),
        ("null", "error: DATA: NestJS sends no null\n"),
        ("[1,2", "error: DATA: unexpected end at byte 4 in [1,2\n"),
        ("@no-such.json", "error: no-such.json: no such file\n"),
        ("@.", "error: .: it is a directory\n"),
    ] {
        for (command, _) in CALLERS {
            let ended = run(&[command, "localhost:8888", "sum", data]).await;
            assert_eq!(ended, Ended::badly(2, message), "{command} {data}");
        }
    }
}

#[tokio::test]
async fn wrong_options_are_refused() {
    for (args, message) in [
        (
            &["send", "--values", "0", "localhost:8888", "sum"][..],
            "error: invalid value '0' for '--values <N>': number would be zero for non-zero type\n",
        ),
        (
            &["send", "-m", "tenant", "localhost:8888", "sum"],
            "error: invalid value 'tenant' for '--metadata <KEY=VALUE>': write KEY=VALUE\n",
        ),
        (
            &["send", "--metadata-json", "{a", "localhost:8888", "sum"],
            "error: --metadata-json: unexpected 'a' at byte 1 in {a\nhint: quote it for the shell: '{\"cmd\":\"sum\"}'\n",
        ),
        (
            &["send", "--in-flight", "2", "localhost:8888", "sum"],
            "error: the following required arguments were not provided:\n  --lines\n",
        ),
        (
            &["send", "--lines", "localhost:8888", "sum"],
            "error: the following required arguments were not provided:\n  <DATA>\n",
        ),
        (
            &["check", "--expect", "1", "localhost:8888"],
            "error: the following required arguments were not provided:\n  <PATTERN>\n",
        ),
        (
            &["check", "--expect", "up", "localhost:8888", "health"],
            "error: --expect: up is not JSON\nhint: a text is written '\"up\"'\n",
        ),
        (
            &["check", "--expect-at", "/status", "localhost:8888", "health"],
            "error: --expect-at /status: write POINTER=JSON\n",
        ),
        (
            &["check", "--expect-at", "status=1", "localhost:8888", "health"],
            "error: --expect-at status: a pointer begins with /\n",
        ),
    ] {
        let ended = run(args).await;
        assert_eq!((ended.status, ended.stdout.as_str()), (Some(2), ""), "{args:?}");
        assert!(ended.stderr.starts_with(message), "{args:?}: {}", ended.stderr);
    }
}
