//! The parts that the tests of `nest-wire` against real Nest share with the recorder of
//! `fixtures/`.
//!
//! [`Environment`] starts services of both implementations, [`Case`] is a conversation on a raw
//! socket, [`Transcript`] is a proxy's record made comparable, [`Divergences`] lists where the two
//! implementations differ and why. Everything here is for tests: failures panic, with the output of
//! the processes.

mod case;
mod divergences;
mod environment;
mod http;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod node;
mod oracle;
pub mod package;
mod play;
pub mod record;
mod tap;
mod transcript;

pub use case::{Case, Order, Step, all_cases, cases};
pub use divergences::Divergences;
pub use environment::{Environment, Implementation};
pub use http::get;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
pub use node::Node;
pub use oracle::{NestClient, ask_client, ask_client_with};
pub use play::{Heard, play};
pub use tap::Tap;
pub use transcript::Transcript;

/// Maximum time for any step on a busy machine.
pub const PATIENCE: std::time::Duration = std::time::Duration::from_secs(30);

/// Makes a test for each pinned version of Node: `on_each_node!(name, run)` makes `name::node_22`
/// to `name::node_26`, each of which awaits `run(Node)`.
#[macro_export]
macro_rules! on_each_node {
    ($name:ident, $run:ident) => {
        $crate::on_each_node!($name, $run, node_22 22, node_24 24, node_26 26);
    };
    ($name:ident, $run:ident, $($test:ident $major:literal),*) => {
        mod $name {
            $(
                #[tokio::test]
                async fn $test() {
                    let node = $crate::Node::ready($major).await;
                    let version = node.version().await;
                    assert!(version.starts_with(concat!("v", $major, ".")), "{version}");
                    super::$run(node).await;
                }
            )*
        }
    };
}

/// Makes a test for each major of Nest: `on_each_major!(name, run)` makes `name::nest_7` to
/// `name::nest_12`, each of which awaits `run(major)`.
#[macro_export]
macro_rules! on_each_major {
    ($name:ident, $run:ident) => {
        $crate::on_each_major!($name, $run, nest_7 7, nest_8 8, nest_9 9, nest_10 10, nest_11 11, nest_12 12);
    };
    ($name:ident, $run:ident, $($test:ident $major:literal),*) => {
        mod $name {
            $(
                #[tokio::test]
                async fn $test() {
                    super::$run($major).await;
                }
            )*
        }
    };
}
