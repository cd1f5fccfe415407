//! A corpus as one text file, with one input per line, escaped as in a Rust byte string.

/// Writes inputs as lines.
#[must_use]
pub fn pack<I: AsRef<[u8]>>(inputs: impl IntoIterator<Item = I>) -> String {
    let lines = inputs
        .into_iter()
        .map(|input| format!("{}\n", input.as_ref().escape_ascii()));
    lines.collect()
}

/// Reads the inputs that [`pack`] wrote.
///
/// # Panics
/// Panics if a line is malformed.
#[must_use]
pub fn unpack(packed: &str) -> Vec<Vec<u8>> {
    packed
        .lines()
        .map(|line| unescape(line).unwrap_or_else(|| panic!("not an escaped input: {line}")))
        .collect()
}

fn unescape(line: &str) -> Option<Vec<u8>> {
    let mut bytes = line.bytes();
    let mut input = Vec::new();
    while let Some(byte) = bytes.next() {
        input.push(match byte {
            b'\\' => match bytes.next()? {
                b'n' => b'\n',
                b'r' => b'\r',
                b't' => b'\t',
                b'x' => digit(bytes.next()?)? << 4 | digit(bytes.next()?)?,
                quoted @ (b'\\' | b'\'' | b'"') => quoted,
                _ => return None,
            },
            byte => byte,
        });
    }
    Some(input)
}

fn digit(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_input_is_a_line() {
        let inputs = [(0..=255).collect(), b"\n\\x\"'".to_vec(), Vec::new()];
        let packed = pack(&inputs);
        assert_eq!(packed.lines().count(), inputs.len());
        assert_eq!(unpack(&packed), inputs);
    }
}
