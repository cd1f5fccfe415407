//! Frames for [`tokio_util::codec`]: the traits that `Framed`, `FramedRead` and `FramedWrite`
//! require.
//!
//! The only rule added here: a stream that ends in the middle of a frame ends with an error.

use bytes::BytesMut;
use bytestring::ByteString;
use tokio_util::codec::{Decoder, Encoder};

use super::decode::FrameDecoder;
use super::encode::encode;
use super::error::CodecError;

impl Decoder for FrameDecoder {
    type Item = ByteString;
    type Error = CodecError;

    fn decode(&mut self, src: &mut BytesMut) -> Result<Option<ByteString>, CodecError> {
        // This calls the inherent method, which takes precedence over the trait's.
        Ok(FrameDecoder::decode(self, src)?)
    }

    fn decode_eof(&mut self, src: &mut BytesMut) -> Result<Option<ByteString>, CodecError> {
        match FrameDecoder::decode(self, src)? {
            None if !self.is_at_boundary() => {
                // Cleared, because the next call would otherwise report the same error again.
                self.reset();
                Err(CodecError::CutShort)
            }
            outcome => Ok(outcome),
        }
    }
}

/// Writes texts as frames, without any state.
#[derive(Debug, Default, Clone, Copy)]
pub struct FrameEncoder;

impl<Text: AsRef<str>> Encoder<Text> for FrameEncoder {
    type Error = CodecError;

    fn encode(&mut self, text: Text, dst: &mut BytesMut) -> Result<(), CodecError> {
        encode(text.as_ref(), dst);
        Ok(())
    }
}

/// Reads and writes frames: a [`FrameDecoder`] and a [`FrameEncoder`] for one
/// [`Framed`](tokio_util::codec::Framed).
///
/// ```
/// use futures_util::StreamExt;
/// use nest_wire::codec::FrameCodec;
/// use tokio_util::codec::Framed;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let stream = std::io::Cursor::new(b"4#nullrest".to_vec());
/// let mut frames = Framed::new(stream, FrameCodec::default());
/// assert_eq!(frames.next().await.unwrap().unwrap(), "null");
/// assert!(frames.next().await.unwrap().is_err(), "`rest` is cut short");
/// # }
/// ```
#[derive(Debug, Default, Clone)]
pub struct FrameCodec {
    decoder: FrameDecoder,
    encoder: FrameEncoder,
}

impl FrameCodec {
    /// Returns a codec that buffers at most `max_buffer_units` UTF-16 units; see
    /// [`FrameDecoder::new`].
    #[must_use]
    pub fn new(max_buffer_units: usize) -> Self {
        Self {
            decoder: FrameDecoder::new(max_buffer_units),
            encoder: FrameEncoder,
        }
    }
}

impl Decoder for FrameCodec {
    type Item = ByteString;
    type Error = CodecError;

    fn decode(&mut self, src: &mut BytesMut) -> Result<Option<ByteString>, CodecError> {
        Decoder::decode(&mut self.decoder, src)
    }

    fn decode_eof(&mut self, src: &mut BytesMut) -> Result<Option<ByteString>, CodecError> {
        self.decoder.decode_eof(src)
    }
}

impl<Text: AsRef<str>> Encoder<Text> for FrameCodec {
    type Error = CodecError;

    fn encode(&mut self, text: Text, dst: &mut BytesMut) -> Result<(), CodecError> {
        self.encoder.encode(text, dst)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt;
    use tokio_util::codec::FramedRead;

    use super::super::error::FrameError;
    use super::*;

    async fn read(stream: &[u8]) -> Vec<Result<ByteString, CodecError>> {
        FramedRead::new(stream, FrameCodec::new(100)).collect().await
    }

    #[tokio::test]
    async fn a_stream_that_ends_between_frames_ends_cleanly() {
        let frames = read(b"2#{}3#[1]").await;
        assert!(
            matches!(&frames[..], [Ok(first), Ok(second)] if first == "{}" && second == "[1]"),
            "{frames:?}"
        );
    }

    #[tokio::test]
    async fn a_stream_that_ends_within_a_frame_ends_with_an_error() {
        for cut in [&b"2#{}1"[..], b"2#{}5#", b"2#{}5#[", b"2#{}\xe6"] {
            let frames = read(cut).await;
            assert!(matches!(&frames[..], [Ok(_), Err(CodecError::CutShort)]), "{frames:?}");
        }
    }

    #[tokio::test]
    async fn a_broken_frame_is_the_last_one() {
        let frames = read(b"2#{}x#{}2#{}").await;
        let [Ok(_), Err(CodecError::Frame(error))] = &frames[..] else {
            panic!("{frames:?}")
        };
        assert_eq!(*error, FrameError::CorruptedLength { header: "x".into() });
    }

    #[test]
    fn texts_of_every_kind_are_encoded() -> Result<(), CodecError> {
        let mut dst = BytesMut::new();
        let mut codec = FrameCodec::default();
        codec.encode("1", &mut dst)?;
        codec.encode(String::from("22"), &mut dst)?;
        codec.encode(ByteString::from_static("333"), &mut dst)?;
        assert_eq!(dst, "1#12#223#333");
        Ok(())
    }
}
