//! TLS and mutual TLS: Nest's `tlsOptions` on one side, ours on the other.

use std::error::Error;

use compat_tests::{Environment, Implementation, ask_client, ask_client_with};
use futures_util::StreamExt;
use nest_wire::{
    client::{CallError, Client, ConnectionState},
    connection::TransportConfig,
    server::listen::TlsListener,
    tls::{Authorities, ClientTls, Identity, ServerTls},
};
use nest_wire_harness::App;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{
    calls::calls,
    certificates::Certificates,
    service::{Served, listener},
};

/// Whether callers must present a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Callers {
    Anybody,
    Known,
}

/// Returns Nest's flags for a service.
fn service_flags(certificates: &Certificates, callers: Callers) -> Vec<String> {
    let mut flags = vec!["--cert".to_owned(), certificates.path("service")];
    flags.extend(["--key".to_owned(), certificates.path("service-key")]);
    if callers == Callers::Known {
        flags.extend(["--ca".to_owned(), certificates.path("ca"), "--mutual".to_owned()]);
    }
    flags
}

/// Returns Nest's flags for a client, which presents the certificate `name`.
fn client_flags(certificates: &Certificates, port: u16, name: Option<&str>) -> Vec<String> {
    let mut flags = vec!["--port".to_owned(), port.to_string()];
    flags.extend(["--ca".to_owned(), certificates.path("ca")]);
    if let Some(name) = name {
        flags.extend(["--cert".to_owned(), certificates.path(name)]);
        flags.extend(["--key".to_owned(), certificates.path(&format!("{name}-key"))]);
    }
    flags
}

fn service_tls(certificates: &Certificates, callers: Callers) -> ServerTls {
    let tls = ServerTls::from_pem_files(certificates.path("service"), certificates.path("service-key")).expect("PEM");
    match callers {
        Callers::Anybody => tls,
        Callers::Known => tls.require_client_certificates(authorities(certificates, "ca")),
    }
}

fn client_tls(certificates: &Certificates, name: Option<&str>) -> ClientTls {
    let tls = ClientTls::trusting(authorities(certificates, "ca"));
    match name {
        None => tls,
        Some(name) => {
            let files = (certificates.path(name), certificates.path(&format!("{name}-key")));
            tls.identity(Identity::from_pem_files(files.0, files.1).expect("PEM"))
        }
    }
}

fn authorities(certificates: &Certificates, name: &str) -> Authorities {
    Authorities::from_pem_file(certificates.path(name)).expect("PEM")
}

fn strs(flags: &[String]) -> Vec<&str> {
    flags.iter().map(String::as_str).collect()
}

fn chain(error: &dyn Error) -> String {
    let causes = std::iter::successors(error.source(), |error| (*error).source());
    causes.fold(error.to_string(), |chain, cause| format!("{chain}: {cause}"))
}

#[tokio::test]
async fn nests_client_can_not_tell_us_from_nest_under_tls() {
    let environment = Environment::ready().await;
    let nest = environment.start(App::Conformance, Implementation::Nest(12), &[]).await;
    let expected = ask_client(environment, 12, nest.address().port(), &calls()).await;
    let certificates = Certificates::new("nest-client");
    for (callers, name) in [(Callers::Anybody, None), (Callers::Known, Some("caller"))] {
        let (listener, port) = listener().await;
        let tls = service_tls(&certificates, callers);
        let _ours = Served::start(TlsListener::new(listener, tls), TransportConfig::default());
        let flags = client_flags(&certificates, port, name);
        let heard = ask_client_with(environment, 12, &strs(&flags), &calls()).await;
        assert_eq!(heard, expected, "{callers:?}");
    }
}

#[tokio::test]
async fn our_client_calls_nest_under_tls() {
    let certificates = Certificates::new("nest-service");
    for (callers, name) in [(Callers::Anybody, None), (Callers::Known, Some("caller"))] {
        let flags = service_flags(&certificates, callers);
        let service = Environment::ready()
            .await
            .start(App::Conformance, Implementation::Nest(12), &strs(&flags))
            .await;
        let client = Client::builder()
            .tls(client_tls(&certificates, name))
            .build(service.address().to_string())
            .expect("a name");
        assert_eq!(client.send::<f64>("sum", &[3, 5, 6]).await.expect("an answer"), 14.0);
        let data = json!({"b": "求和😀", "long": "x".repeat(300_000)});
        assert_eq!(client.send::<Value>("echo", &data).await.expect("the data"), data);
        client.emit("log", "an event").await.expect("sent");
        service.wait_for_line("an event").await.expect("logged");
    }
}

#[tokio::test]
async fn calls_to_a_nest_that_we_or_it_do_not_trust_fail() {
    let certificates = Certificates::new("turned-away");
    let flags = service_flags(&certificates, Callers::Known);
    let service = Environment::ready()
        .await
        .start(App::Conformance, Implementation::Nest(12), &strs(&flags))
        .await;
    let address = service.address().to_string();
    let strangers_ca = ClientTls::trusting(authorities(&certificates, "strangers-ca"));
    let client = Client::builder().tls(strangers_ca).build(&*address).expect("a name");
    let error = client.send::<Value>("ping", &0).await.expect_err("a stranger");
    assert!(error.to_string().starts_with("cannot connect to 127.0.0.1:"), "{error}");
    let expected =
        ": the TLS handshake with 127.0.0.1 failed: the peer's certificate is signed by none of the authorities";
    assert!(chain(&error).contains(expected), "{}", chain(&error));

    // Node detects a certificate without a trusted issuer after the handshake and closes without an
    // alert. The client may have connected by then, and its state shows the outcome.
    for name in [None, Some("stranger")] {
        let client = Client::builder()
            .tls(client_tls(&certificates, name))
            .build(&*address)
            .expect("a name");
        let connected = client.connect().await;
        assert!(
            matches!(connected, Ok(()) | Err(CallError::Connect(_))),
            "{connected:?}"
        );
        let mut states = client.states();
        while !matches!(states.next().await, Some(ConnectionState::Disconnected(_))) {}
        let error = client.send::<Value>("ping", &0).await.expect_err("turned away");
        assert!(
            matches!(error, CallError::Connect(_) | CallError::ConnectionClosed(_)),
            "{}",
            chain(&error)
        );
    }
    let plain = Client::new(&*address).send::<Value>("ping", &0).await;
    assert!(matches!(plain, Err(CallError::ConnectionClosed(_))), "{plain:?}");
    let known = Client::builder()
        .tls(client_tls(&certificates, Some("caller")))
        .build(&*address)
        .expect("a name");
    assert_eq!(known.send::<String>("ping", &0).await.expect("an answer"), "pong");
}

#[tokio::test]
async fn those_whom_we_turn_away_harm_nobody() {
    let environment = Environment::ready().await;
    let certificates = Certificates::new("we-turn-away");
    let (listener, port) = listener().await;
    let tls = service_tls(&certificates, Callers::Known);
    let _ours = Served::start(TlsListener::new(listener, tls), TransportConfig::default());
    let ping = [json!({"op": "send", "key": 1, "pattern": "ping", "data": 0}).to_string()];
    let ask = async |name| {
        let flags = client_flags(&certificates, port, name);
        ask_client_with(environment, 12, &strs(&flags), &ping)
            .await
            .remove("1")
            .expect("an outcome")
    };
    for name in [None, Some("stranger")] {
        let outcome = ask(name).await;
        assert!(outcome[0].contains(r#""error""#), "{outcome:?}");
    }
    let port_flag = ["--port", &port.to_string()];
    let plain = ask_client_with(environment, 12, &port_flag, &ping).await;
    assert!(plain["1"][0].contains(r#""error""#), "{plain:?}");
    let mut scanner = TcpStream::connect(("127.0.0.1", port)).await.expect("it listens");
    scanner.write_all(b"GET / HTTP/1.1\r\n\r\n").await.expect("open");
    let _ = scanner.read_to_end(&mut Vec::new()).await;
    let known = ask(Some("caller")).await;
    assert_eq!(known, [r#"{"key":1,"next":"pong"}"#, r#"{"key":1,"complete":true}"#]);
}
