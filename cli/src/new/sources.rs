//! The files of a project that depend on what was recorded.

use super::{handler::Handler, names::Names, seen::Patterns, types::Types};

pub(super) struct Sources {
    pub(super) types: String,
    pub(super) contracts: String,
    pub(super) handlers: String,
}

/// The pattern that probes send.
const HEALTH: &str = "health";

impl Sources {
    pub(super) fn of(patterns: &Patterns) -> Self {
        let mut types = Types::new();
        let mut names = Names::taken(&["router", "main"]);
        let handlers = patterns.patterns.iter();
        let handlers: Vec<Handler> = handlers
            .map(|(route, pattern)| Handler::new(route, pattern, &mut names, &mut types))
            .collect();
        let is_probed = patterns.patterns.contains_key(HEALTH);
        Self {
            types: types_file(&types.text),
            contracts: contracts_file(&handlers),
            handlers: handlers_file(&handlers, is_probed),
        }
    }
}

fn types_file(types: &str) -> String {
    let uses = if types.is_empty() {
        ""
    } else {
        "\nuse serde::{Deserialize, Serialize};\n"
    };
    format!("//! The types of what was recorded.\n{uses}{types}")
}

fn contracts_file(handlers: &[Handler]) -> String {
    let text: String = handlers.iter().map(|handler| handler.contract.as_str()).collect();
    let contracts = named(
        &text,
        &[("Event", ": Event<"), ("Message", ": Message<"), ("NoData", "<NoData")],
    );
    let pattern = if text.contains("Pattern::") {
        "\nuse nest_wire::pattern::Pattern;"
    } else {
        ""
    };
    let types = if text.contains("types::") {
        "\nuse crate::types;\n"
    } else {
        ""
    };
    format!(
        "//! The patterns that were recorded, and the types of their data and replies.\n\n\
         use nest_wire::contract::{contracts};{pattern}\n{types}{text}"
    )
}

fn handlers_file(handlers: &[Handler], is_probed: bool) -> String {
    let functions: String = handlers.iter().map(|handler| handler.function.as_str()).collect();
    let routes: String = handlers.iter().map(|handler| handler.route.as_str()).collect();
    let server = format!("{functions} Router");
    let server = named(
        &server,
        &[
            ("Payload", "Payload("),
            ("Payload", "Payload<"),
            ("Router", "Router"),
            ("reply::ReplyStreamOf", "ReplyStreamOf<"),
        ],
    );
    let ours = named(
        &format!("contracts:: {functions}"),
        &[("contracts", "contracts::"), ("types", "types::")],
    );
    let health = if is_probed {
        ""
    } else {
        "\n        .message(HEALTH, async || \"ok\")"
    };
    include_str!("template/handlers.rs")
        .replace("SERVER", &server)
        .replace("OURS", &ours)
        .replace("        // ROUTES\n", &routes)
        .replace("\n        // HEALTH", health)
        + &functions
}

/// Returns what a `use` lists: the names whose mark is in the text.
fn named(text: &str, names: &[(&str, &str)]) -> String {
    let used = names.iter().filter(|(_, mark)| text.contains(mark));
    let mut used: Vec<&str> = used.map(|(name, _)| *name).collect();
    used.dedup();
    match used.as_slice() {
        [name] => (*name).to_owned(),
        names => format!("{{{}}}", names.join(", ")),
    }
}
