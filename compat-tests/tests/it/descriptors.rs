//! A service whose process has no file descriptors left, so that it cannot accept for as long as
//! that lasts.

use std::ffi::OsStr;

use compat_tests::{Environment, Implementation, PATIENCE};
use futures_util::future::{join, join_all};
use nest_wire_harness::{App, Service};
use tokio::{process::Command, sync::watch, time::timeout};

use crate::edge::Caller;

/// Number of descriptors that the process may have; it uses some ten itself.
const DESCRIPTORS: usize = 32;
/// More callers than can be served at once then.
const CALLERS: usize = 60;

/// Starts our conformance service under a limit of the system.
async fn start_limited() -> Service {
    let service = Environment::ready()
        .await
        .command(App::Conformance, Implementation::Rust);
    let program: &OsStr = service.as_std().get_program();
    let mut command = Command::new("sh");
    command
        .args(["-c", &format!("ulimit -n {DESCRIPTORS} && exec \"$@\""), "sh"])
        .arg(program)
        .args(["--port", "0"]);
    Service::start("a service with few descriptors", command)
        .await
        .expect("it starts")
}

#[tokio::test]
async fn a_service_without_descriptors_serves_whom_it_has_and_then_those_who_waited() {
    let service = start_limited().await;
    let mut first = Caller::of(service.address()).await;
    first.ping().await;
    let (release, released) = watch::channel(false);
    let stay = async || {
        let mut caller = Caller::of(service.address()).await;
        caller.ping().await;
        let mut released = released.clone();
        released.wait_for(|it| *it).await.expect("released at last");
    };
    let until_refused = async {
        while !service.log().contains("cannot accept connections") {
            first.ping().await;
        }
        first.ping().await;
        release.send_replace(true);
    };
    let all = join(join_all((0..CALLERS).map(|_| stay())), until_refused);
    timeout(PATIENCE, all).await.expect("everybody is answered");
    assert!(service.log().contains("Too many open files"), "{}", service.log());
}
