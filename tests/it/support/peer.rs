//! A scripted peer: it sends bytes and expects bytes.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream},
    time::{sleep, timeout},
};

/// Maximum time for any step. Time is paused in the tests, so it elapses at once when nothing else
/// can happen.
const PATIENCE: Duration = Duration::from_secs(24 * 60 * 60);
/// Default duration of silence; shorter than all our timeouts.
const SILENCE: Duration = Duration::from_millis(500);

/// The test's end of a connection. Dropping it resets the connection.
#[derive(Debug)]
pub(crate) struct Peer(DuplexStream);

impl Peer {
    pub(crate) fn new(io: DuplexStream) -> Self {
        Self(io)
    }

    /// Sends these bytes.
    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        patiently(self.0.write_all(bytes.as_ref()))
            .await
            .expect("the link is open");
    }

    /// Sends this text as a frame.
    pub(crate) async fn say(&mut self, text: &str) {
        self.send(frame(text)).await;
    }

    /// Expects exactly these bytes next.
    pub(crate) async fn expect(&mut self, bytes: impl AsRef<[u8]>) {
        let mut received = Vec::new();
        let link = (&mut self.0).take(bytes.as_ref().len() as u64);
        let outcome = timeout(PATIENCE, { link }.read_to_end(&mut received)).await;
        assert!(
            received == bytes.as_ref(),
            "expected {}\nreceived {} ({outcome:?})",
            excerpt(bytes.as_ref()),
            excerpt(&received)
        );
    }

    /// Expects this text as a frame next.
    pub(crate) async fn hear(&mut self, text: &str) {
        self.expect(frame(text)).await;
    }

    /// Takes the next `count` bytes.
    pub(crate) async fn take(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        patiently(self.0.read_exact(&mut bytes))
            .await
            .expect("the link is open");
        bytes
    }

    /// Takes the next frame. Returns its text.
    pub(crate) async fn take_text(&mut self) -> String {
        let mut length = 0;
        loop {
            match self.take(1).await[0] {
                b'#' => break,
                digit => length = 10 * length + usize::from(digit - b'0'),
            }
        }
        let mut text = Vec::new();
        loop {
            let units = std::str::from_utf8(&text).map(|text| text.encode_utf16().count());
            if units == Ok(length) {
                return String::from_utf8(text).expect("UTF-8");
            }
            text.extend(self.take(1).await);
        }
    }

    /// Takes all bytes until the end.
    pub(crate) async fn take_all(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        patiently(self.0.read_to_end(&mut bytes)).await.expect("a clean end");
        bytes
    }

    /// Expects the start of a request, `"pattern":…,"data":…`, as a frame. Returns its id.
    pub(crate) async fn hear_request(&mut self, pattern_and_data: &str) -> String {
        let head = format!("{{{pattern_and_data},\"id\":\"");
        let length = head.encode_utf16().count() + 21 + 2;
        self.expect(format!("{length}#{head}")).await;
        let id = String::from_utf8(self.take(21).await).expect("ASCII");
        let is_digit = |digit: char| matches!(digit, '0'..='9' | 'a'..='f');
        assert!(id.chars().all(is_digit), "no id: {id}");
        self.expect("\"}").await;
        id
    }

    /// Expects that the other side has closed, without further bytes.
    pub(crate) async fn expect_end(&mut self) {
        let rest = self.take_all().await;
        assert!(rest.is_empty(), "before the end: {}", excerpt(&rest));
    }

    /// Expects that nothing arrives, not even the end, once all tasks have done what they can.
    pub(crate) async fn expect_silence(&mut self) {
        self.expect_silence_of(SILENCE).await;
    }

    /// Expects silence like [`expect_silence`](Self::expect_silence), for this time.
    pub(crate) async fn expect_silence_of(&mut self, time: Duration) {
        let mut byte = [0];
        let broken = timeout(time, self.0.read(&mut byte)).await;
        assert!(broken.is_err(), "{broken:?}: {:?}", byte[0] as char);
    }

    /// Closes the sending side. The peer can still receive.
    pub(crate) async fn half_close(&mut self) {
        self.0.shutdown().await.expect("the link is open");
    }

    /// Returns the raw connection, for scripts that send and receive at once.
    pub(crate) fn into_inner(self) -> DuplexStream {
        self.0
    }
}

/// Waits for `step`, up to [`PATIENCE`].
pub(super) async fn patiently<T>(step: impl Future<Output = T>) -> T {
    timeout(PATIENCE, step).await.expect("nothing happens any more")
}

/// Returns the beginning of bytes that may be long.
fn excerpt(bytes: &[u8]) -> String {
    format!("{:.200}", String::from_utf8_lossy(bytes))
}

/// Lets all tasks do what they can without new input.
pub(crate) async fn settle() {
    sleep(Duration::from_millis(1)).await;
}

/// Returns `text` as a frame. Its length is in UTF-16 units.
pub(crate) fn frame(text: &str) -> String {
    format!("{}#{text}", text.encode_utf16().count())
}
