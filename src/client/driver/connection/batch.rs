//! Packets on their way from the channel through a custom framing.

use crate::client::channel::{
    ChannelState,
    pending::call::{CallKey, CallState},
};

/// Packets that were taken from the channel and are not written yet.
#[derive(Debug, Default)]
pub(in crate::client) struct Batch {
    pub(in crate::client) text: Vec<u8>,
    /// Call, state, and end in `text` (bytes) of each packet.
    pub(in crate::client) packets: Vec<(CallKey, CallState, usize)>,
}

impl Batch {
    /// Copies the waiting packets until `most` bytes are reached, or one large packet.
    pub(in crate::client) fn take(&mut self, state: &mut ChannelState, most: usize) {
        self.text.clear();
        self.packets.clear();
        // Packets that are no longer wanted leave `text` empty, although others may follow them.
        while self.text.is_empty() && !state.queue.is_empty() {
            let ChannelState { queue, calls, .. } = state;
            let large = queue.take(most, |key, text| self.add(key, calls.write(key), text.as_bytes()));
            if let Some((key, text)) = large {
                self.add(key, calls.write(key), &text);
            }
        }
    }

    fn add(&mut self, key: CallKey, call_state: Option<CallState>, text: &[u8]) {
        if let Some(call_state) = call_state {
            self.text.extend_from_slice(text);
            self.packets.push((key, call_state, self.text.len()));
        }
    }
}
