//! Fuzz targets. Each takes any bytes and panics if nest-wire breaks a promise.
//!
//! cargo-fuzz runs them through `fuzz_targets/`. `tests/corpus.rs` runs them on the corpora and on
//! mutations of these with the ordinary test suite. If segments matter, the input is a [`script`].

mod client_session;
mod frame_decoder;
mod json_values;
mod mutator;
#[path = "../../src/codec/oracle.rs"]
mod oracle;
mod packed;
mod packets;
mod recordings;
mod routes;
mod run;
pub mod script;
mod seeds;
mod server_session;

pub use client_session::client_session;
pub use frame_decoder::frame_decoder;
pub use json_values::json_values;
pub use mutator::Mutator;
pub use packed::{pack, unpack};
pub use packets::packets;
pub use recordings::recordings;
pub use routes::routes;
pub use run::{TARGETS, Target, run_files};
pub use seeds::{corpus, seeds};
pub use server_session::server_session;
