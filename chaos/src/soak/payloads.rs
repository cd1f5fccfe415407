//! Texts of all sizes, from empty to 1 MB, of one to four bytes a character.

use fastrand::Rng;

/// Texts that are made once, because making them takes longer than sending them.
#[derive(Debug)]
pub(super) struct Payloads {
    small: Vec<String>,
    large: Vec<String>,
}

const CHARACTERS: [&str; 4] = ["x", "é\"\\\n", "求和", "🦀"];

impl Payloads {
    pub(super) fn new() -> Self {
        let of_sizes = |sizes: &[usize]| {
            let text = |(size, character): (usize, &str)| character.repeat(size / character.len());
            let all = sizes
                .iter()
                .flat_map(|size| CHARACTERS.map(|character| (*size, character)));
            all.map(text).collect()
        };
        Self {
            small: of_sizes(&[0, 8, 100, 1_000, 4_000]),
            large: of_sizes(&[10_000, 64_000, 66_000, 300_000, 1_000_000]),
        }
    }

    pub(super) fn draw(&self, is_large: bool, random: &mut Rng) -> &str {
        let texts = if is_large { &self.large } else { &self.small };
        &texts[random.usize(..texts.len())]
    }
}
