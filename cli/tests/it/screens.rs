//! The pictures in `docs/screens` show what the tools print now.
#![cfg(unix)]

use nest_wire_harness::Harness;
use tokio::process::Command;

#[tokio::test]
async fn the_pictures_of_the_documents_are_not_stale() {
    let harness = Harness::find().expect("a checkout");
    harness.install(&[12], |_| {}).await.expect("Nest is installed");
    let mut command = Command::new("node");
    command
        .arg(harness.checkout().join("docs/screens.mjs"))
        .args([env!("CARGO_BIN_EXE_nest-wire"), "--check"])
        .kill_on_drop(true);
    let output = command.output().await.expect("node");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
