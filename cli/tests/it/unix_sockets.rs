//! Services at Unix sockets.

use nest_wire::server::{Payload, Router, serve};
use tokio::{net::UnixListener, sync::mpsc};

use crate::command::{Ended, fresh_directory, run};

#[tokio::test]
async fn every_caller_reaches_a_socket() {
    // Not below the target directory: the path of a socket may have some hundred bytes.
    let path = std::env::temp_dir().join(format!("nest-wire-cli-{}.sock", std::process::id()));
    let _ = std::fs::remove_file(&path);
    let listener = UnixListener::bind(&path).expect("a socket");
    let (tell, mut told) = mpsc::unbounded_channel();
    let router = Router::new()
        .message("sum", async |Payload(numbers): Payload<Vec<f64>>| {
            numbers.iter().sum::<f64>()
        })
        .event("log", async move |Payload(text): Payload<String>| drop(tell.send(text)));
    tokio::spawn(serve(listener, router).into_future());

    let address = format!("unix:{}", path.display());
    assert_eq!(run(&["send", &address, "sum", "[1,2]"]).await, Ended::well("3\n"));
    assert_eq!(run(&["emit", &address, "log", "\"求\""]).await, Ended::well(""));
    assert_eq!(told.recv().await.as_deref(), Some("求"));
    assert_eq!(run(&["check", &address]).await, Ended::well(""));
    let ended = run(&["bench", "-n", "20", "--expect", "3", &address, "sum", "[1,2]"]).await;
    assert_eq!(ended.status, Some(0), "{ended:?}");
    std::fs::remove_file(&path).expect("the socket");
}

#[tokio::test]
async fn a_file_that_is_no_socket_is_no_connection() {
    let file = fresh_directory("no-socket").join("file");
    std::fs::write(&file, "").expect("a file");
    let address = format!("unix:{}", file.display());
    let ended = run(&["check", &address]).await;
    assert_eq!(ended.status, Some(3), "{ended:?}");
    let start = format!("error: cannot connect to {address}: nothing listens on it\nhint: ");
    assert!(ended.stderr.starts_with(&start), "{ended:?}");
}
