//! Waits for the service's verdict on our certificate.
//!
//! In TLS 1.3 the handshake ends for the caller when it has sent its certificate; the service
//! verifies the certificate after that. The service then sends session tickets, or an alert (RFC
//! 8446 §4.6.1 and §2). A service that sends no tickets, or that decides later, as Node does for a
//! certificate without a known issuer, cannot be distinguished from a service that accepts.

use std::{
    future::poll_fn,
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    task::Poll,
    time::Duration,
};

use tokio::{
    io::{AsyncBufRead, AsyncRead, AsyncWrite},
    time::{Instant, timeout},
};
use tokio_rustls::{
    client::TlsStream,
    rustls::{ProtocolVersion, SignatureScheme, client::ResolvesClientCert, sign::CertifiedKey},
};

/// Maximum time to wait for a service that sends nothing after the handshake.
const MAX_WAIT: Duration = Duration::from_millis(500);

tokio::task_local! {
    /// True if the service requests a certificate in the handshake that this task performs.
    static IS_ASKED: Arc<AtomicBool>;
}

/// Records that a service has requested a certificate. All connections of a configuration share one
/// resolver: rustls resumes a session only with the resolver with which it began.
#[derive(Debug)]
pub(super) struct Noting(pub(super) Arc<dyn ResolvesClientCert>);

impl ResolvesClientCert for Noting {
    fn resolve(&self, hints: &[&[u8]], schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        // Outside of this crate's handshakes there is nothing to record.
        let _ = IS_ASKED.try_with(|is_asked| is_asked.store(true, Relaxed));
        self.0.resolve(hints, schemes)
    }

    fn only_raw_public_keys(&self) -> bool {
        self.0.only_raw_public_keys()
    }

    fn has_certs(&self) -> bool {
        self.0.has_certs()
    }
}

/// Performs a handshake. If the service has requested a certificate, waits for its verdict: until
/// the service sends anything or closes the connection, for at most [`MAX_WAIT`] or half of the
/// time left until `deadline`. Returns the encrypted connection.
pub(super) async fn judged<IO>(
    handshake: impl Future<Output = io::Result<TlsStream<IO>>>,
    deadline: Option<Instant>,
) -> io::Result<TlsStream<IO>>
where
    IO: AsyncRead + AsyncWrite + Unpin,
{
    let is_asked = Arc::new(AtomicBool::new(false));
    let mut stream = IS_ASKED.scope(Arc::clone(&is_asked), handshake).await?;
    let is_tls13 = stream.get_ref().1.protocol_version() == Some(ProtocolVersion::TLSv1_3);
    if is_tls13 && is_asked.load(Relaxed) {
        // A service that sends nothing may have accepted.
        timeout(wait_until(deadline), verdict(&mut stream))
            .await
            .unwrap_or(Ok(()))?;
    }
    Ok(stream)
}

/// Returns the maximum time to wait for the verdict: a caller with little time left must not lose
/// the connection because of the wait.
fn wait_until(deadline: Option<Instant>) -> Duration {
    let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()) / 2);
    left.map_or(MAX_WAIT, |left| left.min(MAX_WAIT))
}

/// Waits until the service sends anything after the handshake. What it sends is kept for the next
/// reader. Returns an error if the service refuses the certificate or closes the connection.
async fn verdict<IO>(stream: &mut TlsStream<IO>) -> io::Result<()>
where
    IO: AsyncRead + AsyncWrite + Unpin,
{
    poll_fn(|cx| {
        let filled = Pin::new(&mut *stream).poll_fill_buf(cx);
        let is_over = filled.map_ok(<[u8]>::is_empty);
        match is_over {
            Poll::Ready(Ok(true)) => Poll::Ready(Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "the service closed the connection after it had asked for a certificate",
            ))),
            Poll::Ready(Ok(false)) => Poll::Ready(Ok(())),
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending if stream.get_ref().1.tls13_tickets_received() > 0 => Poll::Ready(Ok(())),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_verdict_takes_half_of_the_time_that_is_left_at_most() {
        let now = Instant::now();
        assert_eq!(wait_until(None), MAX_WAIT);
        for (left, expected) in [(0, 0), (300, 150), (999, 499), (1000, 500), (60_000, 500)] {
            let wait = wait_until(Some(now + Duration::from_millis(left)));
            assert_eq!(wait.as_millis(), expected, "{left} ms");
        }
    }
}
