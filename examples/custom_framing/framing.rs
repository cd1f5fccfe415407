//! The framing of the example: the counterpart of Nest's socket class, serializer and deserializer.

use std::{borrow::Cow, collections::BTreeMap};

use bytes::{Buf, BufMut, BytesMut};
use nest_wire::{
    codec::ByteString,
    connection::{Framing, FramingError},
};
use serde_json::value::RawValue;

/// A packet is JSON behind its length in bytes, a big-endian number of four bytes. Its members have
/// short names.
#[derive(Debug, Default)]
pub(crate) struct LengthPrefixed;

/// Nest's names of members, and ours.
const NAMES: [(&str, &str); 8] = [
    ("pattern", "p"),
    ("data", "d"),
    ("metadata", "m"),
    ("id", "i"),
    ("response", "r"),
    ("err", "e"),
    ("isDisposed", "z"),
    ("status", "s"),
];

const HEADER: usize = 4;

impl Framing for LengthPrefixed {
    fn decode(&mut self, received: &mut BytesMut) -> Result<Option<ByteString>, FramingError> {
        let Some((header, rest)) = received.split_first_chunk::<HEADER>() else {
            return Ok(None);
        };
        let length = u32::from_be_bytes(*header) as usize;
        if rest.len() < length {
            return Ok(None);
        }
        received.advance(HEADER);
        let packet = received.split_to(length);
        let packet = rename(&packet, |ours| {
            NAMES.iter().find(|(_, name)| *name == ours).map(|(nest, _)| *nest)
        })?;
        Ok(Some(packet.into()))
    }

    fn encode(&mut self, packet: &str, out: &mut BytesMut) -> Result<(), FramingError> {
        let packet = rename(packet.as_bytes(), |nest| {
            NAMES.iter().find(|(name, _)| *name == nest).map(|(_, ours)| *ours)
        })?;
        out.put_u32(u32::try_from(packet.len())?);
        out.put_slice(packet.as_bytes());
        Ok(())
    }
}

/// Renames the members of the object `packet`. The values keep their text.
fn rename(packet: &[u8], name: impl Fn(&str) -> Option<&'static str>) -> Result<String, serde_json::Error> {
    let members: BTreeMap<Cow<'_, str>, &RawValue> = serde_json::from_slice(packet)?;
    let renamed: BTreeMap<&str, &RawValue> = members
        .iter()
        .map(|(old, value)| (name(old).unwrap_or(old), *value))
        .collect();
    serde_json::to_string(&renamed)
}
