//! The `nest-wire` command.
fn main() {}
