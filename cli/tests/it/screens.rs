//! The pictures in `docs/screens` show what is printed now.

use std::path::Path;

use tokio::process::Command;

#[tokio::test]
async fn the_pictures_of_the_documents_are_not_stale() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/screens.mjs");
    let mut command = Command::new("node");
    command.arg(script).args([env!("CARGO_BIN_EXE_nest-wire"), "--check"]);
    let output = command.output().await.expect("node");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
