//! `@UseInterceptors(WrapInterceptor)`: every value is sent as `{"data":…}`.

use futures_util::{TryStreamExt, stream};
use nest_wire::{
    json::Maybe,
    packet::RawJson,
    server::{Payload, Reply, ReplyStream, Router, handler::Handler, reply::IntoReply},
};
use serde::Serialize;
use tower::util::MapResponseLayer;

fn wrap(reply: Reply) -> Reply {
    match reply {
        Reply::Value(data) => Reply::value(&Wrapped {
            data: Maybe::Value(data),
        }),
        Reply::Stream(values) => ReplyStream::fallible(values.map_ok(|data| Wrapped { data })).into_reply(),
        Reply::Undefined => Reply::value(&Wrapped { data: Maybe::Undefined }),
        other => other,
    }
}

#[derive(Serialize)]
struct Wrapped {
    #[serde(skip_serializing_if = "Maybe::is_undefined")]
    data: Maybe<RawJson>,
}

async fn double(Payload(number): Payload<f64>) -> f64 {
    2.0 * number
}

async fn count(Payload(to): Payload<u32>) -> ReplyStream {
    ReplyStream::new(stream::iter(1..=to))
}

pub(crate) fn router() -> Router {
    Router::new()
        .message("double", double.layer(MapResponseLayer::new(wrap)))
        .message("count", count.layer(MapResponseLayer::new(wrap)))
        .message("forget", (async || ()).layer(MapResponseLayer::new(wrap)))
}
