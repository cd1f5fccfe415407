//! The headers of a message as metadata.

use async_nats::HeaderMap;
use nest_wire::{
    json::{self, Object, Value},
    packet::RawJson,
};

/// Returns the metadata of a request: an object of the headers, and over them the members of the
/// metadata in the packet. A header with one value is a text, one with several is an array.
/// Metadata in the packet that is no object takes the place of the headers.
pub(crate) fn of(headers: Option<&HeaderMap>, in_packet: Option<&RawJson>) -> Option<RawJson> {
    let Some(headers) = headers.filter(|headers| !headers.is_empty()) else {
        return in_packet.cloned();
    };
    let mut metadata = as_object(headers);
    match in_packet.map(|members| (members, json::parse(members.as_str()))) {
        None => {}
        Some((_, Ok(Value::Object(members)))) => {
            for (key, value) in members.iter() {
                metadata.insert(key.clone(), value.clone());
            }
        }
        Some((other, _)) => return Some(other.clone()),
    }
    RawJson::from_value(&Value::from(metadata)).ok()
}

/// The order is that of the names, since a `HeaderMap` has none.
fn as_object(headers: &HeaderMap) -> Object {
    let mut headers: Vec<_> = headers.iter().collect();
    headers.sort_unstable_by_key(|(name, _)| AsRef::<[u8]>::as_ref(*name).to_vec());
    headers
        .into_iter()
        .map(|(name, values)| {
            let value = match values.as_slice() {
                [value] => Value::from(value.as_str()),
                values => values
                    .iter()
                    .map(|value| Value::from(value.as_str()))
                    .collect::<Vec<_>>()
                    .into(),
            };
            (name.to_string(), value)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, *value);
        }
        headers
    }

    fn merged(pairs: &[(&str, &str)], in_packet: Option<&str>) -> Option<String> {
        let in_packet = in_packet.map(|text| RawJson::new(text).expect("JSON"));
        of(Some(&headers(pairs)), in_packet.as_ref()).map(|metadata| metadata.to_string())
    }

    #[test]
    fn headers_are_metadata_under_that_of_the_packet() {
        assert_eq!(merged(&[], None), None);
        assert_eq!(merged(&[], Some("1")).as_deref(), Some("1"));
        let two = [("b", "1"), ("a", "x"), ("a", "y")];
        assert_eq!(merged(&two, None).as_deref(), Some(r#"{"a":["x","y"],"b":"1"}"#));
        assert_eq!(
            merged(&two, Some(r#"{"b":2,"c":3}"#)).as_deref(),
            Some(r#"{"a":["x","y"],"b":2,"c":3}"#)
        );
        assert_eq!(merged(&two, Some("\"text\"")).as_deref(), Some("\"text\""));
    }
}
