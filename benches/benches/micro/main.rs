//! The parts by themselves: codec, packets, patterns, JSON, and a request through the whole server
//! without a socket.
//!
//! ```sh
//! cargo bench -p nest-wire-benches --bench micro            # all, then the ratios to simdutf8
//! cargo bench -p nest-wire-benches --bench micro -- decode
//! ```
//!
//! The input is the same on every run, bytes are declared, and results are asserted.

mod codec;
mod json;
mod packets;
mod ratios;
mod serving;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    divan::main();
    // Cargo passes `--bench`. If a benchmark is named too, the ratios are not printed.
    if std::env::args().skip(1).all(|argument| argument == "--bench") {
        ratios::print();
        ratios::print_memory().await?;
    }
    Ok(())
}
