//! Whether the system allows as many descriptors as connections need.

use super::units::grouped;
use crate::failure::Failure;

/// Number of descriptors that are in use beside the connections.
const OTHERS: u64 = 16;

/// Checks that so many connections can be open.
///
/// # Errors
/// The limit of this process is lower.
pub(super) fn check(connections: usize, is_open_loop: bool) -> Result<(), Failure> {
    let needed = needed(connections, is_open_loop);
    match limit() {
        Some(limit) if needed > limit => {
            let message = format!(
                "{} connections need {} descriptors, the limit is {}",
                grouped(connections as u64),
                grouped(needed),
                grouped(limit)
            );
            Err(Failure::usage(message).hint(format!("ulimit -n {}", needed.next_power_of_two())))
        }
        _ => Ok(()),
    }
}

fn needed(connections: usize, is_open_loop: bool) -> u64 {
    // Each connection of an open loop has a timer of its own.
    let each = 1 + u64::from(is_open_loop);
    (connections as u64).saturating_mul(each).saturating_add(OTHERS)
}

#[cfg(unix)]
fn limit() -> Option<u64> {
    use nix::sys::resource::{Resource, getrlimit};

    getrlimit(Resource::RLIMIT_NOFILE).ok().map(|(soft, _)| soft)
}

#[cfg(not(unix))]
fn limit() -> Option<u64> {
    None
}
