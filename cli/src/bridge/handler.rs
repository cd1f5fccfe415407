//! Passes on each request of a bridge's callers.

use std::{
    future::pending,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use futures_util::{FutureExt, StreamExt, future::BoxFuture};
use nest_wire::{
    packet::{ReplyPacket, RpcError},
    server::{
        Reply, Request, RequestKind,
        reply::{ReplyItem, ReplyItems},
    },
};
use tokio::time::sleep;

use super::backend::{Backend, Packets};
use crate::{
    failure::{say, with_causes},
    faults::{Failing, Faults, cut::Cut},
};

/// What all connections of a bridge share.
pub(super) struct Bridge {
    pub(super) backend: Backend,
    pub(super) faults: Faults,
    pub(super) is_verbose: bool,
    pub(super) counts: Counts,
}

/// Numbers for the summary.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) requests: AtomicU64,
    pub(super) events: AtomicU64,
    /// Requests and events that could not be passed on.
    pub(super) failed: AtomicU64,
    /// Calls that failed on purpose.
    pub(super) faults: AtomicU64,
}

impl Bridge {
    /// Returns the handler for everything that callers send.
    pub(super) fn handler(
        self: &Arc<Self>,
    ) -> impl Fn(Request) -> BoxFuture<'static, Reply> + Clone + Send + Sync + use<> + 'static {
        let bridge = Arc::clone(self);
        move |request| {
            let bridge = Arc::clone(&bridge);
            async move { bridge.handle(request).await }.boxed()
        }
    }

    async fn handle(self: Arc<Self>, request: Request) -> Reply {
        let counted = match request.kind {
            RequestKind::Message => &self.counts.requests,
            RequestKind::Event => &self.counts.events,
        };
        counted.fetch_add(1, Relaxed);
        let fault = self.faults.next();
        if let Some(delay) = fault.delay {
            sleep(delay).await;
        }
        if let Some(failing) = fault.failing {
            self.counts.faults.fetch_add(1, Relaxed);
            return fail(failing, &request).await;
        }
        self.pass_on(request).await
    }

    async fn pass_on(self: Arc<Self>, request: Request) -> Reply {
        match request.kind {
            RequestKind::Event => match self.backend.forward_event(&request).await {
                Ok(()) => Reply::Undefined,
                Err(error) => self.failed(&request, &error),
            },
            RequestKind::Message => match self.backend.forward(&request).await {
                Ok(packets) => self.reply(request, packets),
                Err(error) => self.failed(&request, &error),
            },
        }
    }

    fn reply(self: Arc<Self>, request: Request, packets: Packets) -> Reply {
        let item = move |packet: Result<ReplyPacket, _>| match packet {
            Ok(packet) => ReplyItem::Packet(packet),
            Err(error) => match self.failed(&request, &error) {
                Reply::Error(error) => ReplyItem::Error(error),
                _ => ReplyItem::Completion,
            },
        };
        Reply::Items(ReplyItems::new(packets.map(item)))
    }

    /// Returns the error for a caller whose request could not be passed on.
    fn failed(&self, request: &Request, error: &super::backend::ForwardError) -> Reply {
        self.counts.failed.fetch_add(1, Relaxed);
        let error = with_causes(error);
        if self.is_verbose {
            let pattern = request.pattern.as_deref().unwrap_or("(none)");
            say(format_args!("{pattern}: {error}"));
        }
        Reply::Error(RpcError::new(format_args!("the request cannot be forwarded: {error}")))
    }
}

async fn fail(failing: Failing, request: &Request) -> Reply {
    match failing {
        Failing::Error => Reply::Error(RpcError::new("failed on purpose")),
        Failing::Hang => pending().await,
        Failing::Close => {
            if let Some(cut) = request.extensions.get::<Cut>() {
                cut.cut();
            }
            // The connection is gone: nothing is left to reply to.
            pending().await
        }
    }
}
