//! `| head`: a reader that goes away has seen enough, with every command that prints.

use std::{io::pipe, process::Stdio};

use nest_wire::server::Router;

use crate::{
    command::{Ended, end_of, nest_wire, service},
    running::{folder, path},
    traffic::Traffic,
};

#[tokio::test]
async fn whoever_stops_reading_has_seen_enough() {
    let address = service(Router::new().message("one", async || 1)).await;
    let file = path(&folder("broken-pipe"), "calls.jsonl");
    let mut traffic = Traffic::default();
    traffic.call(1, "one");
    traffic.write(&file);
    for args in [
        &["inspect", &file][..],
        &["inspect", "--json", &file],
        &["inspect", "--pairs", &file],
        &["inspect", "--summary", &file],
        &["inspect", "--full", &file],
        &["replay", &file, "--to", &address],
        &["replay", &file, "--to", &address, "--json"],
        &["send", &address, "one"],
        &["send", "--json", &address, "one"],
        &["send", "--lines", &address, "one", "1\n2"],
        &["emit", "--json", &address, "log"],
        &["route", "sum"],
        &["route", "--explain", "sum"],
        &["route", "--json", "sum"],
        &["completions", "bash"],
        &["man"],
    ] {
        let (reader, writer) = pipe().expect("a pipe");
        drop(reader);
        let child = nest_wire(args)
            .stdout(Stdio::from(writer))
            .spawn()
            .expect("the binary runs");
        assert_eq!(end_of(child).await, Ended::well(""), "{args:?}");
    }
}
