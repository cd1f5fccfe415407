//! The pictures in `docs/screens` show what the tools print today.
#![cfg(unix)]

use nest_wire_harness::Harness;
use tokio::process::Command;

#[tokio::test]
async fn the_pictures_of_the_tools_show_what_they_print() {
    let harness = Harness::find().expect("a checkout");
    harness.install(&[12], |_| {}).await.expect("Nest is installed");
    let script = harness.checkout().join("docs/screens.mjs");
    let drawn = Command::new("node")
        .arg(script)
        .args([env!("CARGO_BIN_EXE_nest-wire"), "--check"])
        .kill_on_drop(true)
        .output()
        .await
        .expect("node");
    assert!(drawn.status.success(), "{}", String::from_utf8_lossy(&drawn.stderr));
}
