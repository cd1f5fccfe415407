//! CPU time and memory of threads and processes, as the kernel counts them.
//!
//! Linux only: `/proc/PID/task/*/schedstat` counts nanoseconds, `/proc/PID/stat` hundredths of a
//! second. It is exact for waiting threads, and a few milliseconds late for a running one. It does
//! not include threads that have ended; the measured processes keep theirs.

use std::{fs, io, path::Path, time::Duration};

/// Returns the CPU time of the calling thread.
///
/// # Panics
/// Panics if the kernel has no `schedstat`.
#[must_use]
pub fn this_thread() -> Duration {
    of_this_thread().expect("a kernel with schedstat")
}

/// Returns the CPU time of the calling thread, or `None` where the system does not count it.
#[must_use]
pub fn of_this_thread() -> Option<Duration> {
    on_cpu(Path::new("/proc/thread-self/schedstat")).ok()
}

/// Returns the CPU time of all threads of a process, user and system.
///
/// # Errors
/// Fails if there is no such process, or if the kernel has no `schedstat`.
pub fn cpu(process: u32) -> io::Result<Duration> {
    let threads = fs::read_dir(format!("/proc/{process}/task"))?;
    threads.map(|thread| on_cpu(&thread?.path().join("schedstat"))).sum()
}

/// Returns a process's peak resident memory, in bytes.
///
/// # Errors
/// Fails if there is no such process.
pub fn peak_memory(process: u32) -> io::Result<u64> {
    status(process, "VmHWM:")
}

/// Returns a process's resident memory that belongs to no file, in bytes.
///
/// # Errors
/// Fails if there is no such process.
pub fn memory(process: u32) -> io::Result<u64> {
    status(process, "RssAnon:")
}

/// Returns the first number in the file.
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
