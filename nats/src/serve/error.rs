//! Why a service cannot begin, or ends.

use std::error::Error;

use crate::InvalidSubject;

/// Why a service could not begin, or ended without being asked to.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// Handlers are registered for patterns that cannot be subjects of NATS.
    #[error("{}", listed(.0))]
    InvalidSubjects(Vec<InvalidSubject>),
    /// The subscription to a subject failed.
    #[error("cannot subscribe to {subject}")]
    Subscribe {
        /// The subject.
        subject: String,
        /// What NATS's client says.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The connection to NATS was closed for good. Requests that were being handled have been
    /// finished.
    #[error("the connection to NATS is closed")]
    Closed,
}

fn listed(subjects: &[InvalidSubject]) -> String {
    let names: Vec<String> = subjects.iter().map(|invalid| format!("{:?}", invalid.0)).collect();
    format!("these patterns cannot be subjects of NATS: {}", names.join(", "))
}
