//! Checks `docs/PROTOCOL.md`: each clause, and each difference between the majors, names its
//! proofs, and each proof exists.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// Returns the document, split where the table of proofs begins.
fn clauses_and_proofs() -> (String, String) {
    let text = fs::read_to_string(top().join("docs/PROTOCOL.md")).expect("the document");
    let (clauses, proofs) = text.split_once("## §9").expect("the table of proofs");
    (clauses.to_owned(), proofs.to_owned())
}

pub(crate) fn top() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn every_clause_has_a_proof() {
    let (clauses, proofs) = clauses_and_proofs();
    let numbers = |text: &str, prefix: &str| -> BTreeSet<String> {
        let number = |line: &str| line.strip_prefix(prefix)?.split(' ').next().map(str::to_owned);
        let is_clause =
            |number: &String| number.contains('.') && number.chars().all(|c| c.is_ascii_digit() || c == '.');
        text.lines().filter_map(number).filter(is_clause).collect()
    };
    assert_eq!(numbers(&clauses, ""), numbers(&proofs, "| "));
}

#[test]
fn every_difference_between_the_majors_has_a_proof() {
    let (clauses, proofs) = clauses_and_proofs();
    let differences = clauses.split_once("\n| what | 7.6").expect("the table of majors").1;
    let proven = proofs
        .split_once("\n| row | proof")
        .expect("the table of their proofs")
        .1;
    let names = |table: &str| -> Vec<String> {
        let rows = table.lines().skip(2).map_while(cells);
        rows.map(|(name, _)| name.to_owned()).collect()
    };
    assert!(!names(differences).is_empty());
    assert_eq!(names(differences), names(proven));
}

#[test]
fn every_proof_exists() {
    let (_, proofs) = clauses_and_proofs();
    let sources = all_text(&["src", "tests", "cli", "compat-tests/tests"], "rs");
    // The arguments of a macro may be on lines of their own.
    let dense: String = sources.split_whitespace().collect();
    let cases = all_text(&["compat-tests/cases"], "jsonl");
    for (name, proof) in proofs.lines().filter_map(cells) {
        let is_proven = proof.contains(['`', '"']) || ["proof", "---"].contains(&proof);
        assert!(is_proven, "no proof of {name}");
        for test in quoted(proof, '`') {
            let is_there = sources.contains(&format!("fn {test}(")) || dense.contains(&format!("!({test},"));
            assert!(is_there, "no test `{test}`");
        }
        for case in quoted(proof, '"') {
            assert!(cases.contains(&format!("[\"{case}\"")), "no case \"{case}\"");
        }
    }
}

/// Returns the first cell of a table's row, and the other cells.
fn cells(row: &str) -> Option<(&str, &str)> {
    row.strip_prefix("| ")?.strip_suffix(" |")?.split_once(" | ")
}

pub(crate) fn quoted(row: &str, quote: char) -> impl Iterator<Item = &str> {
    row.split(quote).skip(1).step_by(2)
}

pub(crate) fn all_text(folders: &[&str], extension: &str) -> String {
    let files = folders.iter().flat_map(|folder| files(&top().join(folder)));
    let wanted = files.filter(|file| file.extension().is_some_and(|it| it == extension));
    wanted.map(|file| fs::read_to_string(file).expect("a source")).collect()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    paths
        .flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] })
        .collect()
}
