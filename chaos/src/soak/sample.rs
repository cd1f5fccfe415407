//! The resources of both processes at one time.

use std::{fs, io, path::Path, time::Duration};

use crate::process::{descriptors, memory};

/// The resources of both processes at one time.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// The time since the start.
    pub time: Duration,
    /// Number of requests and events made by then.
    pub done: u64,
    /// The service's memory in bytes.
    pub service_memory: u64,
    /// The clients' memory in bytes.
    pub client_memory: u64,
    /// The service's open descriptors.
    pub service_descriptors: usize,
    /// The clients' open descriptors.
    pub client_descriptors: usize,
}

/// Takes a sample of the service's process and of this one.
pub(super) fn take(service: u32, time: Duration, done: u64) -> io::Result<Sample> {
    let this = std::process::id();
    Ok(Sample {
        time,
        done,
        service_memory: memory(service)?,
        client_memory: memory(this)?,
        service_descriptors: descriptors(service)?,
        client_descriptors: descriptors(this)?,
    })
}

/// Writes the samples as a table of comma-separated values.
///
/// # Errors
/// Fails if the file cannot be written.
pub fn write_csv(path: &Path, samples: &[Sample]) -> io::Result<()> {
    let mut text = "seconds,done,service_bytes,client_bytes,service_descriptors,client_descriptors\n".to_owned();
    for sample in samples {
        text.push_str(&format!(
            "{:.1},{},{},{},{},{}\n",
            sample.time.as_secs_f64(),
            sample.done,
            sample.service_memory,
            sample.client_memory,
            sample.service_descriptors,
            sample.client_descriptors
        ));
    }
    fs::write(path, text)
}

impl Sample {
    pub(super) const fn has_no_more_descriptors_than(&self, other: &Self) -> bool {
        self.service_descriptors <= other.service_descriptors && self.client_descriptors <= other.client_descriptors
    }

    /// Describes this sample, with the rate since the previous one.
    pub(super) fn against(&self, before: Option<&Self>) -> String {
        let (time, done) = before.map_or((Duration::ZERO, 0), |before| (before.time, before.done));
        let rate = (self.done - done) as f64 / (self.time - time).as_secs_f64();
        format!(
            "{:7.1} s {:12} done {rate:8.0}/s   service {:6.1} MB {:3} descriptors   clients {:6.1} MB {:3} descriptors",
            self.time.as_secs_f64(),
            self.done,
            self.service_memory as f64 / 1e6,
            self.service_descriptors,
            self.client_memory as f64 / 1e6,
            self.client_descriptors
        )
    }
}
