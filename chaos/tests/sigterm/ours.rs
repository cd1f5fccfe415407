//! SIGTERM under load with our own client.

use std::{
    collections::HashSet,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

use futures_util::StreamExt;
use nest_wire::client::{CallError, Client};
use nest_wire_chaos::numbers::answer;
use serde_json::{Value, json};
use tokio::{task::JoinSet, time::interval};

use crate::{Kind, LOADED, PLACES, Record, Report, check, service, terminate};

const TICK: Duration = Duration::from_millis(10);

/// One caller, and the outcomes of its calls.
struct Load {
    client: Client,
    start: Instant,
    next: AtomicU64,
    is_over: AtomicBool,
    records: Mutex<Vec<Record>>,
    unsent: Mutex<HashSet<u64>>,
}

impl Load {
    fn now(&self) -> f64 {
        self.start.elapsed().as_secs_f64() * 1000.0
    }

    async fn make(self: Arc<Self>, kind: Kind, number: u64) {
        let begun = self.now();
        let outcome = self.outcome(kind, number).await;
        let ended = self.now();
        if outcome.as_ref().is_err_and(CallError::is_unsent) {
            self.unsent.lock().expect("no panic").insert(number);
        }
        let error = outcome.err().map(|error| format!("{error:?}"));
        let record = Record(number, kind, begun, Some(ended), error);
        self.records.lock().expect("no panic").push(record);
    }

    async fn outcome(&self, kind: Kind, number: u64) -> Result<(), CallError> {
        let data = json!({ "n": number, "ms": 3000 });
        let pattern = match kind {
            Kind::Event => return self.client.emit("note", &data).await,
            Kind::Call => "ask",
            Kind::Slow => "slow",
        };
        let value: Value = self.client.send(pattern, &data).await?;
        assert_eq!(value["answer"], answer(number), "another's answer");
        Ok(())
    }

    fn number(&self) -> u64 {
        self.next.fetch_add(1, SeqCst) + 1
    }

    /// Makes a call and an event at each tick. Ticks that a busy machine missed are made up for.
    async fn run(self: Arc<Self>) {
        let mut ticks = interval(TICK);
        let mut calls = JoinSet::new();
        while !self.is_over.load(SeqCst) {
            ticks.tick().await;
            for kind in [Kind::Call, Kind::Event] {
                let number = self.number();
                calls.spawn(Arc::clone(&self).make(kind, number));
            }
        }
        while let Some(ended) = calls.join_next().await {
            ended.expect("no call panics");
        }
    }

    /// Returns the time at which the connection ends.
    async fn closed(self: Arc<Self>) -> f64 {
        let mut states = self.client.states();
        while states.next().await.is_some_and(|state| state.is_connected()) {}
        self.now()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn our_client_loses_nothing() {
    let _place = PLACES.acquire().await.expect("nobody closes it");
    let service = service(&[]).await;
    let client = Client::new(service.address().to_string());
    client.connect().await.expect("it accepts");
    let load = Arc::new(Load {
        client,
        start: Instant::now(),
        next: AtomicU64::new(0),
        is_over: AtomicBool::new(false),
        records: Mutex::default(),
        unsent: Mutex::default(),
    });
    let closed = tokio::spawn(Arc::clone(&load).closed());
    let running = tokio::spawn(Arc::clone(&load).run());
    service.wait_for_line(LOADED).await.expect("the load is there");
    let slow = load.number();
    let slow_call = tokio::spawn(Arc::clone(&load).make(Kind::Slow, slow));
    service
        .wait_for_line(&format!("m {slow}"))
        .await
        .expect("it is at work");

    let journal = terminate(service).await.expect("it ends");
    let closed = closed.await.expect("no panic");
    slow_call.await.expect("no panic");
    load.is_over.store(true, SeqCst);
    running.await.expect("no panic");
    let records = std::mem::take(&mut *load.records.lock().expect("no panic"));
    let report = Report {
        closed: Some(closed),
        records,
    };
    check(&report, &journal, 12);
    for number in load.unsent.lock().expect("no panic").iter() {
        assert_eq!(journal.times(*number), 0, "call {number} was reported as not sent");
    }
}
