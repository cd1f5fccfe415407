//! Our client and our service with faulty connections between them.

use std::{
    io,
    sync::{Arc, Mutex},
};

use nest_wire::{
    client::{Client, ClientBuilder, Target},
    server::{Router, serve_connection},
};
use tokio::io::duplex;

use super::{Carried, Fault, Faulty};

/// The service's connections, as many as the client has opened.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rig {
    carried: Arc<Mutex<Vec<Arc<Mutex<Carried>>>>>,
}

impl Rig {
    /// Returns a client of a service with this router. `fault` returns the faults of the first
    /// connection, the second and so on.
    pub(crate) fn client(
        &self,
        router: Router,
        config: ClientBuilder,
        fault: impl Fn(usize) -> Fault + Clone + Send + Sync + 'static,
    ) -> Client {
        let (routes, rig) = (router.into_routes(), self.clone());
        let connect = move || {
            let (ours, theirs) = duplex(256 * 1024);
            let carried = Arc::default();
            let mut links = rig.carried.lock().expect("no panic");
            let link = Faulty::new(ours, fault(links.len()), Arc::clone(&carried));
            links.push(carried);
            let routes = Arc::clone(&routes);
            tokio::spawn(async move { serve_connection(theirs, routes).await });
            std::future::ready(io::Result::Ok(link))
        };
        config.build(Target::connector(connect)).expect("a client")
    }

    /// Returns the number of bytes that each connection has carried so far.
    pub(crate) fn carried(&self) -> Vec<Carried> {
        let links = self.carried.lock().expect("no panic");
        links.iter().map(|link| *link.lock().expect("no panic")).collect()
    }
}
