//! Checks `docs/COMPARISON.md` and `docs/guide/`: each row about this crate has a test, and each
//! recipe is the text of its example.

use std::fs;

use crate::repository::protocol::{all_text, quoted, top};

#[test]
fn every_row_of_the_comparison_names_a_test_that_exists() {
    let text = read("docs/COMPARISON.md");
    let table = text.split_once("# Beside others").expect("the table of features").1;
    let rows: Vec<&str> = table
        .lines()
        .skip_while(|line| !line.starts_with("| --- "))
        .skip(1)
        .take_while(|line| line.starts_with("| "))
        .collect();
    assert!(rows.len() > 20, "{} rows", rows.len());
    let sources = all_text(&["src", "tests", "cli", "compat-tests/tests"], "rs");
    let dense: String = sources.split_whitespace().collect();
    for row in rows {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        assert_eq!(cells.len(), 10, "{row}");
        let tests: Vec<&str> = quoted(cells[9], '`').collect();
        assert!(!tests.is_empty(), "no test: {row}");
        for test in tests {
            let is_there = sources.contains(&format!("fn {test}(")) || dense.contains(&format!("!({test},"));
            assert!(is_there, "no test `{test}`: {row}");
        }
    }
}

#[test]
fn the_recipes_of_the_guide_are_those_of_the_example() {
    let chapters = ["guards", "pipes", "interceptors", "errors"];
    let guide = chapters
        .map(|chapter| read(&format!("docs/guide/{chapter}.md")))
        .concat();
    let mut shown = Vec::new();
    for part in guide.split("<!-- ").skip(1) {
        let (file, rest) = part.split_once(" -->\n```rust\n").expect("a file and its text");
        let (recipe, _) = rest.split_once("\n```").expect("the end of the text");
        let source = read(file);
        let (_, body) = source.split_once("\n\n").expect("a first comment");
        assert_eq!(recipe, body.trim_end(), "{file}");
        shown.push(file);
    }
    let of_example = |name: &str| format!("examples/coming_from_nest/{name}.rs");
    assert_eq!(shown, ["guard", "pipe", "interceptor", "filter"].map(of_example));
}

#[test]
fn the_files_that_the_architecture_leads_through_exist() {
    let text = read("docs/ARCHITECTURE.md");
    let (_, rest) = text.split_once("## Where things happen").expect("the section");
    let (section, _) = rest.split_once("\n## ").expect("its end");
    let files = quoted(section, '`').filter(|name| name.contains('/') && name.ends_with(".rs"));
    let files: Vec<&str> = files.map(|file| file.trim_start_matches("src/")).collect();
    assert!(files.len() > 30, "{} files", files.len());
    for file in files {
        assert!(top().join("src").join(file).is_file(), "there is no src/{file}");
    }
}

/// The dependencies of every user of the crate, besides the standard library. Features that are off
/// bring the others.
const LEAN: &[&str] = &[
    "arrayvec",
    "bytes",
    "bytestring",
    "fastrand",
    "foldhash",
    "futures-util",
    "http",
    "icu_collator",
    "icu_locale_core",
    "indexmap",
    "itoa",
    "memchr",
    "ryu-js",
    "serde",
    "serde_json",
    "serde_path_to_error",
    "simdutf8",
    "slab",
    "socket2",
    "thiserror",
    "tokio",
    "tokio-util",
    "tower-layer",
    "tower-service",
    "tracing",
];

#[test]
fn without_features_the_library_needs_no_more_than_it_did() {
    let manifest = read("Cargo.toml");
    assert!(manifest.contains("\ndefault = []\n"), "no feature is on by default");
    let (_, dependencies) = manifest.split_once("\n[dependencies]\n").expect("the dependencies");
    let (dependencies, _) = dependencies.split_once("\n[").expect("more after them");
    let needed = dependencies.lines().filter(|line| !line.contains("optional = true"));
    let names: Vec<&str> = needed
        .filter_map(|line| line.split([' ', '.']).next())
        .filter(|name| !name.is_empty() && *name != "#")
        .collect();
    assert_eq!(names, LEAN);
    // Dependencies of our own tests do not reach users.
    let of_systems = manifest.split("\n[target.").skip(1);
    let of_systems: Vec<&str> = of_systems
        .filter(|table| {
            !table
                .lines()
                .next()
                .is_some_and(|line| line.ends_with(".dev-dependencies]"))
        })
        .collect();
    assert!(
        matches!(of_systems[..], [linux] if linux.starts_with("'cfg(target_os = \"linux\")'.dependencies]\nnix = "))
    );
}

fn read(path: &str) -> String {
    fs::read_to_string(top().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}
