//! The replies to a conversation are the same however it is cut into segments.

use std::time::Duration;

use futures_util::{StreamExt, stream};
use nest_wire::{
    client::{Client, Target},
    connection,
    packet::{RawJson, RpcError},
    server::{Payload, ReplyStream, Router, serve_connection},
};
use proptest::prelude::*;
use tokio::{io::AsyncWriteExt, time::sleep};

use crate::support::{converse, frame, settle};

fn router() -> Router {
    Router::new()
        .message("echo", async |data: RawJson| data)
        .message("fail", async |data: RawJson| Err::<(), _>(RpcError::new(data)))
        .message("nothing", async || ())
        .message("panic", async || -> u32 { panic!("on purpose") })
        .message("count", async |Payload(text): Payload<String>| {
            ReplyStream::new(stream::iter(0..text.chars().count() % 4))
        })
        .message("later", async |data: RawJson| {
            sleep(Duration::from_secs(1)).await;
            data
        })
        .event("event", async |_: RawJson| ())
}

/// A request's frame and the frames of its reply.
type Exchange = (String, Vec<String>);

fn exchange(pattern: &str, text: &str, id: usize) -> Exchange {
    let data = serde_json::to_string(text).expect("JSON");
    let end = format!(r#""isDisposed":true,"id":{id}}}"#);
    let internal = r#"{"err":{"status":"error","message":"Internal server error"},"#;
    let replies = match pattern {
        "echo" | "later" => vec![format!(r#"{{"response":{data},{end}"#)],
        "fail" => {
            let message = serde_json::to_string(&data).expect("JSON");
            vec![format!(r#"{{"err":{{"status":"error","message":{message}}},{end}"#)]
        }
        "panic" => vec![format!("{internal}{end}")],
        "count" => match text.chars().count() % 4 {
            0 => vec![format!("{{{end}")],
            count => (0..count)
                .map(|n| match n {
                    last if last + 1 == count => format!(r#"{{"response":{n},{end}"#),
                    _ => format!(r#"{{"response":{n},"id":{id}}}"#),
                })
                .collect(),
        },
        "event" => {
            let event = format!(r#"{{"pattern":"event","data":{data}}}"#);
            return (frame(&event), Vec::new());
        }
        _ => vec![format!("{{{end}")],
    };
    let request = format!(r#"{{"pattern":"{pattern}","data":{data},"id":{id}}}"#);
    (frame(&request), replies.iter().map(|reply| frame(reply)).collect())
}

fn exchanges() -> impl Strategy<Value = Vec<Exchange>> {
    let pattern = proptest::sample::select(vec!["echo", "fail", "nothing", "panic", "count", "later", "event"]);
    let request = (pattern, "[a#\"\\\\0-9é求😀\u{1}]{0,12}");
    proptest::collection::vec(request, 1..20).prop_map(|requests| {
        let numbered = requests.iter().enumerate();
        numbered
            .map(|(id, (pattern, text))| exchange(pattern, text, id))
            .collect()
    })
}

/// Sends the requests in segments of these lengths, repeated. All replies must arrive, those to one
/// request in order.
async fn hold(exchanges: &[Exchange], segments: &[usize]) {
    let requests: String = exchanges.iter().map(|(request, _)| request.as_str()).collect();
    let expected = exchanges.iter().flat_map(|(_, replies)| replies);
    let mut expected: Vec<String> = expected
        .map(|reply| reply.split_once('#').expect("a header").1.to_owned())
        .collect();
    converse(router(), async |mut peer| {
        let mut left = requests.as_bytes();
        let mut lengths = segments.iter().cycle();
        while !left.is_empty() {
            let (segment, rest) = left.split_at(left.len().min(*lengths.next().expect("endless")));
            peer.send(segment).await;
            settle().await;
            left = rest;
        }
        let mut received = Vec::new();
        for _ in &expected {
            received.push(peer.take_text().await);
        }
        peer.expect_silence().await;
        // Sort by id, with which the replies end. The sort is stable.
        let id = |reply: &String| reply.rsplit_once(':').map(|(_, id)| id.to_owned());
        received.sort_by_key(id);
        expected.sort_by_key(id);
        assert_eq!(received, expected);
    })
    .await
    .expect("served");
}

/// Connects our client to our server, over a connection that carries few bytes at a time.
async fn meet(texts: &[String], capacity: usize) {
    let config = connection::TransportConfig::default();
    let routes = router().into_routes();
    let connect = move || {
        let (ours, theirs) = tokio::io::duplex(capacity);
        let routes = routes.clone();
        let config = config.clone();
        tokio::spawn(serve_connection(theirs, routes).transport(config.clone()).into_future());
        async { Ok(ours) }
    };
    let client = Client::builder().build(Target::connector(connect)).expect("a client");
    let calls = texts.iter().map(async |text| {
        let (echo, later, count) = tokio::join!(
            client.send::<String>("echo", text),
            client.send::<String>("later", text),
            async {
                client
                    .send_stream::<usize>("count", text)
                    .await
                    .expect("sent")
                    .count()
                    .await
            }
        );
        assert_eq!((&echo.expect("text"), &later.expect("text")), (text, text));
        assert_eq!(count, text.chars().count() % 4);
    });
    futures_util::future::join_all(calls).await;
}

fn paused(test: impl Future<Output = ()>) {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_all().start_paused(true).build().expect("a runtime");
    runtime.block_on(test);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_replies_do_not_depend_on_the_segments(
        exchanges in exchanges(),
        segments in proptest::collection::vec(1_usize..80, 1..8),
    ) {
        paused(hold(&exchanges, &segments));
    }

    #[test]
    fn the_client_understands_the_server(
        texts in proptest::collection::vec("[a#\"\\\\é求😀\u{1}]{0,12}", 1..20),
        capacity in 1_usize..100,
    ) {
        paused(meet(&texts, capacity));
    }

    #[test]
    fn no_bytes_make_the_server_panic(
        segments in proptest::collection::vec("[0-9#{}\":,\\[\\]\\\\a-z é😀\u{feff}-]{0,30}|[1-9]#[0-9\\[\\]{}]{1,9}", 1..8),
        bytes in proptest::collection::vec(any::<u8>(), 0..20),
    ) {
        paused(async {
            // The connection may have been cut, so any result is fine as long as the session ends.
            let _ = converse(router(), async |peer| {
                let mut link = peer.into_inner();
                for segment in segments {
                    link.write_all(segment.as_bytes()).await.expect("the server reads on");
                    settle().await;
                }
                link.write_all(&bytes).await.expect("the server reads on");
                settle().await;
            })
            .await;
        });
    }
}
