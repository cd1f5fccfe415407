//! The handlers of the service. Replace them with your own.

use std::time::Duration;

use nest_wire::{
    pattern::Pattern,
    server::{Payload, Router},
};
use serde::Deserialize;
use tracing::info;

/// The pattern that probes send.
pub const HEALTH: &str = "health";

pub fn router() -> Router {
    Router::new()
        .message(HEALTH, async || "ok")
        .message(Pattern::object([("cmd", "sum")]), sum)
        .message(Pattern::object([("cmd", "report")]), report)
        .event("user_created", user_created)
}

async fn sum(Payload(numbers): Payload<Vec<f64>>) -> f64 {
    numbers.iter().sum()
}

#[derive(Deserialize)]
struct Report {
    millis: u64,
}

/// Represents work that takes a while. A shutdown waits for it.
async fn report(Payload(report): Payload<Report>) -> &'static str {
    tokio::time::sleep(Duration::from_millis(report.millis)).await;
    "done"
}

#[derive(Deserialize)]
struct UserCreated {
    name: String,
}

async fn user_created(Payload(user): Payload<UserCreated>) {
    info!(name = user.name, "a user was created");
}
