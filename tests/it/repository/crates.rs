//! Counts the crates of a default build, whose number is a part of its price.

use std::{collections::BTreeSet, process::Command};

/// Maximum number of crates that a default build compiles beside this one. `docs/PERFORMANCE.md` has
/// it beside that of other crates. The collation of the keys in routes takes 35 of them.
const MAX_CRATES: usize = 80;

#[test]
fn a_default_build_compiles_no_more_crates_than_before() {
    let tree = Command::new(env!("CARGO"))
        .args(["tree", "--package", "nest-wire", "--edges", "normal,build"])
        .args(["--prefix", "none", "--format", "{p}", "--locked"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    let tree = String::from_utf8(tree.stdout).expect("text");
    let crates: BTreeSet<&str> = tree.lines().filter_map(|line| line.split(" (").next()).collect();
    assert!(crates.iter().any(|name| name.starts_with("nest-wire ")), "{tree}");
    let others = crates.len() - 1;
    assert!(others <= MAX_CRATES, "{others} crates: {crates:#?}");
}
