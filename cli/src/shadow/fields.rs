//! How two replies to the same request differ, field by field.

use std::collections::BTreeMap;

use nest_wire::recording::Side;

use crate::{
    compare::{Comparison, Difference, How},
    pointer::{Pointer, replaced},
    traffic::{
        packet::{Kind, Packet},
        text::cut,
    },
};

/// Maximum number of places in one reply that are looked at.
pub(super) const MAX_PLACES: usize = 10_000;
/// Maximum width, in columns, of a value that is kept.
const MAX_VALUE: usize = 300;
/// The field of replies that have not as many values.
const NUMBER_OF_VALUES: &str = "(number of values)";
/// What a packet that ends a reply has. Whether that is the last value's or one without a value is
/// a matter of time in Nest.
const LAST: &str = "/isDisposed";
/// Maximum width, in columns, of a pointer that is kept.
const MAX_POINTER: usize = 200;
/// The field of packets of which one is an error and the other is not.
const ERROR: &str = "/err";

/// The fields that differ, by their pointers with `*` for each index, and one place of each.
pub(super) type Fields = BTreeMap<String, Found>;

/// A place where two replies differ.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Found {
    /// The pointer, with indexes; behind the first packet of a stream, with the packet's number.
    pub(super) place: String,
    pub(super) primary: String,
    pub(super) other: String,
}

/// Compares replies, and hides what must not be shown.
pub(super) struct Comparer {
    comparison: Comparison,
    masked: Vec<Pointer>,
}

impl Comparer {
    pub(super) fn new(comparison: Comparison, masked: Vec<Pointer>) -> Self {
        Self {
            comparison: comparison.listing(MAX_PLACES).mask(masked.clone()),
            masked,
        }
    }

    /// Returns the fields in which another reply differs from the primary's, value by value.
    pub(super) fn fields(&mut self, primary: &[String], other: &[String]) -> Fields {
        let mut fields = Fields::new();
        let by_bytes = self.comparison.how == How::Bytes;
        let (primary, other) = match by_bytes {
            true => (primary.iter().collect(), other.iter().collect()),
            false => (values(primary), values(other)),
        };
        for (index, (primary, other)) in primary.iter().zip(&other).enumerate() {
            let (primary, other) = (self.shown(primary), self.shown(other));
            if let Some(found) = Found::failure(&primary, &other)
                && !self.comparison.ignores("err")
            {
                fields.insert(ERROR.to_owned(), found);
                continue;
            }
            let differences = self.comparison.differences(&primary, &other).into_iter();
            for difference in differences.filter(|found| by_bytes || found.pointer != LAST) {
                let field = field(&difference.pointer);
                fields.entry(field).or_insert_with(|| Found::new(&difference, index));
            }
        }
        if primary.len() != other.len() {
            fields.insert(NUMBER_OF_VALUES.to_owned(), Found::counts(primary.len(), other.len()));
        }
        fields
    }

    /// Returns a packet without what is masked.
    pub(super) fn shown(&self, packet: &str) -> String {
        replaced(packet.to_owned(), &self.masked, "\"***\"")
    }

    /// Returns the pointers of `--ignore` that ignored nothing.
    pub(super) fn unused(&self) -> impl Iterator<Item = &Pointer> {
        self.comparison.unused()
    }
}

impl Found {
    fn new(difference: &Difference, packet: usize) -> Self {
        let pointer = cut(&difference.pointer, MAX_POINTER);
        let place = match packet {
            0 => pointer,
            packet => format!("{pointer} of value {}", packet + 1),
        };
        Self {
            place,
            primary: cut(&difference.recorded, MAX_VALUE),
            other: cut(&difference.came, MAX_VALUE),
        }
    }

    /// Returns the difference of two packets if one of them is an error and the other is not: all
    /// of their members differ, for one reason.
    fn failure(primary: &str, other: &str) -> Option<Self> {
        let read = |text| Packet::read(Side::Service, text);
        let (primary, other) = (read(primary)?, read(other)?);
        let shown = |packet: &Packet| {
            let payload = packet.payload.as_ref().map_or("nothing", |payload| payload.as_str());
            let text = match packet.kind {
                Kind::NoHandler => "no handler".to_owned(),
                Kind::Error => format!("error {payload}"),
                _ => payload.to_owned(),
            };
            cut(&text, MAX_VALUE)
        };
        (primary.kind.is_error() != other.kind.is_error()).then(|| Self {
            place: ERROR.to_owned(),
            primary: shown(&primary),
            other: shown(&other),
        })
    }

    fn counts(primary: usize, other: usize) -> Self {
        Self {
            place: NUMBER_OF_VALUES.to_owned(),
            primary: primary.to_string(),
            other: other.to_string(),
        }
    }
}

/// Returns the pointer of all elements of an array in place of that of one.
fn field(pointer: &str) -> String {
    let is_index = |step: &str| !step.is_empty() && step.bytes().all(|byte| byte.is_ascii_digit());
    let steps = pointer.split('/').map(|step| if is_index(step) { "*" } else { step });
    cut(&steps.collect::<Vec<_>>().join("/"), MAX_POINTER)
}

/// Returns true for the fields of a reply as a whole.
pub(super) fn is_of_reply(field: &str) -> bool {
    field == ERROR || field == NUMBER_OF_VALUES
}

/// Returns the packets of a reply that are more than its end.
fn values(packets: &[String]) -> Vec<&String> {
    let is_end =
        |packet: &String| Packet::read(Side::Service, packet).is_some_and(|packet| packet.kind == Kind::Completion);
    match packets {
        [_] => packets.iter().collect(),
        // Only the last one can be.
        [values @ .., last] if is_end(last) => values.iter().collect(),
        packets => packets.iter().collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(packets: &[&str]) -> Vec<String> {
        packets.iter().map(|packet| (*packet).to_owned()).collect()
    }

    fn comparer(masked: &[&str]) -> Comparer {
        let masked = masked.iter().map(|text| text.parse().expect("a pointer")).collect();
        Comparer::new(Comparison::new(How::Json, Vec::new(), Vec::new()), masked)
    }

    fn fields(primary: &[&str], other: &[&str]) -> Vec<(String, String)> {
        let found = comparer(&[]).fields(&texts(primary), &texts(other));
        found.into_iter().map(|(field, found)| (field, found.place)).collect()
    }

    fn owned(fields: &[(&str, &str)]) -> Vec<(String, String)> {
        let owned = fields
            .iter()
            .map(|(field, place)| ((*field).to_owned(), (*place).to_owned()));
        owned.collect()
    }

    #[test]
    fn elements_of_one_array_are_one_field_whose_first_place_is_kept() {
        let primary = [r#"{"response":[{"at":1,"n":1},{"at":2,"n":2},{"at":3,"n":3}],"id":"a"}"#];
        let other = [r#"{"response":[{"at":1,"n":1},{"at":5,"n":2},{"at":6,"n":4}],"id":"b"}"#];
        let expected = owned(&[("/response/*/at", "/response/1/at"), ("/response/*/n", "/response/2/n")]);
        assert_eq!(fields(&primary, &other), expected);
    }

    #[test]
    fn a_field_behind_many_places_of_another_is_found() {
        let reply = |at: u32, last: u32| {
            let elements: Vec<String> = (0..200).map(|n| format!("{{\"at\":{}}}", n + at)).collect();
            format!("{{\"response\":{{\"all\":[{}],\"last\":{last}}}}}", elements.join(","))
        };
        let found = fields(&[&reply(0, 1)], &[&reply(1, 2)]);
        assert_eq!(found[1], ("/response/last".to_owned(), "/response/last".to_owned()));
    }

    #[test]
    fn values_of_streams_are_compared_one_by_one_and_counted() {
        let primary = [r#"{"response":1}"#, r#"{"response":2}"#];
        let other = [r#"{"response":1}"#, r#"{"response":3}"#, r#"{"response":4}"#];
        let expected = owned(&[
            ("(number of values)", "(number of values)"),
            ("/response", "/response of value 2"),
        ]);
        assert_eq!(fields(&primary, &other), expected);
    }

    #[test]
    fn an_end_with_the_last_value_equals_one_of_its_own() {
        let merged = [
            r#"{"response":1,"id":"a"}"#,
            r#"{"response":2,"isDisposed":true,"id":"a"}"#,
        ];
        let apart = [
            r#"{"response":1,"id":"b"}"#,
            r#"{"response":2,"id":"b"}"#,
            r#"{"isDisposed":true,"id":"b"}"#,
        ];
        assert_eq!(fields(&merged, &apart), []);
        assert_eq!(fields(&merged[1..], &apart[1..]), []);
        let mut by_bytes = Comparer::new(Comparison::new(How::Bytes, Vec::new(), Vec::new()), Vec::new());
        assert!(!by_bytes.fields(&texts(&merged), &texts(&apart)).is_empty());
    }

    #[test]
    fn an_error_in_place_of_a_value_is_one_difference() {
        let value = r#"{"response":6,"isDisposed":true,"id":"a"}"#;
        let error = r#"{"err":"no","status":"error","id":"b"}"#;
        let found = comparer(&[]).fields(&texts(&[value]), &texts(&[error]));
        assert_eq!(found.len(), 1);
        assert_eq!((&*found["/err"].primary, &*found["/err"].other), ("6", "error \"no\""));
        let found = comparer(&[]).fields(&texts(&[error]), &texts(&[&error.replace("no", "yes")]));
        assert_eq!((&*found["/err"].primary, &*found["/err"].other), ("\"no\"", "\"yes\""));
    }

    #[test]
    fn what_is_masked_is_neither_compared_nor_shown() {
        let mut comparer = comparer(&["/response/card"]);
        let (primary, other) = (r#"{"response":{"card":"4242"}}"#, r#"{"response":{"card":"1111"}}"#);
        assert_eq!(comparer.fields(&texts(&[primary]), &texts(&[other])), Fields::new());
        let found = comparer.fields(&texts(&[primary]), &texts(&[r#"{"response":null}"#]));
        assert_eq!(found["/response"].primary, r#"{"card":"***"}"#);
        assert_eq!(
            comparer.fields(&texts(&[primary]), &texts(&[r#"{"response":{}}"#])),
            Fields::new()
        );
    }
}
