//! A session of the client with a hostile service.

mod expected;
mod link;
mod played;

use nest_wire::Compat;

use self::{expected::Expected, played::play};

/// Longer inputs are cut: they only repeat the same effects.
const MAX_INPUT_BYTES: usize = 4096;

/// The outcome of a call. A stream has values before its end; a plain call has the last one, or
/// none.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Outcome {
    /// The values as JSON texts; undefined counts as `null`.
    values: Vec<String>,
    end: End,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum End {
    Completed,
    /// The call failed with this error of the service, as JSON text.
    Failed(String),
    /// The connection was lost.
    Closed,
    TimedOut,
}

/// Asserts that each call ends exactly as the replies to its own id say, and that the client then
/// calls again over a new connection.
///
/// The input is a [script](crate::script) of the service: `FE 0` and `FE 1` send the ids of two
/// calls, `FE 2` the id of a stream, `FE 3` the id of a cancelled call, `FE 4` the id of a call
/// with a short timeout.
pub fn client_session(input: &[u8]) {
    let input = &input[..input.len().min(MAX_INPUT_BYTES)];
    for compat in [Compat::Nest8, Compat::Nest12] {
        let played = play(input, compat);
        let expected = Expected::of(&played.script, &played.ids, compat);
        assert_eq!(played.outcomes, expected.outcomes(), "as {compat}");
    }
}
