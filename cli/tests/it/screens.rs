//! The pictures in `docs/screens` show what the commands print today, each of them.
#![cfg(unix)]

use std::{collections::BTreeSet, fs};

use nest_wire_harness::Harness;
use tokio::process::Command;

use crate::command::commands;

/// Commands whose output nobody looks at, and the demo, whose picture is in the README.
const WITHOUT: [&str; 4] = ["completions", "man", "help", "demo"];

#[tokio::test]
async fn the_pictures_of_the_commands_show_what_they_print() {
    let harness = Harness::find().expect("a checkout");
    harness.install(&[12], |_| {}).await.expect("Nest is installed");
    let script = harness.checkout().join("docs/screens/main.mjs");
    let drawn = Command::new("node")
        .arg(script)
        .args([env!("CARGO_BIN_EXE_nest-wire"), "--check"])
        .kill_on_drop(true)
        .output()
        .await
        .expect("node");
    assert!(drawn.status.success(), "{}", String::from_utf8_lossy(&drawn.stderr));
}

#[tokio::test]
async fn each_command_has_a_picture_and_each_picture_its_place() {
    let folder = Harness::find().expect("a checkout").checkout().join("docs/screens");
    let page = fs::read_to_string(folder.join("README.md")).expect("a page");
    let files = fs::read_dir(folder)
        .expect("a folder")
        .map(|file| file.expect("a file").path());
    let pictures = files.filter(|file| file.extension().is_some_and(|end| end == "svg"));
    let drawn: BTreeSet<String> = pictures
        .map(|file| file.file_stem().expect("a name").to_string_lossy().into_owned())
        .collect();
    let mut wanted: BTreeSet<String> = commands().await.into_iter().collect();
    wanted.retain(|command| !WITHOUT.contains(&&**command));
    assert_eq!(drawn, wanted);
    for name in drawn {
        assert!(page.contains(&format!("![{name}]({name}.svg)")), "{name}");
    }
}
