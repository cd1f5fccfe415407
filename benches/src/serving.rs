//! Our server without a system below it, to count the cost of a request.

use std::{
    future::{Future, IntoFuture},
    pin::Pin,
    task::{Context, Waker},
};

use nest_wire::{connection::ConnectionError, server::serve_connection};

use crate::{
    handlers,
    load::Exchange,
    replay::{Player, Replay},
};

/// A connection that is served by hand, one segment of equal requests at a time.
pub struct Serving {
    connection: Pin<Box<dyn Future<Output = Result<(), ConnectionError>>>>,
    player: Player,
}

impl Serving {
    /// Makes segments of this number of requests to `sum`, whose pattern is given as JSON, and a
    /// service with this number of further routes.
    #[must_use]
    pub fn new(pattern: &str, in_flight: usize, more_routes: usize) -> Self {
        let exchange = Exchange::request(pattern, "[1,2,3]").answered("6");
        let routes = handlers::router_among(more_routes).into_routes();
        let (link, player) = Replay::new(exchange.asked_first(in_flight), exchange.answers_first(in_flight));
        let connection = serve_connection(link, routes).into_future();
        let mut serving = Self {
            connection: Box::pin(connection),
            player,
        };
        serving.answer_segments(1);
        serving
    }

    /// Serves this number of segments.
    ///
    /// # Panics
    /// Panics if a reply is wrong or missing.
    pub fn answer_segments(&mut self, count: u64) {
        let before = self.player.answered();
        self.player.send(count);
        let mut cx = Context::from_waker(Waker::noop());
        assert!(
            self.connection.as_mut().poll(&mut cx).is_pending(),
            "the connection ended"
        );
        assert_eq!(self.player.answered(), before + count);
    }
}
