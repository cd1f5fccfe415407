//! Services that do not speak Nest's protocol, or speak it wrongly, and the error for each.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use crate::command::{Ended, run};

/// Answers the first bytes of each caller with these, and closes. Returns the address.
async fn answering(reply: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound").to_string();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 1024];
            let _ = stream.read(&mut request).await;
            let _ = stream.write_all(reply).await;
            let _ = stream.shutdown().await;
            // Not before the caller has hung up: a reset would take away what it has not read.
            while matches!(stream.read(&mut request).await, Ok(1..)) {}
        }
    });
    address
}

/// Asserts that `send` and `check` end with this status and this text, in which `{}` is the address.
async fn is_told_apart(reply: &'static [u8], status: i32, stderr: &str) {
    let address = answering(reply).await;
    let message = stderr.replace("{}", &address);
    for args in [&["send", &address, "sum"][..], &["check", &address, "sum"]] {
        assert_eq!(run(args).await, Ended::badly(status, &message), "{args:?}");
    }
}

#[tokio::test]
async fn a_service_that_speaks_http_is_named() {
    let message = "error: {} speaks HTTP, not Nest's TCP transport\n\
                   hint: a hybrid application has a second port, that of connectMicroservice()\n";
    // What Node's HTTP server answers to a frame.
    is_told_apart(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n", 3, message).await;
    is_told_apart(b"HTTP/1.1 400 Bad Request # \r\n\r\n", 3, message).await;
}

#[tokio::test]
async fn a_service_that_speaks_tls_is_named() {
    let message = "error: {} speaks TLS\nhint: write tls://{}\n";
    is_told_apart(&[0x15, 0x03, 0x03, 0x00, 0x02, 0x02, 0x46], 3, message).await;
    // One that only closes may have wanted TLS.
    let message = "error: {} closed the connection at the first frame\nhint: if it wants TLS, write tls://{}\n";
    is_told_apart(b"", 3, message).await;
}

#[tokio::test]
async fn a_header_that_counts_in_another_unit_is_explained() {
    let broken = "error: the service broke the framing: ";
    for (reply, fault) in [
        (
            "21#{\"response\":\"求和\"}",
            "header \"21\" counts bytes; Nest wants 17 UTF-16 units",
        ),
        (
            "16#{\"response\":\"😀\"}",
            "header \"16\" counts characters; Nest wants 17 UTF-16 units",
        ),
        (
            "99#{\"response\":1}",
            "header \"99\" is not the length of its text; Nest wants 14 UTF-16 units",
        ),
    ] {
        is_told_apart(reply.as_bytes(), 1, &format!("{broken}{fault}\n")).await;
    }
}

#[tokio::test]
async fn bytes_that_are_no_frame_are_quoted() {
    let broken = "error: the service broke the framing: ";
    let message = format!("{broken}frame header \"SSH-2.0\" does not begin with a number\n");
    is_told_apart(b"SSH-2.0#", 1, &message).await;
    let address = answering(b"5#hello").await;
    let ended = run(&["send", &address, "sum"]).await;
    assert_eq!((ended.status, ended.stdout.as_str()), (Some(1), ""), "{ended:?}");
    assert!(ended.stderr.starts_with(broken), "{ended:?}");
}

#[tokio::test]
async fn a_service_that_waits_for_the_rest_of_its_own_frame_is_found_out_at_the_timeout() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound").to_string();
    let service = async {
        let (mut stream, _) = listener.accept().await.expect("a caller");
        let mut request = [0; 1024];
        assert_ne!(stream.read(&mut request).await.expect("a request"), 0);
        let reply = "21#{\"response\":\"求和\"}";
        stream.write_all(reply.as_bytes()).await.expect("a link");
        while matches!(stream.read(&mut request).await, Ok(1..)) {}
    };
    let args = ["send", "--timeout", "500ms", &address, "sum"];
    let (ended, ()) = tokio::join!(run(&args), service);
    let message = "error: the service broke the framing: header \"21\" counts bytes; Nest wants 17 UTF-16 units\n";
    assert_eq!(ended, Ended::badly(1, message));
}

#[tokio::test]
async fn an_error_that_nest_hides_says_where_to_look() {
    use nest_wire::{packet::RpcError, server::Router};
    let hidden = async || Err::<(), _>(RpcError::new("Internal server error"));
    let address = crate::command::service(Router::new().message("sum", hidden)).await;
    let message = "{\"status\":\"error\",\"message\":\"Internal server error\"}\n\
                   hint: Nest hides what is not an RpcException; see the service's log\n";
    assert_eq!(run(&["send", &address, "sum"]).await, Ended::badly(1, message));
}
