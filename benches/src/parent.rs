//! Learning of the end of the process that started this one.

use std::{io, thread};

use tokio::sync::oneshot;

/// Completes when standard input ends: whoever started this process holds the other end.
pub async fn ended() {
    let (tell, ended) = oneshot::channel();
    // A thread of its own: tokio's would keep the process from ending while it waits for input.
    thread::spawn(move || {
        let _ = io::copy(&mut io::stdin(), &mut io::sink());
        let _ = tell.send(());
    });
    let _ = ended.await;
}
