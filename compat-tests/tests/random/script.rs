//! Scripts: the possible behaviour of a service after it has received some calls.

use proptest::{
    collection::vec,
    prelude::*,
    sample::{Index, select},
};

use crate::{
    streams::{frame, segments},
    texts::{json, string},
};

/// The replies of a service to its calls, all of which it has read.
#[derive(Debug, Clone)]
pub(crate) struct Script {
    /// Number of calls. If the connection is cut, one more call follows, so that a call waits for
    /// the loss.
    pub(crate) calls: usize,
    packets: Vec<Packet>,
    cuts: Vec<Index>,
    pub(crate) end: End,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum End {
    /// All calls are completed. Calls that have completed already receive another completion.
    Completion,
    /// The service closes the connection after these bytes.
    Close(&'static [u8]),
    /// The service breaks the framing with these bytes and waits until the caller closes the
    /// connection.
    Break(&'static [u8]),
}

impl Script {
    /// Returns the number of calls that the caller makes.
    pub(crate) fn callers(&self) -> usize {
        self.calls + usize::from(self.end != End::Completion)
    }

    /// Returns the script without the loss of a connection.
    pub(crate) fn without_loss(self) -> Self {
        Self {
            end: End::Completion,
            ..self
        }
    }

    /// Returns the segments that are sent to calls with these ids, given as JSON texts.
    pub(crate) fn segments(&self, ids: &[String]) -> Vec<Vec<u8>> {
        let packets: Vec<_> = self
            .packets
            .iter()
            .flat_map(|packet| frame(&packet.text(ids)))
            .collect();
        let mut segments = segments(&packets, &self.cuts);
        match self.end {
            End::Completion => {
                let completion = |id| frame(&format!("{{\"isDisposed\":true,\"id\":{id}}}"));
                segments.push(ids.iter().flat_map(completion).collect());
            }
            End::Close(bytes) | End::Break(bytes) => segments.push(bytes.to_vec()),
        }
        segments
    }
}

/// The members of an object, or other JSON if it has no `{`. `ID` stands for an id.
#[derive(Debug, Clone)]
struct Packet {
    template: String,
    id: Id,
}

#[derive(Debug, Clone)]
enum Id {
    OfCall(Index),
    /// Written with escapes, which JavaScript does not distinguish from the plain form.
    Escaped(Index),
    Other(String),
}

impl Packet {
    fn text(&self, ids: &[String]) -> String {
        let id = match &self.id {
            Id::OfCall(call) => call.get(ids).clone(),
            Id::Escaped(call) => {
                let id = call.get(ids);
                format!("\"\\u{:04x}{}", id.as_bytes()[1], &id[2..])
            }
            Id::Other(text) => text.clone(),
        };
        self.template.replace("<ID>", &id)
    }
}

pub(crate) fn script() -> impl Strategy<Value = Script> {
    let broken: &[&[u8]] = &[
        b"x#{}",
        b"#",
        b"3#{]}",
        b"0#",
        b"\xff#1",
        b"2#\xf0\x9f\x98\x80{",
        b"6#\"\x1f\":1}",
    ];
    let rests: &[&[u8]] = &[b"", b"", b"1", b"12#", b"30#{\"response\":", b"\n", b"\xf0\x9f"];
    let end = prop_oneof![
        6 => Just(End::Completion),
        2 => select(rests).prop_map(End::Close),
        1 => select(broken).prop_map(End::Break),
    ];
    (1..4usize, vec(packet(), 0..10), vec(any::<Index>(), 0..6), end).prop_map(|(calls, packets, cuts, end)| Script {
        calls,
        packets,
        cuts,
        end,
    })
}

fn packet() -> impl Strategy<Value = Packet> {
    let id = prop_oneof![
        12 => any::<Index>().prop_map(Id::OfCall),
        1 => any::<Index>().prop_map(Id::Escaped),
        1 => select(&["null", "7", "\"\"", "\"0123456789abcdef01234\"", "true", "[\"a\"]"][..])
            .prop_map(|id| Id::Other(id.to_owned())),
        1 => json().prop_map(Id::Other),
    ];
    (template(), id).prop_map(|(template, id)| Packet { template, id })
}

fn template() -> impl Strategy<Value = String> {
    let usual = prop_oneof![
        6 => json().prop_map(|value| format!("{{\"response\":{value},\"id\":<ID>}}")),
        2 => json().prop_map(|value| format!("{{\"response\":{value},\"isDisposed\":true,\"id\":<ID>}}")),
        1 => Just("{\"isDisposed\":true,\"id\":<ID>}".to_owned()),
        2 => value().prop_map(|value| format!("{{\"err\":{value},\"isDisposed\":true,\"id\":<ID>}}")),
        1 => string().prop_map(|text| format!("{{\"id\":<ID>,\"status\":\"error\",\"err\":{text}}}")),
        1 => json(),
    ];
    let space = || select(&["", "", "", " ", "\n\t"][..]);
    let member = prop_oneof![
        4 => Just("\"id\":<ID>".to_owned()),
        1 => Just("\"\\u0069d\" : <ID>".to_owned()),
        8 => (key(), space(), value()).prop_map(|(key, space, value)| format!("{key}:{space}{value}")),
    ];
    let free = (space(), vec(member, 0..6)).prop_map(|(space, members)| format!("{space}{{{}}}", members.join(",")));
    prop_oneof![3 => usual, 2 => free]
}

fn key() -> impl Strategy<Value = String> {
    #[rustfmt::skip]
    let keys = [
        "response", "response", "response", "err", "err", "isDisposed", "isDisposed", "status", "st\\u0061tus",
        "\\u0065rr", "Response", "__proto__", "constructor", "x", "0", "", "\\ud800", "err\\u0000", "pattern", "data",
    ];
    select(keys.to_vec()).prop_map(|key| format!("\"{key}\""))
}

/// Makes a value for which it matters whether JavaScript takes it for true.
fn value() -> impl Strategy<Value = String> {
    #[rustfmt::skip]
    let simple = [
        "null", "false", "true", "0", "-0", "0.0e7", "1e-400", "1", "\"\"", "\"0\"", "\"\\u0000\"", "[]", "{}",
        "\"no\"", "{\"status\":\"error\",\"message\":\"Internal server error\"}", "{\"message\":1.0}", " 0 ",
    ];
    prop_oneof![3 => select(simple.to_vec()).prop_map(str::to_owned), 1 => json()]
}
