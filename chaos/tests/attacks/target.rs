//! The service under attack, an honest caller beside the attacker, and the cost of the attack.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::Duration,
};

use bytes::BytesMut;
use nest_wire::{client::Client, codec::encode};
use nest_wire_chaos::{numbers::answer, process};
use nest_wire_harness::Service;
use serde_json::{Value, json};
use tokio::{
    net::TcpStream,
    process::Command,
    sync::{Semaphore, SemaphorePermit},
    time::{sleep, timeout},
};

/// Maximum time for any step on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(300);

/// Time between two looks at a state that does not report its changes.
const LOOK: Duration = Duration::from_millis(20);

/// One attack runs at a time, because CPU time and the honest caller's waits are measured.
static PLACES: Semaphore = Semaphore::const_new(1);

pub(crate) const MEGABYTE: u64 = 1_000_000;

/// A service to attack. It ends when this value is dropped.
pub(crate) struct Target {
    service: Service,
    process: u32,
    descriptors: usize,
    _place: SemaphorePermit<'static>,
}

/// The cost of an attack for the service.
#[derive(Debug)]
pub(crate) struct Cost {
    /// Growth of its peak memory in bytes.
    pub(crate) memory: u64,
    /// CPU time that it used.
    pub(crate) cpu: Duration,
}

impl Target {
    pub(crate) async fn start(flags: &[&str]) -> Self {
        let place = PLACES.acquire().await.expect("nobody closes it");
        let mut command = Command::new(env!("CARGO_BIN_EXE_chaos"));
        command.args(["serve", "--quiet"]).args(flags);
        let service = Service::start("our service", command).await.expect("it listens");
        let process = service.id().expect("it runs");
        let target = Self {
            descriptors: 0,
            service,
            process,
            _place: place,
        };
        // Memory that is allocated for the first connection and kept is not a cost of the attack.
        honest_call(&target.client(), 1).await;
        let descriptors = target.settled_descriptors().await;
        Self { descriptors, ..target }
    }

    pub(crate) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.service.address()).await.expect("it accepts")
    }

    pub(crate) fn process(&self) -> u32 {
        self.process
    }

    fn client(&self) -> Client {
        Client::new(self.service.address().to_string())
    }

    /// Runs an attack. The honest caller is connected before it begins.
    pub(crate) async fn during<T>(&self, attack: impl Future<Output = T>) -> (T, Cost) {
        let (memory, cpu) = (self.memory(), self.cpu());
        let is_over = Arc::new(AtomicBool::new(false));
        let client = self.client();
        honest_call(&client, 1).await;
        let honest = tokio::spawn(honest(client, Arc::clone(&is_over)));
        let outcome = timeout(PATIENCE, attack).await.expect("the attack is over in time");
        is_over.store(true, SeqCst);
        honest.await.expect("the honest caller is answered");
        let cost = Cost {
            memory: self.memory().saturating_sub(memory),
            cpu: self.cpu() - cpu,
        };
        (outcome, cost)
    }

    /// Waits until the service has no more connections than before the attack.
    pub(crate) async fn lets_go(&self) {
        let gone = async {
            while self.open_descriptors() > self.descriptors {
                sleep(LOOK).await;
            }
        };
        let outcome = timeout(PATIENCE, gone).await;
        assert!(
            outcome.is_ok(),
            "{} descriptors instead of {}",
            self.open_descriptors(),
            self.descriptors
        );
    }

    /// Returns the number of descriptors once the honest caller of the warm-up has disconnected,
    /// which happens a moment after its last reply.
    async fn settled_descriptors(&self) -> usize {
        let mut before = self.open_descriptors();
        loop {
            sleep(LOOK * 5).await;
            let now = self.open_descriptors();
            if now == before {
                return now;
            }
            before = now;
        }
    }

    pub(crate) fn open_descriptors(&self) -> usize {
        process::descriptors(self.process).expect("it runs")
    }

    fn memory(&self) -> u64 {
        process::peak_memory(self.process).expect("it runs")
    }

    pub(crate) fn cpu(&self) -> Duration {
        process::cpu(self.process).expect("it runs")
    }
}

/// Makes calls until the attack is over, and one more.
async fn honest(client: Client, is_over: Arc<AtomicBool>) {
    for number in 1.. {
        let is_last = is_over.load(SeqCst);
        honest_call(&client, number).await;
        if is_last {
            return;
        }
        sleep(LOOK).await;
    }
}

async fn honest_call(client: &Client, number: u64) {
    let value: Value = client.send("ask", &json!({ "n": number })).await.expect("an answer");
    assert_eq!(value["answer"], answer(number));
}

/// Frames a packet.
pub(crate) fn framed(packet: &str) -> Vec<u8> {
    let mut frame = BytesMut::new();
    encode(packet, &mut frame);
    frame.to_vec()
}

/// Returns a request as bytes.
pub(crate) fn request(pattern: &str, data: &str, id: u64) -> Vec<u8> {
    framed(&format!(r#"{{"pattern":{pattern},"data":{data},"id":"{id}"}}"#))
}
