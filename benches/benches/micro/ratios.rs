//! Compares framing with `simdutf8`, which validates the same bytes and so is a lower bound, and
//! measures the memory that a large frame takes in a server.

use std::{
    error::Error,
    time::{Duration, Instant},
};

use nest_wire_benches::{
    load::{Exchange, Load, Shape, Until},
    peers::{Binaries, Cores, Kind, Server},
    text::Script,
};

use super::codec::{SEGMENT, decode, frame};

const MEGABYTE: usize = 1_000_000;
/// Number of timings of each contender, in turns; the fastest counts.
const TURNS: usize = 200;

/// Prints for each script simdutf8's time over ours, and the cost of small segments.
pub(crate) fn print() {
    println!("\n1 MB           simdutf8 / decode (at least)    in 1 kB segments / whole (at most)");
    for (script, least) in [(Script::Ascii, 0.25), (Script::Cjk, 0.5), (Script::Emoji, 0.5)] {
        let frame = frame(script, MEGABYTE);
        let (mut validated, mut whole, mut segments) = (Duration::MAX, Duration::MAX, Duration::MAX);
        for _ in 0..TURNS {
            validated = validated.min(time(&frame, |bytes| {
                assert!(simdutf8::basic::from_utf8(bytes).is_ok());
            }));
            whole = whole.min(time(&frame, |bytes| decode(bytes, frame.len())));
            segments = segments.min(time(&frame, |bytes| decode(bytes, SEGMENT)));
        }
        let speed = validated.as_secs_f64() / whole.as_secs_f64();
        let pieces = segments.as_secs_f64() / whole.as_secs_f64();
        let script = format!("{script:?}");
        println!("{script:<14} {speed:<6.2} ({least:.2})                   {pieces:<6.2} (2.00)");
    }
}

/// Prints the peak memory of our server, over the size of the single frame that it received.
pub(crate) async fn print_memory() -> Result<(), Box<dyn Error>> {
    println!("\n64 MB          peak memory / frame (at most)");
    for script in [Script::Ascii, Script::Cjk, Script::Emoji] {
        let json = script.json(64 * MEGABYTE);
        let last = json.chars().rev().nth(1).map(String::from).unwrap_or_default();
        let exchange = Exchange::request("\"tail\"", &json).answered(&format!("\"{last}\""));
        let binaries = Binaries {
            ours: env!("CARGO_BIN_EXE_bench-server").into(),
            raw: env!("CARGO_BIN_EXE_raw-server").into(),
        };
        let server = Server::start(Kind::Ours { workers: 1 }, &binaries, &exchange, Cores::All).await?;
        let before = server.peak_memory()?;
        let shape = Shape {
            connections: 1,
            in_flight: 1,
        };
        Load::connect(server.address(), shape, &exchange)
            .await?
            .run(Until::Count(1))
            .await?;
        let times = (server.peak_memory()? - before) as f64 / exchange.asked_bytes() as f64;
        let script = format!("{script:?}");
        println!("{script:<14} {times:<6.2} (2.00)");
    }
    Ok(())
}

fn time<T>(input: T, run: impl FnOnce(T)) -> Duration {
    let start = Instant::now();
    run(std::hint::black_box(input));
    start.elapsed()
}
