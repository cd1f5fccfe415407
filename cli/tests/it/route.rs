//! `nest-wire route`: routes, and which patterns meet.

use crate::command::{Ended, run};

async fn route(args: &[&str]) -> Ended {
    run(&[&["route"], args].concat()).await
}

fn unmet(stdout: &str, stderr: &str) -> Ended {
    Ended::badly(1, stderr).having_printed(stdout)
}

#[tokio::test]
async fn a_pattern_has_a_route() {
    for (pattern, expected) in [
        (r#"{"b":1,"a":"x"}"#, r#"{"a":"x","b":1}"#),
        ("sum", "sum"),
        ("7", "7"),
        (r#"{ "cmd" : "sum" }"#, r#"{"cmd":"sum"}"#),
        ("-1", "-1"),
    ] {
        assert_eq!(
            route(&[pattern]).await,
            Ended::well(&format!("{expected}\n")),
            "{pattern}"
        );
    }
}

#[tokio::test]
async fn a_pattern_that_its_own_calls_do_not_reach_says_why() {
    let message = "error: 1e3 is registered as 1e3, but a call to 1e3 looks up 1000 \
                   (a string is read as JSON if it can be): they do not meet\n";
    assert_eq!(route(&["1e3"]).await, unmet("1e3\n", message));
    let message = "error: true is registered as \"true\", but a call to true looks up true \
                   (a string is read as JSON if it can be): they do not meet\n";
    assert_eq!(route(&["true"]).await, unmet("true\n", message));
}

#[tokio::test]
async fn two_patterns_meet_or_do_not() {
    let same = [r#"{"cmd":"sum","v":1}"#, r#"{"v": 1.0, "cmd": "sum"}"#];
    let line = "{\"cmd\":\"sum\",\"v\":1}\n";
    assert_eq!(route(&same).await, Ended::well(&line.repeat(2)));
    let message = "error: sum is registered as sum, but a call to add looks up add: they do not meet\n";
    assert_eq!(route(&["sum", "add"]).await, unmet("sum\nadd\n", message));
    // A call with the handler's object as a string.
    let quoted = "\"{\\\"cmd\\\":\\\"sum\\\",\\\"v\\\":1}\"";
    assert_eq!(route(&[same[0], quoted]).await, Ended::well(&line.repeat(2)));
}

#[tokio::test]
async fn the_reason_is_a_sentence() {
    for (args, status, expected) in [
        (
            &["sum"][..],
            0,
            "a call to sum reaches a handler of sum: both have the route sum\n",
        ),
        (
            &["{\"cmd\":\"sum\"}", "{\"cmd\": \"sum\"}"],
            0,
            "{\"cmd\":\"sum\"} and {\"cmd\": \"sum\"} meet: both have the route {\"cmd\":\"sum\"}\n",
        ),
        (
            &["1000", "1e3"],
            0,
            "1000 and 1e3 meet: both have the route 1000\n\
             the other way round: 1e3 is registered as 1e3, but a call to 1000 looks up 1000: they do not meet\n",
        ),
        (
            &["sum", "add"],
            1,
            "sum is registered as sum, but a call to add looks up add: they do not meet\n",
        ),
        (
            &["--nest", "12", r#"{"say":"\"hi\""}"#],
            0,
            "a call to {\"say\":\"\\\"hi\\\"\"} reaches a handler of {\"say\":\"\\\"hi\\\"\"}: \
             both have the route {\"say\":\"\\\"hi\\\"\"}\n",
        ),
        (
            &[r#"{"say":"\"hi\""}"#],
            0,
            "a call to {\"say\":\"\\\"hi\\\"\"} reaches a handler of {\"say\":\"\\\"hi\\\"\"}: \
             both have the route {\"say\":\"\\\"hi\\\"\"}\n\
             in Nest 7 to 10: a call to {\"say\":\"\\\"hi\\\"\"} reaches a handler of {\"say\":\"\\\"hi\\\"\"}: \
             both have the route {\"say\":\"\"hi\"\"}\n",
        ),
    ] {
        let ended = route(&[&["--explain"], args].concat()).await;
        assert_eq!((ended.status, ended.stderr.as_str()), (Some(status), ""), "{args:?}");
        assert_eq!(ended.stdout, expected, "{args:?}");
    }
}

#[tokio::test]
async fn what_a_route_does_not_show_is_a_warning() {
    let deep = r#"{"a":{"a":{"a":{"a":{"a":{"a":{"a":1}}}}}}}"#;
    let keys: Vec<String> = (0..21).map(|key| format!("\"k{key}\":1")).collect();
    let many = format!("{{{}}}", keys.join(","));
    for (pattern, warning) in [
        (
            deep,
            "an object within more than five others is [MAX_DEPTH_REACHED], and all such patterns meet",
        ),
        (
            &many,
            "an object with more than 20 keys is [TOO_MANY_KEYS], and all such patterns meet",
        ),
        (
            "[1,2]",
            "an array given to @MessagePattern is one pattern to Nest 7 and 8, and several to Nest 9 and later",
        ),
        (
            r#"{"求":1,"和":2}"#,
            "Node may sort keys of Chinese, Japanese or Korean characters otherwise, which matters for events",
        ),
    ] {
        let ended = route(&[pattern]).await;
        assert_eq!(
            (ended.status, ended.stderr),
            (Some(0), format!("warning: {warning}\n")),
            "{pattern}"
        );
        let ended = route(&["--explain", pattern]).await;
        assert_eq!(ended.stdout.lines().last(), Some(warning), "{pattern}");
    }
    // Older majors have neither limit.
    assert_eq!(route(&["--nest", "10", deep]).await, Ended::well(&format!("{deep}\n")));
}

#[tokio::test]
async fn programs_read_a_line_for_each_major() {
    let ended = route(&["--json", "1000", "1e3"]).await;
    let lines: Vec<&str> = ended.stdout.lines().collect();
    assert_eq!((ended.status, lines.len()), (Some(0), 6));
    let expected = r#"{"type":"route","nest":7,"pattern":"1000","registered":"1000","call":"1e3","looked_up":"1000","meet":true,"notes":[]}"#;
    assert_eq!(lines[0], expected);
    assert_eq!(lines[5], expected.replace(":7,", ":12,"));
    let ended = route(&["--json", "--nest", "12", "true"]).await;
    let expected = r#"{"type":"route","nest":12,"pattern":"true","registered":"true","call":"true","looked_up":true,"meet":false,"notes":[]}"#;
    assert_eq!(ended, unmet(&format!("{expected}\n"), ""));
}

#[tokio::test]
async fn mistakes_are_named() {
    for (args, message) in [
        (
            &["{cmd}"][..],
            "error: PATTERN: unexpected 'c' at byte 1 in {cmd}\nhint: quote it for the shell: '{\"cmd\":\"sum\"}'\n",
        ),
        (&["sum", "[1"], "error: OTHER: unexpected end at byte 2 in [1\n"),
        (
            &["--nest", "13", "sum"],
            "error: invalid value '13' for '--nest <MAJOR>': it takes 7 to 12\n\nFor more information, try '--help'.\n",
        ),
    ] {
        assert_eq!(route(args).await, Ended::badly(2, message), "{args:?}");
    }
    let deep = format!("{}{}", "[".repeat(10_001), "]".repeat(10_001));
    let ended = route(&[&deep]).await;
    assert_eq!(ended.status, Some(2));
    assert!(
        ended
            .stderr
            .starts_with("error: PATTERN: JSON text nested deeper than 10000"),
        "{ended:?}"
    );
}
