//! Checks that the arrows between the crate's modules point one way (`docs/ARCHITECTURE.md` draws
//! them).

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// The layers that each layer may use.
const LAYERS: &[(&str, &[&str])] = &[
    ("codec", &[]),
    ("compat", &[]),
    ("json", &[]),
    ("pattern", &["compat", "json"]),
    ("contract", &["json", "pattern"]),
    ("packet", &["compat", "json", "pattern"]),
    ("telemetry", &[]),
    ("connection", &["codec", "packet", "telemetry"]),
    ("tls", &[]),
    (
        "server",
        &[
            "compat",
            "connection",
            "contract",
            "packet",
            "pattern",
            "json",
            "tls",
            "telemetry",
        ],
    ),
    (
        "client",
        &[
            "compat",
            "connection",
            "contract",
            "packet",
            "pattern",
            "json",
            "tls",
            "telemetry",
        ],
    ),
    ("in_memory", &["client", "server"]),
    ("forward", &["client", "packet", "server"]),
    ("guide", &[]),
    ("recording", &["compat", "connection", "packet", "codec", "json"]),
];

#[test]
fn no_arrow_runs_upward() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut upward = Vec::new();
    for (layer, may_use) in LAYERS {
        for file in files_of(&src, layer) {
            let text = fs::read_to_string(&file).expect("a source file");
            let used = used_layers(&text);
            let not_allowed = used
                .iter()
                .filter(|used| *used != *layer && !may_use.contains(&used.as_str()));
            upward.extend(not_allowed.map(|used| format!("{} uses {used}", file.display())));
        }
    }
    assert!(upward.is_empty(), "{upward:#?}");
}

/// The parts of the server that brokers use as well as TCP does.
const WITHOUT_CONNECTION: &[&str] = &[
    "contract",
    "exchange",
    "extract",
    "handler",
    "middleware.rs",
    "reply",
    "request.rs",
    "routing",
];

#[test]
fn what_handles_a_request_knows_no_connection() {
    let server = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/server");
    let mut faults = Vec::new();
    for part in WITHOUT_CONNECTION.iter().map(|part| server.join(part)) {
        for file in if part.is_dir() { rust_files(&part) } else { vec![part] } {
            let text = fs::read_to_string(&file).expect("a source file");
            let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
            let code = code.collect::<Vec<_>>().join("\n");
            for connected in [
                "session::",
                "serve::",
                "listen::",
                "limits::",
                "connection::{",
                "connection::Conn",
            ] {
                if code.contains(connected) {
                    faults.push(format!("{} uses {connected}", file.display()));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn every_module_is_in_a_layer() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let entries = fs::read_dir(src).expect("the sources");
    let names: BTreeSet<String> = entries
        .map(|entry| entry.expect("an entry").path())
        .map(|path| path.file_stem().expect("a name").to_string_lossy().into_owned())
        .filter(|name| name != "lib")
        .collect();
    let layers: BTreeSet<String> = LAYERS.iter().map(|(layer, _)| (*layer).to_owned()).collect();
    assert_eq!(names, layers);
}

#[test]
fn the_crate_root_defines_nothing() {
    let root = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).expect("the root");
    let definitions = [
        "fn ",
        "struct ",
        "enum ",
        "trait ",
        "impl ",
        "const ",
        "static ",
        "type ",
        "macro_rules!",
    ];
    for line in root.lines().filter(|line| !line.starts_with("//")) {
        let item = line.trim_start().trim_start_matches("pub ");
        assert!(
            !definitions.iter().any(|it| item.starts_with(it)),
            "lib.rs defines something: {line}"
        );
    }
}

/// Returns the layers that a file names, in `use crate::{…}` of any shape and in paths. Comments
/// may name any layer.
fn used_layers(text: &str) -> BTreeSet<String> {
    let is_code = |line: &&str| !line.trim_start().starts_with("//");
    let code: Vec<&str> = text.lines().filter(is_code).collect();
    let mut used = BTreeSet::new();
    for after in code.join("\n").split("crate::").skip(1) {
        match after.strip_prefix('{') {
            Some(group) => used.extend(top_level_names(group)),
            None => used.extend(first_name(after)),
        }
    }
    used
}

/// Returns the first name of each member of a `{…}` group, whose opening brace has been removed.
fn top_level_names(group: &str) -> Vec<String> {
    let mut depth = 1;
    let mut names = Vec::new();
    let mut member = String::new();
    for c in group.chars() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 || (depth == 1 && c == ',') {
            names.extend(first_name(member.trim()));
            member.clear();
        } else {
            member.push(c);
        }
        if depth == 0 {
            break;
        }
    }
    names
}

fn first_name(path: &str) -> Option<String> {
    let name: String = path.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    let is_layer = LAYERS.iter().any(|(layer, _)| *layer == name);
    is_layer.then_some(name)
}

/// Returns the files of a layer, which is a folder or a file.
fn files_of(src: &Path, layer: &str) -> Vec<PathBuf> {
    let file = src.join(layer).with_extension("rs");
    if file.is_file() {
        vec![file]
    } else {
        rust_files(&src.join(layer))
    }
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a layer's folder");
    let mut files = Vec::new();
    for path in entries.map(|entry| entry.expect("an entry").path()) {
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}

#[test]
fn the_reader_of_use_lines_sees_all_their_shapes() {
    let text = "use crate::codec::Frame;\nuse crate::{json, packet::{RawJson, x}, pattern::Route};\nlet a = crate::server::x();";
    let used: Vec<_> = used_layers(text).into_iter().collect();
    assert_eq!(used, ["codec", "json", "packet", "pattern", "server"]);
}
