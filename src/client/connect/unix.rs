//! Connects to Unix sockets.

use std::{path::Path, sync::Arc};

use tokio::net::UnixStream;

use crate::client::{Client, Config, connect::host::Host};

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
        let address = path.display().to_string().into();
        let connect = move || {
            let path = Arc::clone(&path);
            async move { UnixStream::connect(&path).await }
        };
        Self::of_hosts(&[Host::named(address, connect)], config)
    }
}
