//! Counts words in the library's comments. CONTRIBUTING has the rules, `docs/ARCHITECTURE.md` the
//! glossary.
//!
//! ```text
//! cargo test -p nest-wire --test it prose -- --nocapture
//! ```

use std::{fs, path::Path};

const MAX_COLUMNS: usize = 100;

/// Things neither hear nor tell: a caller receives an error, a task is woken, an event is logged.
const GOSSIP: &[&str] = &["tell", "tells", "told", "hear", "hears", "heard", "whoever", "whom"];

#[derive(Debug, Default)]
struct Counts {
    words: usize,
    returns: usize,
    gossip: usize,
    links: usize,
    too_wide: Vec<String>,
}

impl Counts {
    fn per_thousand(&self, count: usize) -> f64 {
        1000.0 * count as f64 / self.words as f64
    }

    /// Counts a line's words, but not those of an example.
    fn add(&mut self, comment: &str) {
        for word in comment
            .split(|c: char| !c.is_alphanumeric() && c != '_')
            .filter(|word| !word.is_empty())
        {
            let word = word.to_lowercase();
            self.words += 1;
            self.returns += usize::from(word == "returns");
            self.gossip += usize::from(GOSSIP.contains(&word.as_str()));
            self.links += usize::from(word == "link" || word == "links");
        }
    }

    fn add_file(&mut self, path: &Path) {
        let text = fs::read_to_string(path).expect("a source");
        let mut is_example = false;
        for (number, line) in text.lines().enumerate() {
            let Some(comment) = line.trim_start().strip_prefix("//") else {
                continue;
            };
            let comment = comment.trim_start_matches(['/', '!']).trim();
            if comment.starts_with("```") {
                is_example = !is_example;
            } else if !is_example {
                self.add(comment);
                // A row of a table is one line, and a link's target is one word.
                if line.chars().count() > MAX_COLUMNS && comment.contains(' ') && !comment.starts_with('|') {
                    self.too_wide.push(format!("{}:{}", path.display(), number + 1));
                }
            }
        }
    }

    fn add_folder(&mut self, folder: &Path) {
        for entry in fs::read_dir(folder).expect("a folder of sources") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                self.add_folder(&path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                self.add_file(&path);
            }
        }
    }
}

#[test]
fn comments_are_plain_english() {
    let mut counts = Counts::default();
    counts.add_folder(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    let [returns, gossip, links] =
        [counts.returns, counts.gossip, counts.links].map(|count| counts.per_thousand(count));
    println!(
        "{} words; of 1,000: {returns:.1} Returns, {gossip:.2} gossip, {links:.2} link",
        counts.words
    );
    assert!(returns >= 3.0, "functions say what they return: {returns:.1}");
    assert!(gossip <= 0.1, "things do not hear or tell: {gossip:.2}");
    assert!(links <= 0.2, "the word is connection: {links:.2}");
    assert!(
        counts.too_wide.is_empty(),
        "over {MAX_COLUMNS} columns: {:#?}",
        counts.too_wide
    );
}
