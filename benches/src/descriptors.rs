//! Room for ten thousand connections.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// Raises the number of files that this process may have open to the most that it may ask for.
pub fn allow_all() {
    if let Ok((_, most)) = getrlimit(Resource::RLIMIT_NOFILE) {
        // Whoever then opens too many learns it from the system.
        let _ = setrlimit(Resource::RLIMIT_NOFILE, most, most);
    }
}
