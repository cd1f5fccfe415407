//! One client shared by many runtimes, each of which ends while the others continue, as in tests
//! with a static client.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    thread,
    time::Duration,
};

use futures_util::FutureExt;
use nest_wire::{
    client::{CallError, Client, DisconnectReason},
    server::{HostListener, Payload, Router, serve},
};
use tokio::runtime::{Builder, Runtime};

use crate::support::calls_with;

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("a runtime")
}

#[test]
fn calls_that_were_only_queued_survive_the_runtime_of_their_connection() {
    const THREADS: u32 = 8;
    const RUNTIMES: u32 = 40;
    let service = Runtime::new().expect("a runtime");
    let address = service.block_on(async {
        let listener = HostListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addrs().expect("bound")[0].to_string();
        let echo = async |Payload(number): Payload<u32>| number;
        tokio::spawn(serve(listener, Router::new().message("echo", echo)).into_future());
        address
    });
    // A call that hangs fails with a timeout.
    let client = Client::builder()
        .timeout(Duration::from_secs(600))
        .build(address)
        .expect("a client");
    let stopped = Arc::new(AtomicUsize::new(0));
    let threads = (0..THREADS).map(|thread| {
        let (client, stopped) = (client.clone(), Arc::clone(&stopped));
        thread::spawn(move || {
            for round in 0..RUNTIMES {
                let number = thread * RUNTIMES + round;
                // The runtime is dropped at the end of each round, perhaps with the driver that all
                // the others need.
                let outcome = runtime().block_on(client.send::<u32>("echo", &number));
                match outcome {
                    Ok(answer) => assert_eq!(answer, number),
                    // The call had been written.
                    Err(CallError::ConnectionClosed(DisconnectReason::Stopped)) => {
                        stopped.fetch_add(1, SeqCst);
                    }
                    Err(other) => panic!("{other:?}"),
                }
            }
        })
    });
    let threads: Vec<_> = threads.collect();
    threads.into_iter().for_each(|thread| thread.join().expect("no panic"));
    assert!(
        stopped.load(SeqCst) < (THREADS * RUNTIMES) as usize,
        "some are answered"
    );
}

/// The runtime of the driver ends before there is a connection; the waiting callers start another
/// driver.
#[test]
fn whoever_waits_first_starts_another_task_when_the_first_ones_runtime_ends() {
    let (client, mut calls) = calls_with(Client::builder(), 4096);
    let ended = runtime();
    let mut first = client.send::<u32>("a", &1).boxed();
    ended.block_on(async { assert!((&mut first).now_or_never().is_none()) });
    // These calls wait for the driver in the other runtime, which has not run yet.
    let ours = runtime();
    let mut waiting: Vec<_> = (0..3).map(|_| client.send::<u32>("b", &1).boxed()).collect();
    ours.block_on(async { assert!(waiting.iter_mut().all(|call| call.now_or_never().is_none())) });
    let mut event = client.emit("c", &1).boxed();
    ours.block_on(async { assert!((&mut event).now_or_never().is_none()) });
    drop(ended);
    // Its timer ended with its runtime. Now it has another one.
    ours.block_on(async { assert!((&mut first).now_or_never().is_none()) });
    ours.block_on(async {
        let script = async {
            let mut peer = calls.next().await;
            let first = peer.hear_request(r#""pattern":"a","data":1"#).await;
            let mut ids = vec![first];
            for _ in 0..3 {
                ids.push(peer.hear_request(r#""pattern":"b","data":1"#).await);
            }
            peer.expect(r#"24#{"pattern":"c","data":1}"#).await;
            for id in ids {
                peer.say(&format!(r#"{{"response":7,"isDisposed":true,"id":"{id}"}}"#))
                    .await;
            }
            peer
        };
        let answers = futures_util::future::join_all(&mut waiting);
        let (answers, event, _peer) = tokio::join!(answers, event, script);
        assert!(answers.iter().all(|answer| matches!(answer, Ok(7))), "{answers:?}");
        event.expect("sent");
    });
    assert_eq!(ours.block_on(&mut first).expect("an answer"), 7);
}

/// All slots are taken by events whose senders have been dropped, so no other caller would start a
/// driver.
#[test]
fn whoever_waits_for_room_starts_another_task_too() {
    let (client, mut calls) = calls_with(Client::builder().max_queued(1), 4096);
    let ended = runtime();
    ended.block_on(async { assert!(client.emit("a", &1).now_or_never().is_none()) });
    let ours = runtime();
    let mut call = client.send::<u32>("b", &1).boxed();
    ours.block_on(async { assert!((&mut call).now_or_never().is_none()) });
    drop(ended);
    ours.block_on(async {
        let script = async {
            let mut peer = calls.next().await;
            peer.expect(r#"24#{"pattern":"a","data":1}"#).await;
            let id = peer.hear_request(r#""pattern":"b","data":1"#).await;
            peer.say(&format!(r#"{{"response":7,"isDisposed":true,"id":"{id}"}}"#))
                .await;
            peer
        };
        let (answer, _peer) = tokio::join!(call, script);
        assert_eq!(answer.expect("an answer"), 7);
    });
}

#[test]
fn whoever_wants_only_a_link_starts_another_task_too() {
    let (client, mut calls) = calls_with(Client::builder(), 4096);
    let ended = runtime();
    ended.block_on(async { assert!(client.connect().now_or_never().is_none()) });
    let ours = runtime();
    let mut connecting = client.connect().boxed();
    ours.block_on(async { assert!((&mut connecting).now_or_never().is_none()) });
    drop(ended);
    ours.block_on(async {
        connecting.await.expect("a link");
        calls.next().await;
    });
}
