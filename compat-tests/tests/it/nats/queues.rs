//! Queue groups whose members are Nest's service and ours.

use compat_tests::{Environment, Implementation};
use futures_util::{StreamExt, stream};
use nest_wire_nats::Client;

use super::{MAJORS, Nats};

#[tokio::test]
async fn nest_and_rust_share_the_messages_of_a_queue() {
    Environment::ready().await;
    for major in MAJORS {
        let nats = Nats::start().await;
        let _theirs = nats.serve(Implementation::Nest(major), "q").await;
        let _ours = nats.serve(Implementation::Rust, "q").await;
        let client = Client::new(nats.connection().await);
        let notes = stream::iter(0..1_000).map(|number| {
            let client = client.clone();
            async move { client.send::<serde_json::Value>("note", &number).await }
        });
        let failed = notes.buffer_unordered(16).filter(|outcome| {
            let has_failed = outcome.is_err();
            async move { has_failed }
        });
        assert_eq!(failed.count().await, 0);
        // Each member has its own notes, and `notes` takes those of one member.
        let mut counts = Vec::new();
        while counts.iter().sum::<u64>() < 1_000 {
            let taken: serde_json::Value = client.send("notes", &0).await.expect("the notes");
            counts.extend(taken["count"].as_u64().filter(|count| *count > 0));
        }
        assert_eq!(counts.iter().sum::<u64>(), 1_000, "{counts:?}");
        assert!(
            counts.iter().all(|count| (400..=600).contains(count)),
            "Nest {major}: {counts:?}"
        );
    }
}
