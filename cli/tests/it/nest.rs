//! The tools between real Nest services: the tutorial's main and user, of Nest 12.
#![cfg(unix)]

use std::{fs, net::SocketAddr};

use nest_wire::{Payload, Router};
use nest_wire_harness::{App, Harness, NatsServer, Service};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{
    command::{run, service},
    running::{Running, folder, path},
};

const MAJOR: u8 = 12;

pub(crate) async fn harness() -> Harness {
    let harness = Harness::find().expect("a checkout");
    harness.install(&[MAJOR], |_| {}).await.expect("Nest is installed");
    harness
}

pub(crate) async fn user(harness: &Harness) -> Service {
    let mut command = harness.node(App::User, MAJOR);
    command.args(["--port", "0", "--host", "127.0.0.1"]);
    Service::start("Node user", command).await.expect("it starts")
}

pub(crate) async fn main(harness: &Harness, user: &str) -> Service {
    let (host, port) = user.rsplit_once(':').expect("a port");
    let mut command = harness.node(App::Main, MAJOR);
    command.args([
        "--port",
        "0",
        "--host",
        "127.0.0.1",
        "--user-host",
        host,
        "--user-port",
        port,
    ]);
    Service::start("Node main", command).await.expect("it starts")
}

/// Returns the status line and the body.
pub(crate) async fn get(address: SocketAddr, path: &str) -> (String, String) {
    let mut stream = TcpStream::connect(address).await.expect("connected");
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("written");
    let mut response = String::new();
    stream.read_to_string(&mut response).await.expect("text");
    let (head, body) = response.split_once("\r\n\r\n").expect("a head");
    (head.lines().next().unwrap_or_default().to_owned(), body.to_owned())
}

fn rust_user() -> Router {
    async fn sum(Payload(numbers): Payload<Vec<f64>>) -> f64 {
        numbers.iter().sum()
    }
    Router::new().message("sum", sum).event("log", async || {})
}

#[tokio::test]
async fn a_recording_of_real_nest_holds_rust_to_it_and_stands_in_for_it() {
    let file = path(&folder("nest"), "sum.jsonl");
    let harness = harness().await;

    // Record Nest's main and user.
    let user = user(&harness).await;
    let to = user.address().to_string();
    let recorder = Running::start(&["record", "-q", "--listen", "127.0.0.1:0", "--to", &to, "-o", &file]).await;
    let main_service = main(&harness, &recorder.address).await;
    for (path, body) in [("/sum?num=3,5,6", "14"), ("/sum?num=1,2,3", "6")] {
        assert_eq!(
            get(main_service.address(), path).await,
            ("HTTP/1.1 200 OK".to_owned(), body.to_owned())
        );
    }
    main_service.kill().await.expect("it ends");
    let recorded = recorder.interrupt().await;
    assert_eq!(recorded.status, Some(0), "{}", recorded.stderr);

    // Rust in place of the user answers as Nest did, byte for byte.
    let rust = service(rust_user()).await;
    let replay = ["replay", &file, "--to", &rust, "--compare", "bytes"];
    let replayed = run(&replay).await;
    assert_eq!(replayed.status, Some(0), "{}{}", replayed.stdout, replayed.stderr);
    assert!(
        replayed.stdout.starts_with("2 calls, 2 as recorded, 0 differ"),
        "{}",
        replayed.stdout
    );
    let recording = fs::read_to_string(&file).expect("a file");
    let changed = path(&folder("nest-changed"), "changed.jsonl");
    fs::write(
        &changed,
        recording.replace("{\\\"response\\\":14,", "{\\\"response\\\":15,"),
    )
    .expect("a file");
    let replayed = run(&["replay", &changed, "--to", &rust]).await;
    assert_eq!(replayed.status, Some(1), "{}{}", replayed.stdout, replayed.stderr);
    assert!(
        replayed.stdout.contains("/response           15  ->  14\n"),
        "{}",
        replayed.stdout
    );

    // The recording in place of the user serves Nest's main, and what was not recorded is an error.
    let mut stand_in = Running::start(&["replay", &file, "--listen", "127.0.0.1:0"]).await;
    let main_service = main(&harness, &stand_in.address).await;
    let (status, body) = get(main_service.address(), "/sum?num=3,5,6").await;
    assert_eq!((status.as_str(), body.as_str()), ("HTTP/1.1 200 OK", "14"));
    let (status, _) = get(main_service.address(), "/sum?num=3,5,7").await;
    assert_eq!(status, "HTTP/1.1 500 Internal Server Error");
    let line = stand_in.line_with("unknown: ").await;
    assert_eq!(line, "unknown: sum [3,5,7]; the nearest recorded call is sum [3,5,6]");
    main_service.kill().await.expect("it ends");
    assert_eq!(stand_in.interrupt().await.status, Some(1));
}

/// Nest's main calls over TCP; a bridge passes the call on to NATS, where a user in Rust subscribes.
#[tokio::test]
async fn get_sum_reaches_a_user_in_rust_over_nats() {
    let harness = harness().await;
    let server = NatsServer::start(&harness).await.expect("a NATS server");
    let nats = async_nats::connect(server.url()).await.expect("it listens");
    let user = nest_wire_nats::serve(nats, rust_user()).queue("users");
    let user = user.subscribe().await.expect("it subscribes");
    tokio::spawn(user.into_future());
    let bridge = Running::start(&["bridge", "--listen", "127.0.0.1:0", "--to", &server.url()]).await;
    let main_service = main(&harness, &bridge.address).await;
    let answer = get(main_service.address(), "/sum?num=3,5,6").await;
    println!("GET /sum?num=3,5,6 through Nest main, bridge, NATS and a user in Rust: {answer:?}");
    assert_eq!(answer, ("HTTP/1.1 200 OK".to_owned(), "14".to_owned()));
    main_service.kill().await.expect("it ends");
    assert_eq!(bridge.interrupt().await.status, Some(0));
}
