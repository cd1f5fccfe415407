//! The trait of routers that can be served.

use std::sync::Arc;

use crate::server::{Router, Routes};

/// A router that has its state, for [`serve`](crate::server::serve()) and
/// [`serve_connection`](crate::server::serve_connection): a [`Router`], or the [`Routes`] made from
/// one, to serve them in several places.
///
/// ```no_run
/// use std::sync::Arc;
/// use nest_wire::server::{HostListener, Router, serve};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> std::io::Result<()> {
/// let routes = Router::new().message("ping", async || "pong").into_routes();
/// let inside = serve(HostListener::bind("localhost:8888").await?, Arc::clone(&routes));
/// let outside = serve(HostListener::bind("0.0.0.0:8889").await?, routes);
/// tokio::join!(inside.into_future(), outside.into_future());
/// # Ok(()) }
/// ```
///
/// A router whose handlers take a [`State`](crate::server::State) implements it only once it [has
/// that state](Router::with_state):
///
/// ```compile_fail,E0277
/// use nest_wire::server::{HostListener, Router, State, serve};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> std::io::Result<()> {
/// let router = Router::new().message("answer", async |State(answer): State<u32>| answer);
/// serve(HostListener::bind("localhost:8888").await?, router).await;
/// # Ok(()) }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be served",
    label = "not a router that has all it needs",
    note = "a `Router<S>`, whose handlers take `State<S>`, becomes a `Router` with `.with_state(…)`"
)]
pub trait IntoRoutes {
    /// Returns the table in which connections look up handlers.
    fn into_routes(self) -> Arc<Routes>;
}

impl IntoRoutes for Router {
    fn into_routes(self) -> Arc<Routes> {
        // Calls the inherent method, which takes precedence over the trait's.
        self.into_routes()
    }
}

impl IntoRoutes for Arc<Routes> {
    fn into_routes(self) -> Self {
        self
    }
}
