//! Node's `Buffer`, as `JSON.stringify` writes it.

use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error, IgnoredAny, MapAccess, SeqAccess, Visitor},
    ser::SerializeStruct,
};

/// Bytes that a Node peer sends and expects as a `Buffer`: `{"type":"Buffer","data":[104,105]}`.
///
/// A JavaScript peer turns what it receives into a `Buffer` with `Buffer.from(data)`. 30 MB of
/// bytes are up to 120 MB of text. A handler that answers a `Buffer` itself needs that much for its
/// answer; within another type, the text grows by doubling.
///
/// A `Uint8Array` has another JSON, `{"0":104,"1":105}`, which is refused.
///
/// ```
/// use nest_wire::json::{self, Buffer};
///
/// let text = json::to_string(&Buffer::from(b"hi".as_slice()))?;
/// assert_eq!(text, r#"{"type":"Buffer","data":[104,105]}"#);
/// assert_eq!(json::from_str::<Buffer>(&text)?.as_ref(), b"hi");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Buffer(Vec<u8>);

impl Buffer {
    /// Returns the bytes.
    #[must_use]
    pub fn into_vec(self) -> Vec<u8> {
        self.0
    }

    /// Returns the JSON. Its memory is allocated once: text that grows would need twice as much at
    /// the end.
    pub(crate) fn to_json(&self) -> Result<String, serde_json::Error> {
        let length = PREFIX.len() + self.0.iter().map(|&byte| digits(byte) + 1).sum::<usize>() + SUFFIX.len();
        let mut text = Vec::with_capacity(length - usize::from(!self.0.is_empty()));
        super::append(self, &mut text)?;
        Ok(String::from_utf8(text).expect("JSON is UTF-8"))
    }
}

const PREFIX: &str = r#"{"type":"Buffer","data":["#;
const SUFFIX: &str = "]}";

fn digits(byte: u8) -> usize {
    match byte {
        0..=9 => 1,
        10..=99 => 2,
        100.. => 3,
    }
}

impl From<Vec<u8>> for Buffer {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl From<&[u8]> for Buffer {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }
}

impl From<Buffer> for Vec<u8> {
    fn from(buffer: Buffer) -> Self {
        buffer.0
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl std::ops::Deref for Buffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Buffer {
    /// Shows the number of bytes; uploads would fill a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Buffer({} bytes)", self.0.len())
    }
}

impl Serialize for Buffer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("Buffer", 2)?;
        object.serialize_field("type", "Buffer")?;
        object.serialize_field("data", &Numbers(&self.0))?;
        object.end()
    }
}

struct Numbers<'a>(&'a [u8]);

impl Serialize for Numbers<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0)
    }
}

impl<'de> Deserialize<'de> for Buffer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(BufferVisitor)
    }
}

struct BufferVisitor;

impl<'de> Visitor<'de> for BufferVisitor {
    type Value = Buffer;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(r#"the JSON of a Buffer, {"type":"Buffer","data":[...]}"#)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Buffer, A::Error> {
        let (mut is_buffer, mut bytes) = (false, None);
        while let Some(key) = members.next_key::<Key>()? {
            match key {
                Key::Type => is_buffer = members.next_value::<Tag>().map(|_| true)?,
                Key::Data => bytes = Some(members.next_value::<Bytes>()?.0),
                Key::Other => drop(members.next_value::<IgnoredAny>()?),
            }
        }
        if !is_buffer {
            return Err(A::Error::missing_field("type"));
        }
        bytes.map(Buffer).ok_or_else(|| A::Error::missing_field("data"))
    }
}

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "lowercase")]
enum Key {
    Type,
    Data,
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
enum Tag {
    Buffer,
}

struct Bytes(Vec<u8>);

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(BytesVisitor)
    }
}

struct BytesVisitor;

impl<'de> Visitor<'de> for BytesVisitor {
    type Value = Bytes;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of integers from 0 to 255")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut numbers: A) -> Result<Bytes, A::Error> {
        let mut bytes = Vec::new();
        while let Some(byte) = numbers.next_element()? {
            bytes.push(byte);
        }
        Ok(Bytes(bytes))
    }
}
