//! Signals to processes, and their resources as the kernel counts them. Linux only.

use std::{fs, io, time::Duration};

pub use nix::sys::signal::Signal;
use nix::{sys::signal::kill, unistd::Pid};

/// The kernel's ticks per second in `/proc/PID/stat`: 100 on every architecture of Linux.
const TICKS_PER_SECOND: u64 = 100;

/// Sends a signal to a process.
///
/// # Errors
/// Fails if there is no such process.
pub fn send(process: u32, signal: Signal) -> io::Result<()> {
    let process = i32::try_from(process).map_err(io::Error::other)?;
    Ok(kill(Pid::from_raw(process), signal)?)
}

/// Returns a process's peak resident memory in bytes.
///
/// # Errors
/// Fails if there is no such process.
pub fn peak_memory(process: u32) -> io::Result<u64> {
    status(process, "VmHWM:")
}

/// Returns a process's resident memory in bytes.
///
/// # Errors
/// Fails if there is no such process.
pub fn memory(process: u32) -> io::Result<u64> {
    status(process, "VmRSS:")
}

/// Returns the number of descriptors that a process has open.
///
/// # Errors
/// Fails if there is no such process.
pub fn descriptors(process: u32) -> io::Result<usize> {
    Ok(fs::read_dir(format!("/proc/{process}/fd"))?.count())
}

/// Returns the CPU time that a process has used, user and system.
///
/// # Errors
/// Fails if there is no such process.
pub fn cpu(process: u32) -> io::Result<Duration> {
    let text = fs::read_to_string(format!("/proc/{process}/stat"))?;
    // The program's name, in brackets, may contain anything. `utime` and `stime` are fields 14 and
    // 15.
    let fields = text.rsplit_once(") ").map_or("", |(_, fields)| fields);
    let ticks: Vec<u64> = fields
        .split(' ')
        .skip(11)
        .take(2)
        .map_while(|field| field.parse().ok())
        .collect();
    match ticks[..] {
        [user, system] => Ok(Duration::from_millis((user + system) * 1000 / TICKS_PER_SECOND)),
        _ => Err(unreadable(&text)),
    }
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
    fn this_process_uses_memory_descriptors_and_time() {
        let process = std::process::id();
        assert!(peak_memory(process).expect("a status") >= memory(process).expect("a status") / 2);
        assert!(descriptors(process).expect("a folder") > 2);
        while cpu(process).expect("a stat") == Duration::ZERO {
            std::hint::spin_loop();
        }
    }
}
