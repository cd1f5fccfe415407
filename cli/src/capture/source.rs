//! The bytes of a capture file, block by block, without knowledge of what they mean.

use std::io::{BufRead, BufReader, Read};

use super::error::CaptureError;

/// Maximum size, in bytes, of a block: 64 times the largest packet that tcpdump writes. A length
/// beyond it is damage, and must not make us allocate.
const MAX_BLOCK_BYTES: usize = 16 * 1024 * 1024;

/// A source of blocks, and its current one.
pub(super) struct Source<R> {
    reader: BufReader<R>,
    /// The part of the current block that was read so far.
    block: Vec<u8>,
    /// Offset in the file at which the current block begins.
    offset: u64,
}

impl<R: Read> Source<R> {
    pub(super) fn new(reader: R) -> Self {
        Self {
            reader: BufReader::with_capacity(64 * 1024, reader),
            block: Vec::new(),
            offset: 0,
        }
    }

    /// Begins the next block. Returns false at the end of the file.
    pub(super) fn begin(&mut self) -> Result<bool, CaptureError> {
        self.offset += self.block.len() as u64;
        self.block.clear();
        loop {
            match self.reader.fill_buf() {
                Ok(bytes) => return Ok(!bytes.is_empty()),
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(CaptureError::Io(error)),
            }
        }
    }

    /// Reads on until the current block has this many bytes. Returns them.
    pub(super) fn read_to(&mut self, bytes: usize) -> Result<&[u8], CaptureError> {
        if bytes > MAX_BLOCK_BYTES {
            return Err(self.broken("its length is beyond all limits"));
        }
        let missing = bytes.saturating_sub(self.block.len());
        // In steps, as the bytes come: the length alone allocates nothing.
        self.reader
            .by_ref()
            .take(missing as u64)
            .read_to_end(&mut self.block)
            .map_err(CaptureError::Io)?;
        match self.block.len() < bytes {
            true => Err(CaptureError::Truncated { offset: self.offset }),
            false => Ok(&self.block),
        }
    }

    /// Returns what was read of the current block.
    pub(super) fn block(&self) -> &[u8] {
        &self.block
    }

    /// Returns the error that says that the current block contradicts itself.
    pub(super) const fn broken(&self, reason: &'static str) -> CaptureError {
        CaptureError::Broken {
            offset: self.offset,
            reason,
        }
    }
}
