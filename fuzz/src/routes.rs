//! Routes: a request finds the handler of exactly those patterns that have its route.

use std::time::Duration;

use futures_util::FutureExt;
use nest_wire::{
    Compat,
    json::{self, Value},
    packet::RawJson,
    pattern::{IncomingPattern, Pattern, Route},
    server::{Router, serve_connection},
};
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

/// Asserts that a pattern is read as Nest's rules say, step by step, and that a handler is found
/// under a pattern if and only if the routes of both are equal. The two patterns are the lines of
/// the input; a single line is compared with itself.
pub fn routes(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let (registered, incoming) = text.split_once('\n').unwrap_or((&text, &text));
    for &compat in Compat::ALL {
        is_read_step_by_step(registered, compat);
        is_read_step_by_step(incoming, compat);
    }
    let (Ok(pattern), Ok(_)) = (Pattern::from_json(registered), json::parse(incoming)) else {
        return;
    };
    for compat in [Compat::Nest10, Compat::Nest12] {
        let route = pattern.route(compat);
        let packet = format!("{{\"pattern\":{incoming},\"data\":0,\"id\":1}}");
        let read = IncomingPattern::read(incoming, compat).expect("it is JSON");
        let is_found = answer(&pattern, compat, &packet).contains("\"found\"");
        assert_eq!(
            is_found,
            read.route() == Some(&route),
            "{registered} for {incoming}, as {compat}"
        );
    }
}

/// Checks the steps of `docs/PROTOCOL.md` §5.3, without the short cuts that
/// [`IncomingPattern::read`] takes.
fn is_read_step_by_step(text: &str, compat: Compat) {
    let read = IncomingPattern::read(text, compat);
    let Ok(value) = json::parse(text) else {
        assert!(
            read.is_err() || read.is_ok_and(|read| read.route().is_none()),
            "{text:?}"
        );
        return;
    };
    let read = read.expect("it is JSON");
    let string = match &value {
        // Rust strings cannot have lone surrogates. The crate's own tests cover them.
        Value::String(string) => match string.as_str() {
            Some(string) => string.to_owned(),
            None => return,
        },
        value => value.stringify(),
    };
    assert_eq!(read.as_str(), Some(&*string));
    let expected = match json::parse(&string) {
        Ok(value) => Some(Pattern::from(value).route(compat)),
        Err(json::ParseError::TooDeep { .. }) => None,
        Err(_) => Some(Pattern::from(string).route(compat)),
    };
    assert_eq!(read.route(), expected.as_ref(), "{text:?}");

    let outgoing = Pattern::from(value);
    let route = outgoing.route(compat);
    assert_eq!(
        RawJson::new(route.to_json()).map(|raw| raw.to_string()).ok(),
        Some(route.to_json())
    );
    assert_eq!(Route::into_owned(route.clone()), route);
    if matches!(outgoing.value(), Value::Object(_) | Value::Array(_))
        && !crate::json_values::has_infinity(outgoing.value())
    {
        let request = outgoing.to_json();
        let found = IncomingPattern::read(&request, compat).expect("a pattern is JSON");
        assert_eq!(found.route(), Some(&route), "a request does not reach its own handler");
    }
}

/// Returns the reply of a service with one handler to one packet.
fn answer(pattern: &Pattern, compat: Compat, packet: &str) -> String {
    let frame = format!("{}#{packet}", packet.encode_utf16().count());
    let router = Router::new().message(pattern.clone(), async || "found").compat(compat);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build();
    runtime.expect("a runtime").block_on(async {
        let (mut caller, service) = duplex(1 << 20);
        caller.write_all(frame.as_bytes()).await.expect("there is room");
        caller.shutdown().await.expect("it is open");
        let served = serve_connection(service, router).into_future();
        let mut reply = String::new();
        let (served, read) = futures_util::join!(
            tokio::time::timeout(Duration::from_secs(60), served),
            caller.read_to_string(&mut reply).map(|read| read.expect("UTF-8"))
        );
        served.expect("it ends").expect("the framing is right");
        assert_eq!(read, reply.len());
        reply
    })
}
