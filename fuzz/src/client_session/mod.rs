//! A session of the client with a hostile service.

mod expected;
mod link;
mod played;

use nest_wire::Compat;

use self::{expected::Expected, played::play};

/// Longer inputs are cut: they only make the same things happen more often.
const MAX_INPUT_BYTES: usize = 4096;

/// How a call ended. A stream has values before its end; a plain call has the last one, or none.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Outcome {
    /// As JSON texts; undefined counts as `null`.
    values: Vec<String>,
    end: End,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum End {
    Completed,
    /// With this error of the service, as JSON text.
    Failed(String),
    /// The connection was lost.
    Closed,
    TimedOut,
}

/// Asserts that each call ends, with just what the replies to its own id say, and that the client calls again over a new
/// connection afterwards.
///
/// The input is a [script](crate::script) of the service: `FE 0` and `FE 1` send the ids of two calls, `FE 2` that of a
/// stream, `FE 3` that of a call that its caller has given up, `FE 4` that of a call with a short timeout.
pub fn client_session(input: &[u8]) {
    let input = &input[..input.len().min(MAX_INPUT_BYTES)];
    for compat in [Compat::Nest8, Compat::Nest12] {
        let played = play(input, compat);
        let expected = Expected::of(&played.script, &played.ids, compat);
        assert_eq!(played.outcomes, expected.outcomes(), "as {compat}");
    }
}
