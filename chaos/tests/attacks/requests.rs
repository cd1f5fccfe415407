//! Attacks with whole packets: many packets, or costly ones.

use std::time::Duration;

use nest_wire_chaos::process;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::target::{Cost, MEGABYTE, Target, request};

const MILLION: u64 = 1_000_000;

/// Each reply contains this byte exactly once, because no payload here contains it.
const HEADER_END: u8 = b'#';

/// Writes all bytes at once and reads `count` replies meanwhile.
async fn flood(stream: TcpStream, bytes: Vec<u8>, count: u64) {
    let (mut from, mut to) = stream.into_split();
    let writing = async move {
        to.write_all(&bytes).await.expect("it reads");
        to
    };
    let reading = async move {
        let (mut buffer, mut answers) = (vec![0; 1 << 18], 0);
        while answers < count {
            let read = from.read(&mut buffer).await.expect("it answers");
            assert!(read > 0, "it has closed after {answers} answers");
            answers += buffer[..read].iter().filter(|byte| **byte == HEADER_END).count() as u64;
        }
    };
    tokio::join!(writing, reading);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_million_requests_in_one_write_do_not_delay_others_without_end() {
    // With one thread, the honest connection competes with the attacker's.
    let target = Target::start(&["--workers", "0"]).await;
    let bytes = (0..MILLION)
        .flat_map(|id| request("\"ask\"", "{\"n\":1}", id))
        .collect();
    let ((), cost) = target
        .during(async { flood(target.connect().await, bytes, MILLION).await })
        .await;
    assert!(cost.memory < 64 * MEGABYTE, "{cost:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_million_different_patterns_are_not_remembered() {
    let target = Target::start(&[]).await;
    let pattern = |id: u64| format!("{{\"cmd\":\"{id}\",\"of\":[{id}]}}");
    let bytes = (0..MILLION).flat_map(|id| request(&pattern(id), "1", id)).collect();
    let ((), cost) = target
        .during(async { flood(target.connect().await, bytes, MILLION).await })
        .await;
    assert!(cost.memory < 64 * MEGABYTE, "{cost:?}");
}

/// Returns texts that collide under a hash that multiplies by 31 or 33 and adds: two blocks of
/// equal hash, in all orders.
fn colliding(blocks: [&str; 2], length: u32) -> Vec<String> {
    let spell = |number: u32| (0..length).map(|bit| blocks[(number >> bit & 1) as usize]).collect();
    (0..1 << length).map(spell).collect()
}

fn object_of(keys: &[String]) -> String {
    let members: Vec<_> = keys.iter().map(|key| format!("\"{key}\":1")).collect();
    format!("{{{}}}", members.join(","))
}

async fn cost_of_keys(target: &Target, keys: &[String]) -> Cost {
    const REQUESTS: u64 = 20;
    let object = object_of(keys);
    // The object is in the pattern, whose keys are sorted, and in the data.
    let bytes = (0..REQUESTS).flat_map(|id| request(&object, &object, id)).collect();
    target
        .during(async { flood(target.connect().await, bytes, REQUESTS).await })
        .await
        .1
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_collide_under_common_hashes_cost_as_much_as_others() {
    let target = Target::start(&[]).await;
    let plain: Vec<_> = (0..4096).map(|number| format!("key-with-{number:015}")).collect();
    let usual = cost_of_keys(&target, &plain).await;
    for blocks in [["Aa", "BB"], ["Ez", "FY"]] {
        let flooded = cost_of_keys(&target, &colliding(blocks, 12)).await;
        // Quadratic work would take a thousand times as long.
        assert!(
            flooded.cpu < usual.cpu * 10 + Duration::from_secs(2),
            "{flooded:?}, usually {usual:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn deep_nesting_anywhere_in_a_packet_harms_nobody() {
    let target = Target::start(&[]).await;
    let deep = |open: &str, close: &str| format!("{}1{}", open.repeat(200_000), close.repeat(200_000));
    let attack = async {
        for nested in [deep("[", "]"), deep("{\"a\":", "}")] {
            for packet in [
                format!(r#"{{"pattern":"echo","data":{nested},"id":"1"}}"#),
                format!(r#"{{"pattern":{nested},"data":1,"id":"1"}}"#),
                format!(r#"{{"pattern":"ask","data":{{"n":1}},"metadata":{nested},"id":"1"}}"#),
                format!(r#"{{"pattern":"ask","data":{{"n":1}},"id":{nested}}}"#),
            ] {
                let mut stream = target.connect().await;
                stream
                    .write_all(&crate::target::framed(&packet))
                    .await
                    .expect("it reads");
                stream.shutdown().await.expect("it is open");
                // A reply or a closed connection is fine; a process that has died is not.
                let mut rest = Vec::new();
                let _ = stream.read_to_end(&mut rest).await;
            }
        }
    };
    let ((), cost) = target.during(attack).await;
    assert!(
        cost.memory < 64 * MEGABYTE && cost.cpu < Duration::from_secs(20),
        "{cost:?}"
    );
    assert!(process::memory(target.process()).is_ok(), "it lives");
}
