//! The memory of large values of `json::Buffer`, counted on the test's own thread.
//!
//! This is a test binary of its own because of its counting allocator.

use allocation_counter::measure;
use nest_wire::{
    json::{self, Buffer},
    server::{Reply, reply::IntoReply},
};

const MB: usize = 1_000_000;
/// Maximum number of bytes at the peak, including the text and the bytes themselves.
const MAX_PEAK: u64 = 200 * MB as u64;

#[test]
fn large_buffers_are_read_and_written_in_200_mb() {
    for size in [1, 10, 30] {
        // Three digits each give the longest text.
        let mut text = None;
        let written = measure(|| {
            let answer = Buffer::from(vec![255; size * MB]).into_reply();
            let Reply::Value(json) = answer else { panic!("a value") };
            text = Some(json);
        });
        let text = text.expect("written");
        let mut buffer = Buffer::default();
        let read = measure(|| buffer = json::from_str(text.as_str()).expect("a buffer"));
        assert!(buffer.into_vec() == vec![255; size * MB], "{size} MB differ");

        assert!(written.bytes_max < MAX_PEAK, "{size} MB written: {written:?}");
        let peak = read.bytes_max + text.as_str().len() as u64;
        assert!(peak < MAX_PEAK, "{size} MB read: {peak} with {read:?}");
    }
}
