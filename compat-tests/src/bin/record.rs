//! Records the fixtures again: `cargo run -p compat-tests --all-features --bin record`.

use std::{io, path::Path};

#[tokio::main]
async fn main() -> io::Result<()> {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("fixtures");
    compat_tests::record::record(&fixtures).await
}
