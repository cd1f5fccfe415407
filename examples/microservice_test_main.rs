//! The tutorial's HTTP service: for `GET /sum?num=3,5,6` it sends the user service the event `log`
//! and the message `sum`, and answers 14. The other routes are for the conformance service.
//!
//! ```sh
//! cargo run --example microservice_test_main -- --port 3000 --user-port 8888
//! curl 'localhost:3000/sum?num=3,5,6'
//! ```

use std::{error::Error, io};

use axum::{
    Json, Router,
    extract::{Query, State},
    http::StatusCode,
    routing::get,
};
use clap::Parser;
use futures_util::TryStreamExt;
use nest_wire::{
    client::{CallError, Client},
    json::{Object, Value},
    pattern::Pattern,
};
use serde::Deserialize;

mod support;

/// The tutorial's microservice-test-main
#[derive(Debug, Parser)]
pub(crate) struct Args {
    #[command(flatten)]
    listen: support::Listen<3000>,
    /// The user service's port
    #[arg(long, default_value_t = 8888)]
    user_port: u16,
    /// The user service's host
    #[arg(long, default_value = "localhost")]
    user_host: String,
}

type Answer<T> = Result<T, (StatusCode, String)>;

#[derive(Deserialize)]
struct Numbers {
    num: String,
}

async fn sum(State(user): State<Client>, Query(Numbers { num }): Query<Numbers>) -> Answer<Json<Value>> {
    let numbers = num.split(',').map(parse).collect::<Result<Vec<_>, _>>()?;
    user.emit("log", "求和").await.map_err(|error| bad_gateway(&error))?;
    user.send("sum", &numbers)
        .await
        .map(Json)
        .map_err(|error| bad_gateway(&error))
}

fn parse(item: &str) -> Answer<i64> {
    let complaint = |error| {
        (
            StatusCode::BAD_REQUEST,
            format!("num: {item:?} is no whole number: {error}\n"),
        )
    };
    item.trim().parse().map_err(complaint)
}

async fn object(State(user): State<Client>) -> Answer<Json<Value>> {
    let pattern = Pattern::object([("cmd", "sum")]);
    user.send(pattern, &[1, 2, 3])
        .await
        .map(Json)
        .map_err(|error| bad_gateway(&error))
}

async fn stream(State(user): State<Client>) -> Answer<Json<Vec<Value>>> {
    let values = user
        .send_stream("stream", &[1, 2, 3])
        .await
        .map_err(|error| bad_gateway(&error))?;
    values
        .try_collect()
        .await
        .map(Json)
        .map_err(|error| bad_gateway(&error))
}

async fn error(State(user): State<Client>) -> Answer<Json<Value>> {
    error_of(user.send("rpc-error", "x").await)
}

async fn missing(State(user): State<Client>) -> Answer<Json<Value>> {
    error_of(user.send("no-such-pattern", &Value::from(Object::new())).await)
}

async fn note(State(user): State<Client>) -> Answer<Json<Value>> {
    user.emit("note", "a").await.map_err(|error| bad_gateway(&error))?;
    user.send("notes", &Value::from(Object::new()))
        .await
        .map(Json)
        .map_err(|error| bad_gateway(&error))
}

/// Returns the error that the service is expected to reply with.
fn error_of(answer: Result<Value, CallError>) -> Answer<Json<Value>> {
    match answer {
        Err(CallError::Rpc(error)) => {
            let err = error.err().parse::<Value>().unwrap_or_default();
            Ok(Json(Value::Object([("error", err)].into_iter().collect())))
        }
        Err(error) => Err(bad_gateway(&error)),
        Ok(value) => Ok(Json(value)),
    }
}

/// Returns a clear message for the browser: what failed, and why.
fn bad_gateway(error: &CallError) -> (StatusCode, String) {
    let mut text = format!("user service: {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    let status = match error {
        CallError::Timeout(_) => StatusCode::GATEWAY_TIMEOUT,
        _ => StatusCode::BAD_GATEWAY,
    };
    (status, text + "\n")
}

/// Serves until a signal stops it.
pub(crate) async fn run(args: Args) -> io::Result<()> {
    support::log();
    let user = Client::new(format!("{}:{}", args.user_host, args.user_port));
    let app = Router::new()
        .route("/sum", get(sum))
        .route("/object", get(object))
        .route("/stream", get(stream))
        .route("/error", get(error))
        .route("/missing", get(missing))
        .route("/note", get(note))
        .with_state(user);
    let stopped = args.listen.stopped();
    let listener = args.listen.bind("localhost").await?;
    axum::serve(support::HttpListener(listener), app)
        .with_graceful_shutdown(stopped)
        .await
}

#[tokio::main]
#[allow(dead_code, reason = "the demo of the command line runs it in its own way")]
async fn main() -> io::Result<()> {
    run(Args::parse()).await
}
