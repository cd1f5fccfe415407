//! The handlers of the conformance service, as `compat-tests/CONFORMANCE.md` specifies them.

use std::{
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use futures_util::{Stream, StreamExt, stream};
use nest_wire::{
    json::{Object, ParseError, Value},
    packet::RpcError,
    pattern::Pattern,
    server::{Context, Payload, Reply, ReplyStream, Router, State, reply::IntoReply},
};
use serde::Serialize;
use tokio::time::sleep;

/// Returns the whole service.
pub(crate) fn router() -> Result<Router, ParseError> {
    Ok(Router::new()
        .message("sum", sum)
        .event("log", log)
        .message("echo", echo)
        .message("context", context)
        .message("ping", async || "pong")
        .message("nothing", async || ())
        .message("nil", async || None::<()>)
        .message("stream", stream_at_once)
        .message("stream-slow", stream_slow)
        .message("stream-then-done", stream_then_done)
        .message("stream-error", stream_error)
        .message("rpc-error", rpc_error)
        .message("error", error)
        .message("delay", delay)
        .event("note", append_note)
        .event("note", count_note)
        .message("notes", take_notes)
        .message("dup", async || "first")
        .message("dup", async || "second")
        .message("true", async || "unreachable")
        .message("null", async || "unreachable")
        .message(42, async || "forty-two")
        .message(Pattern::object([("cmd", "sum")]), sum)
        .message(Pattern::object([("cmd", "who"), ("role", "admin")]), async || "admin")
        .message(
            Pattern::from_json(r#"{"b":1,"A":{"z":"x\"y","Y":2}}"#)?,
            async || "nested",
        )
        .message(
            Pattern::from_json(r#"{"service":"users","Cmd":"get","_v":1,"é":2,"Z":3,"a":4}"#)?,
            async || "collated",
        )
        .with_state(Notebook::default()))
}

/// The payload of a handler: any JSON, or undefined.
type Data = Option<Payload<Value>>;

/// Returns JavaScript's error for a value that does not have the expected shape.
fn type_error(what: &str) -> RpcError {
    io::Error::other(format!("TypeError: {what}")).into()
}

fn array(data: Option<&Value>) -> Result<Vec<Value>, RpcError> {
    let items = data
        .and_then(Value::as_array)
        .ok_or_else(|| type_error("not an array"))?;
    Ok(items.to_vec())
}

/// Adds numbers as JavaScript does, from 0, including values that convert to numbers.
async fn sum(data: Data) -> Result<f64, RpcError> {
    array(data.as_ref().map(|data| &data.0))?
        .iter()
        .try_fold(0.0, |total, item| match item {
            Value::Number(number) => Ok(total + number),
            Value::Bool(bit) => Ok(total + f64::from(u8::from(*bit))),
            Value::Null => Ok(total),
            _ => Err(type_error("not a number")),
        })
}

async fn log(Payload(text): Payload<String>) {
    println!("{text}");
}

async fn echo(data: Data) -> Reply {
    data.map_or(Reply::Undefined, IntoReply::into_reply)
}

async fn context(context: Context, data: Data) -> Result<Value, RpcError> {
    let mut answer = Object::new();
    if let Some(pattern) = context.pattern {
        answer.insert("pattern", &*pattern);
    }
    let metadata = context.metadata.map(|metadata| metadata.parse()).transpose()?;
    answer.insert("metadata", metadata.unwrap_or(Value::Null));
    if let Some(Payload(data)) = data {
        answer.insert("data", data);
    }
    Ok(Value::from(answer))
}

async fn stream_at_once(data: Data) -> Result<ReplyStream, RpcError> {
    let values = array(data.as_ref().map(|data| &data.0))?;
    Ok(ReplyStream::new(stream::iter(values)))
}

/// The `values`, `ms`, … of an object; missing ones are undefined.
struct Fields(Value);

impl Fields {
    fn of(data: Data) -> Result<Self, RpcError> {
        let Payload(value) = data.ok_or_else(|| type_error("undefined has no properties"))?;
        Ok(Self(value))
    }

    fn field(&self, name: &str) -> Option<&Value> {
        self.0.as_object().and_then(|object| object.get(name))
    }

    fn values(&self) -> Result<Vec<Value>, RpcError> {
        array(self.field("values"))
    }

    fn pause(&self) -> Duration {
        let ms = self.field("ms").and_then(Value::as_f64).unwrap_or(0.0);
        Duration::try_from_secs_f64(ms / 1000.0).unwrap_or_default()
    }
}

async fn stream_slow(data: Data) -> Result<ReplyStream, RpcError> {
    let fields = Fields::of(data)?;
    let pause = fields.pause();
    let paced = stream::iter(fields.values()?).then(move |value| async move {
        sleep(pause).await;
        value
    });
    Ok(ReplyStream::new(paced))
}

async fn stream_then_done(data: Data) -> Result<ReplyStream, RpcError> {
    let fields = Fields::of(data)?;
    Ok(ReplyStream::new(
        stream::iter(fields.values()?).chain(nothing_after(fields.pause())),
    ))
}

fn nothing_after(pause: Duration) -> impl Stream<Item = Value> {
    stream::once(sleep(pause)).filter_map(async |()| None)
}

async fn stream_error(data: Data) -> Result<ReplyStream, RpcError> {
    let fields = Fields::of(data)?;
    let error = rpc_exception(fields.field("error"))?;
    let values = stream::iter(fields.values()?).map(Ok);
    Ok(ReplyStream::fallible(values.chain(stream::iter([Err(error)]))))
}

async fn rpc_error(data: Data) -> Result<(), RpcError> {
    Err(rpc_exception(data.as_ref().map(|data| &data.0))?)
}

/// Returns the error of `new RpcException(error)`.
fn rpc_exception(error: Option<&Value>) -> Result<RpcError, RpcError> {
    Ok(error.map_or(Ok(RpcError::without_message()), RpcError::from_value)?)
}

async fn error() -> Result<(), io::Error> {
    Err(io::Error::other("the caller must not see this"))
}

async fn delay(data: Data) -> Result<Reply, RpcError> {
    let fields = Fields::of(data)?;
    sleep(fields.pause()).await;
    Ok(fields.field("value").map_or(Reply::Undefined, Reply::value))
}

/// The notes that the two handlers of `note` have recorded since the last `notes`.
#[derive(Debug, Default, Serialize)]
struct Notes {
    values: Vec<Value>,
    count: u64,
}

type Notebook = Arc<Mutex<Notes>>;

async fn append_note(State(notebook): State<Notebook>, data: Data) {
    // An undefined note in an array is written as null.
    let note = data.map_or(Value::Null, |Payload(note)| note);
    notebook.lock().expect("no handler panics with it").values.push(note);
}

async fn count_note(State(notebook): State<Notebook>) {
    notebook.lock().expect("no handler panics with it").count += 1;
}

async fn take_notes(State(notebook): State<Notebook>) -> Payload<Notes> {
    Payload(std::mem::take(
        &mut *notebook.lock().expect("no handler panics with it"),
    ))
}
