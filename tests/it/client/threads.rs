//! Many callers on several threads, who share one connection with its driver.

use std::time::Duration;

use futures_util::{FutureExt, StreamExt, stream};
use nest_wire::{
    client::{CallError, Client, ClientBuilder},
    server::{Payload, ReplyStream, Router},
};
use tokio::task::{JoinSet, yield_now};

use crate::support::{Fault, Rig};

const CALLERS: u32 = 32;
const CALLS: u32 = 200;

fn client(config: ClientBuilder) -> Client {
    let router = Router::new()
        .message("echo", async |Payload(number): Payload<u32>| number)
        .message("count", async |Payload(end): Payload<u32>| {
            ReplyStream::new(stream::iter(1..=end))
        })
        .message("never", async || std::future::pending::<()>().await)
        .event("note", async || ());
    Rig::default().client(router, config, |_| Fault::NONE)
}

/// Makes calls, streams, events, and calls that are cancelled at different times, one after the
/// other.
async fn converse(client: Client, caller: u32) {
    let impatient = client.with_timeout(Duration::from_millis(1));
    for call in 0..CALLS {
        let number = caller * CALLS + call;
        match number % 5 {
            0 => client.emit("note", &number).await.expect("sent"),
            1 => {
                let values = client.send_stream::<u32>("count", &3).await.expect("sent");
                let values: Vec<_> = values.map(|value| value.expect("a value")).collect().await;
                assert_eq!(values, [1, 2, 3]);
            }
            2 => {
                let mut given_up = Box::pin(client.send::<u32>("echo", &number));
                let _ = (&mut given_up).now_or_never();
                for _ in 0..number % 3 {
                    yield_now().await;
                }
            }
            3 if number % 50 == 3 => {
                let outcome = impatient.send::<u32>("never", &number).await;
                assert!(matches!(outcome, Err(CallError::Timeout(_))), "{outcome:?}");
            }
            _ => assert_eq!(client.send::<u32>("echo", &number).await.expect("an answer"), number),
        }
    }
}

async fn everybody(client: &Client) {
    let mut callers: JoinSet<()> = (0..CALLERS).map(|caller| converse(client.clone(), caller)).collect();
    while let Some(caller) = callers.join_next().await {
        caller.expect("no panic");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_caller_gets_its_own_answers() {
    everybody(&client(Client::builder())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn callers_that_have_to_wait_for_room_get_theirs_too() {
    let config = Client::builder().max_queued(2).max_in_flight(8);
    everybody(&client(config)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_was_asked_before_closing_is_answered() {
    let client = client(Client::builder());
    let mut callers: JoinSet<_> = (0..CALLERS)
        .map(|number| {
            let client = client.clone();
            async move { (number, client.send::<u32>("echo", &number).await) }
        })
        .collect();
    client.close().await;
    while let Some(caller) = callers.join_next().await {
        match caller.expect("no panic") {
            (number, Ok(answer)) => assert_eq!(answer, number),
            (_, Err(error)) => assert!(matches!(error, CallError::Closed), "{error:?}"),
        }
    }
}
