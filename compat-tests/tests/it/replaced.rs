//! Connections of our client to a real Nest service that are replaced because of their age.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use compat_tests::{Environment, Implementation};
use futures_util::{TryFutureExt, future::join_all};
use nest_wire::client::{Client, Target};
use nest_wire_harness::App;
use tokio::net::TcpStream;

const NEST: Implementation = Implementation::Nest(12);

#[tokio::test]
async fn replaced_connections_to_nest_lose_no_call() {
    const CALLS: usize = 10_000;
    let service = Environment::ready().await.start(App::Conformance, NEST, &[]).await;
    let (address, links) = (service.address(), Arc::<AtomicUsize>::default());
    let opened = Arc::clone(&links);
    let connect = move || {
        let opened = Arc::clone(&opened);
        TcpStream::connect(address).inspect_ok(move |_| _ = opened.fetch_add(1, SeqCst))
    };
    let client = Client::builder()
        .max_age(Duration::from_millis(100))
        .build(Target::connector(connect))
        .expect("a client");
    let made = AtomicUsize::new(0);
    let caller = async |number: usize| {
        // A fast machine makes more calls than that before connections have grown old.
        while made.fetch_add(1, SeqCst) < CALLS || links.load(SeqCst) < 5 {
            let echo: usize = client.send("echo", &number).await.expect("no call is lost");
            assert_eq!(echo, number);
        }
    };
    join_all((0..64).map(caller)).await;
    client.close().await;
}
