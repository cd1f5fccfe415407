//! Tower layers that wrap handlers.

use tower_layer::Layer;
use tower_service::Service;

use crate::server::{
    Request,
    handler::{
        HandlerService,
        tower_service::{BoxError, endpoint_of},
    },
    reply::IntoReply,
};

/// A `tower` [`Layer`] that can wrap handlers. You never implement it: every layer whose
/// service takes a [`Request`] and returns an [`IntoReply`] is one.
/// [`from_fn`](crate::server::middleware::from_fn()) makes a layer from an async function.
///
/// The service may fail. The errors of tower's timeout and load shed are sent to the caller (with
/// the feature `tower`). All other errors are logged, and the caller receives "Internal server
/// error".
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't wrap handlers",
    label = "not a layer for handlers",
    note = "an `async fn` becomes one with `from_fn`",
    note = "it must be a `tower::Layer<HandlerService>` that is `Clone + Send + Sync`, and its service a `Service<Request>` \
            that is `Clone + Send + Sync` too: one that is not `Clone` goes into `tower::buffer::BufferLayer`",
    note = "the service's response must implement `IntoReply`, and its error `Into<Box<dyn Error + Send + Sync>>`"
)]
pub trait HandlerLayer: Clone + Send + Sync + 'static {
    /// Wraps a handler in the layer. Returns the wrapped handler.
    #[doc(hidden)]
    fn wrap(&self, endpoint: HandlerService) -> HandlerService;
}

impl<L> HandlerLayer for L
where
    L: Layer<HandlerService> + Clone + Send + Sync + 'static,
    L::Service: Service<Request, Response: IntoReply, Error: Into<BoxError>, Future: Send>,
    L::Service: Clone + Send + Sync + 'static,
{
    fn wrap(&self, endpoint: HandlerService) -> HandlerService {
        endpoint_of(self.layer(endpoint))
    }
}
