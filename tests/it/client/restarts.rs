//! Services that restart under load, and services that accept and close at once.

use std::{
    collections::HashMap,
    io,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use futures_util::future::join_all;
use nest_wire::{
    client::{CallError, Client, ClientBuilder, ReconnectPolicy, Target},
    server::{Payload, Router, serve_connection},
};
use tokio::{
    io::{DuplexStream, duplex},
    task::AbortHandle,
    time::sleep,
};

/// A service that can be killed and restarted. It counts how often each call was handled.
#[derive(Debug, Clone, Default)]
struct Service {
    state: Arc<Mutex<Running>>,
    worked_on: Arc<Mutex<HashMap<u32, u32>>>,
}

#[derive(Debug, Default)]
struct Running {
    is_down: bool,
    links: Vec<AbortHandle>,
}

impl Service {
    /// Takes `number` modulo 10 milliseconds to reply with `number`.
    fn router(&self) -> Router {
        let worked_on = Arc::clone(&self.worked_on);
        Router::new().message("work", move |Payload(number): Payload<u32>| {
            *worked_on.lock().expect("no panic").entry(number).or_default() += 1;
            async move {
                sleep(Duration::from_millis(u64::from(number % 10))).await;
                number
            }
        })
    }

    fn connect(&self) -> io::Result<DuplexStream> {
        let mut running = self.state.lock().expect("no panic");
        if running.is_down {
            return Err(io::ErrorKind::ConnectionRefused.into());
        }
        let (ours, theirs) = duplex(4096);
        let routes = self.router().into_routes();
        let served = async move { serve_connection(theirs, routes).await };
        running.links.push(tokio::spawn(served).abort_handle());
        Ok(ours)
    }

    /// Simulates the death of the process: its connections end at once, and there is no listener.
    fn kill(&self) {
        let mut running = self.state.lock().expect("no panic");
        running.is_down = true;
        running.links.drain(..).for_each(|link| link.abort());
    }

    fn start(&self) {
        self.state.lock().expect("no panic").is_down = false;
    }

    fn client(&self, config: ClientBuilder) -> Client {
        let service = self.clone();
        config
            .build(Target::connector(move || std::future::ready(service.connect())))
            .expect("a client")
    }

    fn count(&self, number: u32) -> u32 {
        let worked_on = self.worked_on.lock().expect("no panic");
        worked_on.get(&number).copied().unwrap_or_default()
    }
}

#[tokio::test(start_paused = true)]
async fn restarts_under_load_lose_what_was_in_flight_and_nothing_else() {
    const CALLERS: u32 = 32;
    const CALLS: u32 = 100;
    const RESTARTS: usize = 8;
    let service = Service::default();
    let patient = ReconnectPolicy::on_demand()
        .attempts(1000)
        .min_delay(Duration::from_millis(1))
        .max_delay(Duration::from_millis(10));
    let client = service.client(Client::builder().reconnect(patient));
    let caller = async |caller: u32| {
        let (mut answered, mut lost) = (Vec::new(), Vec::new());
        for call in 0..CALLS {
            let number = caller * CALLS + call;
            match client.send::<u32>("work", &number).await {
                Ok(answer) => {
                    assert_eq!(answer, number);
                    answered.push(number);
                }
                Err(CallError::ConnectionClosed(_)) => lost.push(number),
                Err(other) => panic!("{number}: {other:?}"),
            }
        }
        (answered, lost)
    };
    let restarts = async {
        for _ in 0..RESTARTS {
            sleep(Duration::from_millis(35)).await;
            service.kill();
            sleep(Duration::from_millis(50)).await;
            service.start();
        }
    };
    let (outcomes, ()) = tokio::join!(join_all((0..CALLERS).map(caller)), restarts);
    let mut all_lost = 0;
    for (answered, lost) in outcomes {
        assert_eq!(answered.len() + lost.len(), CALLS as usize);
        // A caller has one call in flight, so a restart can cost it one.
        assert!(lost.len() <= RESTARTS, "{lost:?}");
        all_lost += lost.len();
        for number in answered {
            assert_eq!(service.count(number), 1, "{number} was answered");
        }
        for number in lost {
            assert!(service.count(number) <= 1, "{number} was lost, and repeated");
        }
    }
    assert!(all_lost > 0, "nothing was in flight");
}

#[tokio::test(start_paused = true)]
async fn a_service_that_accepts_and_closes_at_once_fails_each_call_with_a_link_of_its_own() {
    let service = Service::default();
    let opened = Arc::new(AtomicUsize::new(0));
    let (behind, counted) = (service.clone(), Arc::clone(&opened));
    let connect = move || {
        let link = counted.fetch_add(1, SeqCst);
        std::future::ready(if link < 10 { Ok(duplex(64).0) } else { behind.connect() })
    };
    let client = Client::builder().build(Target::connector(connect)).expect("a client");
    for lost in 1..=10 {
        let outcome = client.send::<u32>("work", &lost).await;
        assert!(matches!(outcome, Err(CallError::ConnectionClosed(_))), "{outcome:?}");
        assert!(opened.load(SeqCst) <= lost as usize);
    }
    assert_eq!(client.send::<u32>("work", &11).await.expect("an answer"), 11);
    assert_eq!(opened.load(SeqCst), 11);
}

#[tokio::test(start_paused = true)]
async fn a_host_that_accepts_and_closes_at_once_takes_no_more_than_a_few_calls_from_the_other() {
    let service = Service::default();
    let connectors = [true, false].map(|closes| {
        let service = service.clone();
        move || std::future::ready(if closes { Ok(duplex(64).0) } else { service.connect() })
    });
    let client = Client::builder()
        .build(Target::connectors(connectors))
        .expect("a client");
    let mut lost = 0;
    for number in 0..200 {
        match client.send::<u32>("work", &number).await {
            Ok(answer) => assert_eq!(answer, number),
            Err(CallError::ConnectionClosed(_)) => lost += 1,
            Err(other) => panic!("{other:?}"),
        }
    }
    // The client tries repeatedly, with growing pauses.
    assert!(lost <= 20, "{lost} of 200");
}
