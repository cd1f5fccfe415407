//! A handler of any type, before or after it has received the router's state.

use std::sync::Arc;

use crate::server::handler::{Handler, HandlerLayer, HandlerService};

/// A handler before or after it has received its state.
#[derive(Clone)]
pub(in crate::server) enum BoxedHandler<S> {
    Unbound(Arc<dyn Fn(S) -> HandlerService + Send + Sync>),
    Bound(HandlerService),
}

impl<S: Clone + Send + Sync + 'static> BoxedHandler<S> {
    pub(in crate::server) fn new<Args: 'static>(handler: impl Handler<Args, S>) -> Self {
        Self::Unbound(Arc::new(move |state| handler.clone().into_endpoint(state)))
    }

    pub(in crate::server) fn bind(&self, state: S) -> HandlerService {
        match self {
            Self::Unbound(bind) => bind(state),
            Self::Bound(endpoint) => endpoint.clone(),
        }
    }

    pub(in crate::server) fn layer(self, layer: &impl HandlerLayer) -> Self {
        match self {
            Self::Bound(endpoint) => Self::Bound(layer.wrap(endpoint)),
            Self::Unbound(bind) => {
                let layer = layer.clone();
                Self::Unbound(Arc::new(move |state| layer.wrap(bind(state))))
            }
        }
    }
}
