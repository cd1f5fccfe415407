//! Keeps a place among what is in flight taken, for as long as a handler or its stream is at work.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use futures_util::Stream;

use super::Place;
use crate::{
    packet::{RawJson, RpcError},
    server::{Reply, Values, endpoint::Running},
};

/// Given up with the handler: at its end or that of its stream, when it panics, and when it is dropped.
pub(in crate::server) fn hold(running: Running, place: Option<Place>) -> Running {
    let Some(place) = place else { return running };
    Box::pin(async move {
        match running.await {
            Reply::Values(values) => Reply::Values(Values(Box::pin(Holding { values, _place: place }))),
            reply => reply,
        }
    })
}

struct Holding {
    values: Values,
    _place: Place,
}

impl Stream for Holding {
    type Item = Result<RawJson, RpcError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.values.0.as_mut().poll_next(cx)
    }
}
