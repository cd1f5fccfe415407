//! Scripts: the bytes that a peer sends, and when, in a form that a fuzzer can mutate.
//!
//! A script consists of the sent bytes, with two-byte commands in between. Commands begin with the
//! byte `FE`, which UTF-8 does not use, so most mutations keep a script valid:
//!
//! | command | effect |
//! | --- | --- |
//! | `FE \|` | ends the segment: the other side reads it before more is sent |
//! | `FE ~` | waits a second |
//! | `FE .` | closes its sending side; what follows is not sent |
//! | `FE 0` to `FE 9` | sends the id of this call (of a client session) |
//!
//! Before any other byte, or at the end, `FE` is an ordinary byte.

/// One step of a peer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Sends these bytes, as one segment.
    Send(Vec<u8>),
    /// Waits a second.
    Wait,
    /// Closes its sending side.
    Close,
}

const COMMAND: u8 = 0xFE;

/// Reads a script. The commands `FE 0` to `FE 9` send `ids`, starting over if there are fewer;
/// without ids, they send nothing.
#[must_use]
pub fn steps(script: &[u8], ids: &[String]) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut segment = Vec::new();
    let mut rest = script;
    while let Some((&byte, after)) = rest.split_first() {
        let command = (byte == COMMAND).then(|| after.first()).flatten();
        let step = match command {
            Some(b'|') => None,
            Some(b'~') => Some(Step::Wait),
            Some(b'.') => Some(Step::Close),
            Some(digit @ b'0'..=b'9') => {
                let id = ids.get(usize::from(digit - b'0') % ids.len().max(1));
                segment.extend_from_slice(id.map_or(b"", |id| id.as_bytes()));
                rest = &after[1..];
                continue;
            }
            _ => {
                segment.push(byte);
                rest = after;
                continue;
            }
        };
        rest = &after[1..];
        send(&mut steps, &mut segment);
        steps.extend(step);
        if steps.last() == Some(&Step::Close) {
            break;
        }
    }
    send(&mut steps, &mut segment);
    steps
}

fn send(steps: &mut Vec<Step>, segment: &mut Vec<u8>) {
    if !segment.is_empty() {
        steps.push(Step::Send(std::mem::take(segment)));
    }
}

/// Reads the segments of a script, without their times.
#[must_use]
pub fn segments(script: &[u8]) -> Vec<Vec<u8>> {
    let steps = steps(script, &[]).into_iter();
    steps
        .filter_map(|step| match step {
            Step::Send(segment) => Some(segment),
            Step::Wait | Step::Close => None,
        })
        .collect()
}

/// Writes the script that sends these segments.
#[must_use]
pub fn of_segments<S: AsRef<[u8]>>(segments: impl IntoIterator<Item = S>) -> Vec<u8> {
    let mut script = Vec::new();
    for segment in segments {
        if !script.is_empty() {
            script.extend_from_slice(&[COMMAND, b'|']);
        }
        script.extend_from_slice(segment.as_ref());
    }
    script
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_read_as_it_is_documented() {
        let ids = ["a".to_owned(), "b".to_owned()];
        let script = b"1#\xFE0\xFE|\xFE3\xFE\xFE~\xFEx\xFE.never";
        let expected = [
            Step::Send(b"1#a".to_vec()),
            Step::Send(b"b\xFE".to_vec()),
            Step::Wait,
            Step::Send(b"\xFEx".to_vec()),
            Step::Close,
        ];
        assert_eq!(steps(script, &ids), expected);
        assert_eq!(steps(b"\xFE5\xFE", &[]), [Step::Send(b"\xFE".to_vec())]);
    }

    #[test]
    fn segments_are_read_as_they_were_written() {
        assert_eq!(segments(&of_segments(["4#null", "1#1"])), [&b"4#null"[..], b"1#1"]);
    }
}
