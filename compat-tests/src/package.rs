//! Folders of `node-harness` that are installed only when a test needs them.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::Command,
};

use nest_wire_harness::Harness;

/// Returns the folder of this name. Installs its packages first if they are missing.
///
/// # Panics
/// Panics if npm fails.
pub async fn ready(name: &str) -> PathBuf {
    let harness = Harness::find().expect("a checkout").checkout().join("node-harness");
    let folder = harness.join(name);
    let (installed, name) = (folder.clone(), name.to_owned());
    // Wait for the lock in a thread: another test, or another process, may be installing.
    tokio::task::spawn_blocking(move || install(&harness, &folder, &name))
        .await
        .expect("the installation does not panic");
    installed
}

/// Installs the packages unless the installed lock file is the pinned one.
fn install(harness: &Path, folder: &Path, name: &str) {
    let lock = File::create(folder.join(".installing")).expect("a lock file");
    lock.lock().expect("the lock");
    let wanted = fs::read(folder.join("package-lock.json")).expect("a pinned version");
    let installed = folder.join("node_modules/.installed-package-lock.json");
    if fs::read(&installed).is_ok_and(|installed| installed == wanted) {
        return;
    }
    let output = Command::new("node")
        .arg(harness.join("install.mjs"))
        .arg(name)
        .output()
        .expect("node can be run");
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{log}");
    fs::write(&installed, wanted).expect("a copy of the lock file");
}
