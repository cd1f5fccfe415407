//! The table of counts in `docs/PERFORMANCE.md`.

use std::{collections::BTreeMap, error::Error, fmt, fs, ops::Range, path::PathBuf};

/// The table stands between these two lines.
const BEGIN: &str = "<!-- counts -->";
const END: &str = "<!-- end of counts -->";
const HEAD: &str = "| work | instructions | allocations per run |\n| --- | ---: | ---: |\n";

/// The counts of one piece of work.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Figures {
    /// Instructions in user mode for each unit.
    pub(crate) instructions: Option<f64>,
    /// Allocations for each run.
    pub(crate) allocations: Option<f64>,
}

pub(crate) struct Document {
    path: PathBuf,
    text: String,
    figures: BTreeMap<String, Figures>,
}

impl Document {
    pub(crate) fn read() -> Result<Self, Box<dyn Error>> {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/PERFORMANCE.md");
        let text = fs::read_to_string(&path)?;
        let figures = text[table(&text)?].lines().filter_map(row).collect();
        Ok(Self { path, text, figures })
    }

    pub(crate) fn figures(&self, name: &str) -> Option<Figures> {
        self.figures.get(name).copied()
    }

    /// Writes the table again.
    pub(crate) fn update(&mut self, counted: &[(String, Figures)]) -> Result<(), Box<dyn Error>> {
        let cell = |count: Option<f64>| count.map(|count| format!("{count:.0}")).unwrap_or_default();
        let row = |(name, figures): &(String, Figures)| {
            format!(
                "| {name} | {} | {} |\n",
                cell(figures.instructions),
                cell(figures.allocations)
            )
        };
        let rows: String = counted.iter().map(row).collect();
        let range = table(&self.text)?;
        let mut text = self.text.clone();
        // Replace by range, not by text: an empty table is a line break like any other.
        text.replace_range(range, &format!("\n{HEAD}{rows}"));
        fs::write(&self.path, &text)?;
        print!("{rows}");
        Ok(())
    }
}

/// Returns the range of the table.
fn table(text: &str) -> Result<Range<usize>, Box<dyn Error>> {
    let begin = text.find(BEGIN).ok_or("no table of counts")? + BEGIN.len();
    let length = text[begin..].find(END).ok_or("the table of counts does not end")?;
    Ok(begin..begin + length)
}

fn row(line: &str) -> Option<(String, Figures)> {
    let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
    let [name, instructions, allocations] = cells[..] else {
        return None;
    };
    let figures = Figures {
        instructions: instructions.parse().ok(),
        allocations: allocations.parse().ok(),
    };
    Some((name.to_owned(), figures))
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = |count: Option<f64>| count.map_or_else(|| "?".to_owned(), |count| format!("{count:.0}"));
        write!(
            f,
            "{:>6} instructions, {:>4} allocations",
            count(self.instructions),
            count(self.allocations)
        )
    }
}
