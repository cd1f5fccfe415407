//! Checks that memory and descriptors stay flat.

use super::Sample;

/// Maximum growth of the average memory in the second half, as a share of the first half's average.
const MARGIN: f64 = 0.1;

/// The same in bytes: the memory that the allocator keeps for a few large payloads that happen to
/// be in flight together.
const MARGIN_BYTES: f64 = 8e6;

/// Maximum growth of the number of descriptors in the second half: those of the clients that
/// connect and disconnect.
const MARGIN_DESCRIPTORS: usize = 16;

/// Compares the halves of a run, without the first fifth of it.
///
/// # Errors
/// Describes what has grown.
pub fn is_flat(samples: &[Sample]) -> Result<(), String> {
    let settled = &samples[samples.len() / 5..];
    let (first, second) = settled.split_at(settled.len() / 2);
    if first.is_empty() {
        return Ok(());
    }
    for (what, memory) in [
        (
            "the service's memory",
            (|sample: &Sample| sample.service_memory) as fn(&Sample) -> u64,
        ),
        ("the clients' memory", |sample| sample.client_memory),
    ] {
        let mean = |half: &[Sample]| half.iter().map(|sample| memory(sample) as f64).sum::<f64>() / half.len() as f64;
        let (before, after) = (mean(first), mean(second));
        if after > before * (1.0 + MARGIN) + MARGIN_BYTES {
            return Err(format!("{what} grows: from {before:.0} to {after:.0} bytes on average"));
        }
    }
    for (what, descriptors) in [
        (
            "the service's descriptors",
            (|sample: &Sample| sample.service_descriptors) as fn(&Sample) -> usize,
        ),
        ("the clients' descriptors", |sample| sample.client_descriptors),
    ] {
        let most = |half: &[Sample]| half.iter().map(descriptors).max().unwrap_or(0);
        let (before, after) = (most(first), most(second));
        if after > before + MARGIN_DESCRIPTORS {
            return Err(format!("{what} grow: from {before} to {after} at most"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn samples(memory: impl Fn(u64) -> u64, descriptors: impl Fn(u64) -> usize) -> Vec<Sample> {
        let sample = |index| Sample {
            time: Duration::from_secs(index),
            done: index,
            service_memory: memory(index),
            client_memory: 10_000_000,
            service_descriptors: descriptors(index),
            client_descriptors: 10,
        };
        (0..100).map(sample).collect()
    }

    #[test]
    fn what_grows_is_not_flat() {
        assert_eq!(is_flat(&samples(|_| 50_000_000, |_| 10)), Ok(()));
        assert!(is_flat(&samples(|index| 50_000_000 + index * 1_000_000, |_| 10)).is_err());
        let leak = |index| usize::try_from(index).unwrap_or_default();
        assert!(is_flat(&samples(|_| 50_000_000, leak)).is_err());
    }

    #[test]
    fn what_grows_while_it_warms_up_is_flat() {
        assert_eq!(
            is_flat(&samples(|index| 50_000_000 + index.min(19) * 1_000_000, |_| 10)),
            Ok(())
        );
    }
}
