//! Forwards what a router does not handle to another service, so that a service can be moved to
//! Rust one handler at a time.

use futures_util::{StreamExt, future::BoxFuture};

use crate::{
    client::{CallError, Client},
    packet::RpcError,
    server::{
        Reply, Request, RequestKind,
        reply::{ReplyItem, ReplyItems},
    },
};

/// Returns a handler that forwards each request and event as it came and passes on each packet of
/// the reply, for [`Router::fallback`](crate::server::Router::fallback). The caller receives the
/// bytes that the other service sends, but for the id.
///
/// If the other service cannot be reached, the caller receives an error that says so. The values
/// that one caller does not read wait in this process, within the client's `max_stream_buffer`.
///
/// ```no_run
/// use nest_wire::{client::Client, forward::forward_to, server::{HostListener, Payload, Router, serve}};
///
/// async fn sum(Payload(numbers): Payload<Vec<f64>>) -> f64 {
///     numbers.iter().sum()
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> std::io::Result<()> {
/// let old_service = Client::new("old-users:8888");
/// let router = Router::new().message("sum", sum).fallback(forward_to(old_service));
/// serve(HostListener::bind("0.0.0.0:8888").await?, router).await;
/// # Ok(()) }
/// ```
pub fn forward_to(client: Client) -> impl Fn(Request) -> BoxFuture<'static, Reply> + Clone + Send + Sync + 'static {
    move |request| {
        let client = client.clone();
        Box::pin(async move { forward(&client, &request).await })
    }
}

async fn forward(client: &Client, request: &Request) -> Reply {
    let packet = request.packet();
    let outcome = match request.kind {
        RequestKind::Event => client.forward_event(&packet).await.map(|()| Reply::Undefined),
        RequestKind::Message => client.forward(&packet).await.map(|reply| {
            let items =
                reply.map(|packet| packet.map_or_else(|error| ReplyItem::Error(failure(&error)), ReplyItem::Packet));
            Reply::Items(ReplyItems::new(items))
        }),
    };
    outcome.unwrap_or_else(|error| Reply::Error(failure(&error)))
}

/// Returns the error for a caller whose request could not be forwarded.
fn failure(error: &CallError) -> RpcError {
    RpcError::new(format_args!("the request cannot be forwarded: {error}"))
}
