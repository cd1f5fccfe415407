//! Fuzzes [`nest_wire_fuzz::routes`].
//!
//! Without cargo-fuzz, runs the inputs whose files are given as arguments.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|input: &[u8]| nest_wire_fuzz::routes(input));

#[cfg(not(fuzzing))]
fn main() -> std::io::Result<()> {
    nest_wire_fuzz::run_files(nest_wire_fuzz::routes)
}
