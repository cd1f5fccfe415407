//! A small mutator, for runs without libFuzzer.

use fastrand::Rng;

/// Makes new inputs from those of a corpus. The same seed gives the same inputs.
#[derive(Debug)]
pub struct Mutator(Rng);

/// Maximum length of a new input, in bytes.
const MAX_INPUT_BYTES: usize = 4096;

/// Pieces that mutations insert.
const TOKENS: &[&[u8]] = &[
    b"\xFE|",
    b"\xFE~",
    b"\xFE.",
    b"\xFE0",
    b"\xFE1",
    b"#",
    b"0#",
    b"-1#",
    b"1#1",
    b"4#null",
    b"99999999999#",
    b"x#",
    b"\"",
    b"\\",
    b"\\u",
    b"\\ud83d",
    b"\\ude00",
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b"{}",
    b"[]",
    b"null",
    b"true",
    b"1e3",
    b"1e999",
    b"-0",
    b"\"id\":",
    b"\"pattern\":",
    b"\"data\":",
    b"\"metadata\":",
    b"\"err\":",
    b"\"response\":",
    b"\"isDisposed\":",
    b"\"status\":",
    b"\"large\"",
    b"\"spawned\"",
    b"\"ticks\"",
    b"\"stream-slow\"",
    b"\"__proto__\":",
    b"\n",
    b" ",
    b"\xEF\xBB\xBF",
    "😀".as_bytes(),
    "求".as_bytes(),
    b"\xF0\x9F",
    b"\x80",
    b"\xED\xA0\x80",
];

impl Mutator {
    /// Makes a mutator with this seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(Rng::with_seed(seed))
    }

    /// Makes an input from one or two of these.
    ///
    /// # Panics
    /// Panics if the corpus is empty.
    pub fn mutate(&mut self, corpus: &[Vec<u8>]) -> Vec<u8> {
        let mut input = self.any(corpus).clone();
        for _ in 0..self.0.u8(1..6) {
            self.change(&mut input, corpus);
        }
        input.truncate(MAX_INPUT_BYTES);
        input
    }

    fn any<'c>(&mut self, corpus: &'c [Vec<u8>]) -> &'c Vec<u8> {
        self.0.choice(corpus).expect("there is an input")
    }

    fn change(&mut self, input: &mut Vec<u8>, corpus: &[Vec<u8>]) {
        let at = self.0.usize(0..=input.len());
        let end = (at + self.0.usize(0..=16)).min(input.len());
        match self.0.u8(0..8) {
            0 | 1 => insert(input, at, self.0.choice(TOKENS).expect("there are tokens")),
            2 => drop(input.drain(at..end)),
            3 => {
                let part = input[at..end].to_vec();
                insert(input, self.0.usize(0..=input.len()), &part);
            }
            4 => {
                let other = self.any(corpus);
                let from = self.0.usize(0..=other.len());
                input.truncate(at);
                input.extend_from_slice(&other[from..]);
            }
            5 => self.change_number(input, at),
            _ => {
                if let Some(byte) = input.get_mut(at) {
                    *byte ^= 1 << self.0.u8(0..8);
                }
            }
        }
    }

    /// Changes the first digit after `from`: a nearly right header tests more than a wrong one.
    fn change_number(&mut self, input: &mut [u8], from: usize) {
        if let Some(digit) = input[from..].iter_mut().find(|byte| byte.is_ascii_digit()) {
            *digit = self.0.u8(b'0'..=b'9');
        }
    }
}

fn insert(input: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    input.splice(at..at, bytes.iter().copied());
}
