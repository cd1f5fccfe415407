//! Connections cut at every byte of a conversation: each caller receives its reply or a reason at
//! once, and the next call works.

use std::time::Duration;

use futures_util::{StreamExt, stream};
use nest_wire::{
    client::{CallError, Client, ClientBuilder, ConnectionState, DisconnectReason},
    packet::RpcError,
    server::{Payload, ReplyStream, Router},
};
use tokio::time::{Instant, timeout};

use crate::support::{Carried, Cut, Fault, Rig, settle};

const TEXT: &str = "求和 😀";

fn router() -> Router {
    Router::new()
        .message("echo", async |Payload(text): Payload<String>| text)
        .message("count", async |Payload(end): Payload<u32>| {
            ReplyStream::new(stream::iter(1..=end))
        })
        .message("fail", async || Err::<(), _>(RpcError::new("no")))
        .event("note", async || ())
}

/// The outcomes of the four calls of a conversation.
#[derive(Debug)]
struct Outcomes {
    echo: Result<String, CallError>,
    count: Vec<Result<u32, CallError>>,
    fail: CallError,
    note: Result<(), CallError>,
}

async fn converse(client: &Client) -> Outcomes {
    let count = async {
        match client.send_stream("count", &3).await {
            Ok(values) => values.collect().await,
            Err(error) => vec![Err(error)],
        }
    };
    let fail = async {
        let answer = client.send::<u32>("fail", &0).await;
        answer.expect_err("it never answers otherwise")
    };
    let (echo, count, fail, note) = tokio::join!(client.send("echo", TEXT), count, fail, client.emit("note", &1));
    Outcomes {
        echo,
        count,
        fail,
        note,
    }
}

impl Outcomes {
    /// Checks each outcome. Returns how many of the four are those of a sound connection; the
    /// others must be losses.
    fn kept(&self, is_loss: impl Fn(&CallError) -> bool) -> usize {
        let told = |error: &CallError| assert!(is_loss(error), "{self:?}");
        let mut kept = 0;
        match &self.echo {
            Ok(text) => {
                assert_eq!(text, TEXT);
                kept += 1;
            }
            Err(error) => told(error),
        }
        let (values, end) = match self.count.split_last() {
            Some((Err(error), values)) => (values, Some(error)),
            _ => (&self.count[..], None),
        };
        let values: Vec<u32> = values.iter().map(|value| *value.as_ref().expect("a value")).collect();
        assert!([1, 2, 3].starts_with(&values), "{self:?}");
        match end {
            None => {
                assert_eq!(values.len(), 3);
                kept += 1;
            }
            Some(error) => told(error),
        }
        match &self.fail {
            CallError::Rpc(error) => {
                assert_eq!(error.message().as_deref(), Some("no"));
                kept += 1;
            }
            error => told(error),
        }
        match &self.note {
            Ok(()) => kept += 1,
            Err(error) => told(error),
        }
        kept
    }
}

/// Returns the number of bytes of a whole conversation.
async fn whole() -> Carried {
    let rig = Rig::default();
    let client = rig.client(router(), Client::builder(), |_| Fault::NONE);
    let outcomes = converse(&client).await;
    assert_eq!(outcomes.kept(|_| false), 4);
    rig.carried()[0]
}

/// Returns a client whose first connection has this fault; the others are sound.
fn faulty_at_first(rig: &Rig, config: ClientBuilder, fault: Fault) -> Client {
    rig.client(
        router(),
        config,
        move |link| if link == 0 { fault } else { Fault::NONE },
    )
}

/// Runs the conversation, which must end whatever happens.
async fn unhung(client: &Client) -> Outcomes {
    timeout(Duration::from_secs(3600), converse(client))
        .await
        .expect("no call hangs")
}

/// Runs a conversation on a connection with this fault, and one on a sound connection. Returns how
/// many calls of the first succeeded.
async fn on(fault: Fault) -> usize {
    let rig = Rig::default();
    let config = Client::builder();
    let client = faulty_at_first(&rig, config, fault);
    let start = Instant::now();
    let outcomes = unhung(&client).await;
    let kept = outcomes.kept(|error| {
        let is_told = matches!(
            error,
            CallError::ConnectionClosed(
                DisconnectReason::ByPeer | DisconnectReason::InsideFrame | DisconnectReason::Failed(_)
            )
        );
        is_told && !error.is_unsent()
    });
    assert!(
        start.elapsed() < Duration::from_secs(1),
        "{fault:?}: told after {:?}",
        start.elapsed()
    );
    assert_eq!(converse(&client).await.kept(|_| false), 4, "{fault:?}");
    assert!(rig.carried().len() <= 2, "{fault:?}: {:?}", rig.carried());
    kept
}

#[tokio::test(start_paused = true)]
async fn a_link_cut_at_any_byte_of_what_is_received_loses_what_was_not_answered_and_says_so() {
    let whole = whole().await;
    assert!(whole.read > 200, "{whole:?}");
    for cut in [Cut::Closed, Cut::Reset] {
        let mut most = 0;
        for read in 0..=whole.read {
            let kept = on(Fault {
                read,
                cut,
                ..Fault::NONE
            })
            .await;
            // Only the event may have been sent before anything is answered.
            assert!(read > 0 || kept <= 1, "{kept}");
            assert!(kept + 1 >= most, "{kept} after {most}");
            most = most.max(kept);
        }
        assert_eq!(most, 4);
    }
}

#[tokio::test(start_paused = true)]
async fn a_link_cut_at_any_byte_of_what_is_sent_loses_what_was_not_answered_and_says_so() {
    let whole = whole().await;
    for cut in [Cut::Closed, Cut::Reset] {
        let mut kept = Vec::new();
        for written in 0..whole.written {
            kept.push(
                on(Fault {
                    written,
                    cut,
                    ..Fault::NONE
                })
                .await,
            );
        }
        assert_eq!(kept[0], 0);
        assert!(kept.iter().all(|&kept| kept < 4), "{kept:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_bytes_of_a_cut_link_are_lost_one_at_a_time_too() {
    let whole = whole().await;
    for read in 0..whole.read {
        let fault = Fault {
            read,
            at_a_time: 1,
            cut: Cut::Reset,
            ..Fault::NONE
        };
        on(fault).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_vanishes_costs_its_calls_their_timeout_and_in_the_middle_of_a_reply_the_link() {
    let whole = whole().await;
    for read in 0..whole.read {
        let rig = Rig::default();
        let fault = Fault {
            read,
            cut: Cut::Vanished,
            ..Fault::NONE
        };
        let config = Client::builder().timeout(Duration::from_secs(60));
        let client = faulty_at_first(&rig, config, fault);
        let start = Instant::now();
        let outcomes = unhung(&client).await;
        outcomes.kept(|error| matches!(error, CallError::Timeout(_) | CallError::ConnectionClosed(_)));
        // Half a reply is waited for thirty seconds, whole ones as long as the calls may take.
        let waited = start.elapsed().as_secs();
        assert!(matches!(waited, 30 | 31 | 60 | 61), "{read}: {waited} s");
        settle().await;
        if let ConnectionState::Disconnected(reason) = client.state() {
            assert!(matches!(reason, DisconnectReason::Failed(_)), "{reason:?}");
            assert_eq!(converse(&client).await.kept(|_| false), 4);
        } else {
            // Only keepalive would detect that the peer is gone, so the next call times out too.
            let outcome = client
                .with_timeout(Duration::from_millis(10))
                .send::<u32>("echo", TEXT)
                .await;
            assert!(matches!(outcome, Err(CallError::Timeout(_))), "{outcome:?}");
        }
        // It does not delay a client that closes either.
        let start = Instant::now();
        client.close().await;
        assert!(start.elapsed() <= Duration::from_secs(31), "{:?}", start.elapsed());
    }
}
