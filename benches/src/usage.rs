//! What the kernel says that threads and processes have used.
//!
//! Linux only: `/proc/PID/task/*/schedstat` counts in nanoseconds, where `/proc/PID/stat` counts in hundredths of a
//! second. It is exact for threads that wait, and a few milliseconds behind for one that runs. Threads that have ended are not
//! in it: the processes that are measured keep theirs.

use std::{fs, io, path::Path, time::Duration};

/// The CPU time of the thread that asks.
///
/// # Panics
/// If the kernel keeps no `schedstat`.
#[must_use]
pub fn this_thread() -> Duration {
    on_cpu(Path::new("/proc/thread-self/schedstat")).expect("a kernel with schedstat")
}

/// The CPU time of all threads of a process, user and system.
///
/// # Errors
/// There is no such process, or the kernel keeps no `schedstat`.
pub fn cpu(process: u32) -> io::Result<Duration> {
    let threads = fs::read_dir(format!("/proc/{process}/task"))?;
    threads.map(|thread| on_cpu(&thread?.path().join("schedstat"))).sum()
}

/// The most memory that a process has had in RAM at a time, in bytes.
///
/// # Errors
/// There is no such process.
pub fn peak_memory(process: u32) -> io::Result<u64> {
    status(process, "VmHWM:")
}

/// What memory a process has in RAM that is its own and no file's, in bytes.
///
/// # Errors
/// There is no such process.
pub fn memory(process: u32) -> io::Result<u64> {
    status(process, "RssAnon:")
}

/// The first of the file's numbers.
fn on_cpu(schedstat: &Path) -> io::Result<Duration> {
    let text = fs::read_to_string(schedstat)?;
    let first = text.split(' ').next().and_then(|number| number.parse().ok());
    first.map(Duration::from_nanos).ok_or_else(|| unreadable(&text))
}

fn status(process: u32, key: &str) -> io::Result<u64> {
    let text = fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = text.lines().find_map(|line| line.strip_prefix(key));
    let kibibytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    kibibytes.map(|size| size * 1024).ok_or_else(|| unreadable(&text))
}

fn unreadable(text: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_has_used_what_its_thread_has() {
        let process = std::process::id();
        let of_thread = this_thread();
        assert!(cpu(process).expect("threads") >= of_thread);
        assert!(peak_memory(process).expect("a status") >= memory(process).expect("a status"));
    }
}
