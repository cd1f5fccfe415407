//! What a document contains.

use super::{names::of_type, operation::Operation, schemas::Collector};

#[derive(Debug)]
pub(super) struct Contents {
    pub(super) title: String,
    pub(super) version: String,
    pub(super) operations: Vec<Operation>,
    /// The types that the service reads.
    pub(super) requests: Collector,
    /// The types that the service writes.
    pub(super) replies: Collector,
}

impl Contents {
    /// Returns the name of the class in TypeScript.
    pub(super) fn class(&self) -> String {
        format!("{}Client", of_type(&self.title))
    }
}
