//! Detects the end of the process that started this one.

use std::{io, thread};

use tokio::sync::oneshot;

/// Completes when standard input ends. The parent process holds the other end.
pub async fn ended() {
    let (tell, ended) = oneshot::channel();
    // This is a thread of its own, because tokio's thread for input would keep the process from
    // ending.
    thread::spawn(move || {
        let _ = io::copy(&mut io::stdin(), &mut io::sink());
        let _ = tell.send(());
    });
    let _ = ended.await;
}
