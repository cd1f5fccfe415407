//! The names of patterns, each once in memory.

use std::{collections::HashMap, sync::Arc};

use super::packet::route;

/// Maximum number of names that are kept.
const MAX_NAMES: usize = 10_000;

/// Names that are shared by all that mention them.
#[derive(Debug, Default)]
pub(super) struct Names {
    routes: HashMap<Box<str>, Arc<str>>,
    /// Routes by the JSON of a pattern, as it was sent.
    by_json: HashMap<Box<str>, Arc<str>>,
}

impl Names {
    /// Returns the one copy of a name.
    pub(super) fn shared(&mut self, name: &str) -> Arc<str> {
        get(&mut self.routes, name, || name.into())
    }

    /// Returns the route of a pattern, by its JSON.
    pub(super) fn route(&mut self, json: &str) -> Arc<str> {
        let routes = &mut self.routes;
        get(&mut self.by_json, json, || {
            let route = route(json);
            get(routes, &route, || route.as_str().into())
        })
    }
}

fn get(names: &mut HashMap<Box<str>, Arc<str>>, key: &str, make: impl FnOnce() -> Arc<str>) -> Arc<str> {
    if let Some(known) = names.get(key) {
        return Arc::clone(known);
    }
    let new = make();
    if names.len() < MAX_NAMES {
        names.insert(key.into(), Arc::clone(&new));
    }
    new
}
