//! Strings as `JSON.stringify` quotes and escapes them.

use std::fmt::{self, Write};

use crate::json::value::string::JsString;

/// The string as JSON text: quoted, nothing lost.
impl fmt::Debug for JsString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut quoted = String::new();
        push_quoted(self, &mut quoted);
        f.write_str(&quoted)
    }
}

/// Appends a string as JSON text.
pub(crate) fn push_quoted(string: &JsString, out: &mut String) {
    if let Some(text) = string.as_str() {
        return push_quoted_str(text, out);
    }
    out.push('"');
    for character in string.chars() {
        match character {
            Ok(character) => push_escaped(character.encode_utf8(&mut [0; 4]), out),
            Err(surrogate) => push_unit(surrogate, out),
        }
    }
    out.push('"');
}

/// Appends a string without lone surrogates as JSON text.
pub(crate) fn push_quoted_str(text: &str, out: &mut String) {
    out.reserve(text.len() + 2);
    out.push('"');
    push_escaped(text, out);
    out.push('"');
}

fn push_escaped(text: &str, out: &mut String) {
    let mut rest = text;
    let special = |byte: u8| matches!(byte, b'"' | b'\\' | 0..0x20);
    while let Some(at) = rest.bytes().position(special) {
        out.push_str(&rest[..at]);
        match rest.as_bytes()[at] {
            b'\x08' => out.push_str("\\b"),
            b'\x0C' => out.push_str("\\f"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            byte @ (b'"' | b'\\') => out.extend(['\\', char::from(byte)]),
            control => push_unit(u16::from(control), out),
        }
        rest = &rest[at + 1..];
    }
    out.push_str(rest);
}

fn push_unit(unit: u16, out: &mut String) {
    write!(out, "\\u{unit:04x}").expect("a String takes whatever is written");
}
