//! Links over Unix sockets.

use std::{io, path::Path, sync::Arc};

use tokio::net::UnixStream;

use super::{Client, Config, connect_error::with_address};

impl Client {
    /// A client of the service on the Unix socket at `path`. Nothing is connected yet.
    ///
    /// ```no_run
    /// use nest_wire::client::Client;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), nest_wire::client::CallError> {
    /// let client = Client::unix("/run/my-service.sock");
    /// let answer: String = client.send("ping", &0).await?;
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn unix(path: impl AsRef<Path>) -> Self {
        Self::unix_with_config(path, Config::default())
    }

    /// As [`unix`](Self::unix), with other limits and timeouts.
    #[must_use]
    pub fn unix_with_config(path: impl AsRef<Path>, config: Config) -> Self {
        let path: Arc<Path> = path.as_ref().into();
        Self::with_connector(
            move || {
                let path = Arc::clone(&path);
                async move { connect(&path).await }
            },
            config,
        )
    }
}

/// Connects to the socket at `path`. The error of the system does not say which path it was.
async fn connect(path: &Path) -> io::Result<UnixStream> {
    UnixStream::connect(path)
        .await
        .map_err(|error| with_address(&path.display().to_string(), error))
}
