//! `@UseInterceptors(WrapInterceptor)`: every value leaves as `{"data":…}`.

use nest_wire::server::{Handler, Payload, Reply, Router};
use serde_json::{Value, json};
use tower::util::MapResponseLayer;

fn wrap(reply: Reply) -> Reply {
    match reply {
        Reply::Value(value) => match value.parse::<Value>() {
            Ok(data) => Reply::value(&json!({ "data": data })),
            Err(error) => Reply::Error(error.into()),
        },
        Reply::Undefined => Reply::value(&json!({})),
        other => other,
    }
}

async fn double(Payload(number): Payload<f64>) -> f64 {
    2.0 * number
}

pub(crate) fn router() -> Router {
    Router::new()
        .message("double", double.layer(MapResponseLayer::new(wrap)))
        .message("forget", (async || ()).layer(MapResponseLayer::new(wrap)))
}
