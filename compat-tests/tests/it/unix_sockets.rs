//! Nest's client against our service on a Unix socket: Nest hands the path it is given for a port on to Node.

use compat_tests::{Make, Stage, ask_client, ask_client_with};
use nest_wire::{cli::harness::App, connection::Config};
use tokio::net::UnixListener;

use crate::{calls::calls, service::Served};

#[tokio::test]
async fn nests_client_can_not_tell_us_from_nest_over_a_unix_socket() {
    let stage = Stage::ready().await;
    let path = std::env::temp_dir().join(format!("nest-wire-{}.sock", std::process::id()));
    let _ours = Served::start(UnixListener::bind(&path).expect("a free path"), Config::default());
    let flags = ["--path", path.to_str().expect("UTF-8")];
    let heard = ask_client_with(stage, 12, &flags, &calls()).await;
    std::fs::remove_file(&path).expect("the socket");

    let nest = stage.start(App::Conformance, Make::Nest(12), &[]).await;
    assert_eq!(heard, ask_client(stage, 12, nest.address().port(), &calls()).await);
}
