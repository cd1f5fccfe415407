//! A short soak. The command in `.ci/run` runs for two minutes.

use std::process::Command;

#[test]
fn twenty_seconds_of_calls_of_all_kinds_leave_memory_and_descriptors_as_they_were() {
    let output = Command::new(env!("CARGO_BIN_EXE_soak"))
        .args(["--seconds", "20", "--csv"])
        .arg(format!("{}/soak.csv", env!("CARGO_TARGET_TMPDIR")))
        .output()
        .expect("it can be run");
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{printed}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
