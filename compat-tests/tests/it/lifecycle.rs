//! Start and end of our services, as seen by the process that starts them.

use std::{io::ErrorKind, net::IpAddr};

use bytes::BytesMut;
use compat_tests::{Environment, Implementation, PATIENCE};
use futures_util::FutureExt;
use nest_wire::codec::encode;
use nest_wire_harness::{App, Service};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, lookup_host},
    process::Command,
    time::timeout,
};

const APPS: [App; 3] = [App::User, App::Main, App::Conformance];

async fn terminate(service: &Service) {
    let id = service.id().expect("it runs").to_string();
    let sent = Command::new("kill").args(["-TERM", &id]).status().await;
    assert!(sent.expect("`kill` can be run").success());
}

#[tokio::test]
async fn sigterm_ends_each_service_with_status_0() {
    let environment = Environment::ready().await;
    let mut services = Vec::new();
    for app in APPS.into_iter().chain([App::Guide]) {
        services.push(environment.start(app, Implementation::Rust, &[]).await);
    }
    services.push(environment.start_example("custom_framing").await);
    services.push(
        environment
            .start_example_with("metrics", &["--metrics-port", "0"])
            .await,
    );
    for mut service in services {
        terminate(&service).await;
        let status = service.ended().await.expect("it ends");
        assert!(status.success(), "{status}:\n{}", service.log());
    }
}

#[tokio::test]
async fn what_is_in_flight_at_sigterm_is_answered_before_the_connection_closes() {
    let mut service = Environment::ready()
        .await
        .start(App::Conformance, Implementation::Rust, &[])
        .await;
    let mut stream = TcpStream::connect(service.address()).await.expect("it accepts");
    let mut requests = BytesMut::new();
    encode(
        r#"{"pattern":"delay","data":{"ms":500,"value":"late"},"id":1}"#,
        &mut requests,
    );
    encode(r#"{"pattern":"ping","data":0,"id":2}"#, &mut requests);
    stream.write_all(&requests).await.expect("it reads");
    // The reply to the second request shows that the first one's handler is running.
    let pong = br#"44#{"response":"pong","isDisposed":true,"id":2}"#;
    let mut prompt = vec![0; pong.len()];
    stream.read_exact(&mut prompt).await.expect("an answer");
    assert_eq!(prompt, pong);

    terminate(&service).await;
    let mut rest = String::new();
    let read = timeout(PATIENCE, stream.read_to_string(&mut rest)).await;
    read.expect("it closes").expect("no reset");
    assert_eq!(rest, r#"44#{"response":"late","isDisposed":true,"id":1}"#);
    assert!(service.ended().await.expect("it ends").success());
}

#[tokio::test]
async fn a_second_sigterm_cuts_short_what_the_first_waits_for() {
    let mut service = Environment::ready()
        .await
        .start(App::Conformance, Implementation::Rust, &[])
        .await;
    let mut idle = TcpStream::connect(service.address()).await.expect("it accepts");
    let mut busy = TcpStream::connect(service.address()).await.expect("it accepts");
    let mut requests = BytesMut::new();
    // This takes longer than the service would wait by itself, and longer than this test.
    let slow = r#"{"pattern":"delay","data":{"ms":3600000,"value":"never"},"id":1}"#;
    encode(slow, &mut requests);
    encode(r#"{"pattern":"ping","data":0,"id":2}"#, &mut requests);
    busy.write_all(&requests).await.expect("it reads");
    let pong = br#"44#{"response":"pong","isDisposed":true,"id":2}"#;
    let mut prompt = vec![0; pong.len()];
    busy.read_exact(&mut prompt).await.expect("an answer");

    terminate(&service).await;
    // The service has received the signal: it has closed the idle connection, but not the busy one.
    let closed = timeout(PATIENCE, idle.read_u8()).await.expect("it closes");
    assert_eq!(closed.expect_err("no byte").kind(), ErrorKind::UnexpectedEof);
    assert_eq!(
        busy.read_u8()
            .now_or_never()
            .map(|read| read.map_err(|error| error.kind())),
        None
    );
    assert_eq!(service.ended().now_or_never().map(|ended| ended.is_ok()), None);

    // Send the signal repeatedly, like a user who presses Ctrl-C again too early.
    while service.id().is_some() {
        terminate(&service).await;
        // Check whether the process is gone.
        let _ = service.ended().now_or_never();
    }
    let status = service.ended().await.expect("it ends");
    assert!(status.success(), "{status}:\n{}", service.log());
    let log = service.log();
    assert!(log.contains("there is no more time"), "{log}");
    let mut rest = Vec::new();
    // The connection may be reset: there is no reply.
    let _ = timeout(PATIENCE, busy.read_to_end(&mut rest)).await.expect("it is cut");
    assert_eq!(rest, b"");
}

#[tokio::test]
async fn each_address_of_localhost_is_announced_and_accepts() {
    let environment = Environment::ready().await;
    for app in [App::User, App::Main] {
        let service = environment.start(app, Implementation::Rust, &[]).await;
        let port = service.address().port();
        let mut announced = 0;
        for address in lookup_host(("localhost", port)).await.expect("localhost has addresses") {
            if !exists(address.ip()).await {
                continue;
            }
            let line = format!("listening {address}");
            service.wait_for_line(&line).await.expect("the address is announced");
            TcpStream::connect(address).await.expect("it accepts there");
            announced += 1;
        }
        assert!(announced > 0);
    }
}

/// Returns whether this machine has the address. `::1` is missing where IPv6 is off, whatever
/// `localhost` resolves to.
async fn exists(address: IpAddr) -> bool {
    tokio::net::TcpListener::bind((address, 0)).await.is_ok()
}

#[tokio::test]
async fn each_service_ends_with_its_parent() {
    let environment = Environment::ready().await;
    for make in [Implementation::Rust, Implementation::Nest(12), Implementation::Nest(7)] {
        for app in APPS {
            let mut service = environment.start(app, make, &[]).await;
            service.let_go();
            let status = service.ended().await.expect("it ends");
            assert!(
                status.success(),
                "{app:?} ({make}) ended with {status}:\n{}",
                service.log()
            );
        }
    }
}
