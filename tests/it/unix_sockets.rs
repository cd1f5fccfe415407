//! Both sides on Unix sockets.
#![cfg(unix)]

use std::{fs, path::PathBuf};

use nest_wire::{
    client::{CallError, Client, Target},
    server::{Context, Router, serve},
};
use tokio::{net::UnixListener, sync::oneshot};

/// A free path in a folder of its own, which is removed when this value is dropped.
struct Place(PathBuf);

impl Place {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("nest-wire-{}-{name}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        Self(folder)
    }

    fn socket(&self) -> PathBuf {
        self.0.join("service.sock")
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[tokio::test]
async fn a_service_on_a_unix_socket_answers_its_callers() {
    let place = Place::new("answers");
    let router = Router::new()
        .message(
            "sum",
            async |nest_wire::server::Payload(numbers): nest_wire::server::Payload<Vec<f64>>| {
                numbers.iter().sum::<f64>()
            },
        )
        .message("has-address", async |context: Context| context.peer.is_some());
    let (stop, stopped) = oneshot::channel::<()>();
    let listener = UnixListener::bind(place.socket()).expect("a free path");
    let serving = serve(listener, router).with_graceful_shutdown(async { drop(stopped.await) });
    let running = tokio::spawn(serving.into_future());

    let client = Client::builder().build(Target::unix(place.socket())).expect("a client");
    let total: f64 = client.send("sum", &[3, 5, 6]).await.expect("an answer");
    assert_eq!(total, 14.0);
    assert!(!client.send::<bool>("has-address", &0).await.expect("an answer"));
    stop.send(()).expect("it runs");
    running.await.expect("it has ended");
}

#[tokio::test]
async fn a_path_on_which_nobody_listens_fails_the_call() {
    let place = Place::new("nobody");
    let client = Client::builder().build(Target::unix(place.socket())).expect("a client");
    let error = client.send::<f64>("sum", &[1]).await.expect_err("nobody is there");
    let CallError::Connect(cause) = error else {
        panic!("{error:?}")
    };
    assert!(cause.to_string().contains("service.sock"), "{cause}");
}
