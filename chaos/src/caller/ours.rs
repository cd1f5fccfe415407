//! Calls made with our own client.

use std::{error::Error, time::Duration};

use futures_util::StreamExt;
use nest_wire::client::{CallError, Client};
use serde_json::Value;
use tokio::time::timeout;

use super::{Ask, End, Kind, Outcome};

/// Maximum time from a call's own timeout to its end, with a margin for a busy machine.
const GRACE: Duration = Duration::from_secs(30);

/// Makes a call and returns its outcome. A call that hangs ends after [`GRACE`].
pub(super) async fn make(client: &Client, ask: &Ask) -> Outcome {
    let client = client.with_timeout(ask.timeout);
    let mut values = Vec::new();
    let patience = patience(ask);
    let call = async {
        match ask.kind {
            Kind::Note => client.emit(ask.pattern(), &ask.data()).await,
            Kind::Values { taken, .. } => take(&client, ask, taken, &mut values).await,
            Kind::Quick | Kind::Slow(_) | Kind::Fail => {
                let value = client.send::<Value>(ask.pattern(), &ask.data()).await?;
                values.push(value);
                Ok(())
            }
        }
    };
    let ended = match ask.dropped_after {
        Some(after) => timeout(after, call)
            .await
            .map_or(Some(Dropped), |ended| Some(Ended(ended))),
        None => timeout(patience, call).await.ok().map(Ended),
    };
    match ended {
        None => Outcome::Hung,
        Some(Dropped) => outcome(ask, &values, End::Dropped, false),
        Some(Ended(Ok(()))) if ask.taken().is_some() => outcome(ask, &values, End::Dropped, false),
        Some(Ended(Ok(()))) => outcome(ask, &values, End::Complete, false),
        Some(Ended(Err(error))) => failed(ask, &values, &error),
    }
}

use Ending::{Dropped, Ended};

enum Ending {
    Dropped,
    Ended(Result<(), CallError>),
}

async fn take(client: &Client, ask: &Ask, taken: u64, values: &mut Vec<Value>) -> Result<(), CallError> {
    let mut replies = client.send_stream::<Value>(ask.pattern(), &ask.data()).await?;
    for _ in 0..taken {
        match replies.next().await {
            Some(value) => values.push(value?),
            None => break,
        }
    }
    Ok(())
}

fn outcome(ask: &Ask, values: &[Value], end: End, is_unsent: bool) -> Outcome {
    Outcome::of(ask, ask.check(values, &end), end, is_unsent)
}

fn failed(ask: &Ask, values: &[Value], error: &CallError) -> Outcome {
    let end = match error {
        CallError::Rpc(error) => End::Refused(error.message().unwrap_or_else(|| error.to_string())),
        // The handlers of this package never reply with either.
        CallError::NoValue | CallError::Decode(_) => return Outcome::Wrong(chain(error)),
        error => End::Failed(chain(error)),
    };
    outcome(ask, values, end, error.is_unsent())
}

fn chain(error: &CallError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

/// Returns the maximum time for a call. A stream's timeout restarts with each value.
fn patience(ask: &Ask) -> Duration {
    let values = match ask.kind {
        Kind::Values { count, .. } => u32::try_from(count).unwrap_or(u32::MAX).saturating_add(1),
        _ => 1,
    };
    ask.timeout.saturating_mul(values).saturating_add(GRACE)
}
