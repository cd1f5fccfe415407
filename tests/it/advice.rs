//! rustc's messages for common mistakes of newcomers: each must say what to do instead.

use std::{
    collections::BTreeMap,
    fmt::Write,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

use crate::repository::protocol::top;

/// A program with a mistake, and parts of the expected message of the compiler.
const MISTAKES: &[(&str, &str, &[&str])] = &[
    (
        "a_payload_that_is_not_unwrapped",
        "#[derive(serde::Deserialize)] struct User { name: String }
         async fn greet(user: User) -> String { user.name }
         fn main() { let _: Router = Router::new().message(\"greet\", greet); }",
        &[
            "`User` can't be a handler's parameter",
            "take the data as `Payload<User>`",
        ],
    ),
    (
        "a_result_that_is_not_wrapped",
        "#[derive(serde::Serialize)] struct User { name: String }
         async fn find() -> User { User { name: String::new() } }
         fn main() { let _: Router = Router::new().message(\"find\", find); }",
        &[
            "`User` can't be what a handler returns",
            "wrap a type that implements `serde::Serialize` in `Payload`",
        ],
    ),
    (
        "an_error_that_says_nothing_to_callers",
        "struct Odd;
         async fn fail() -> Result<u32, Odd> { Err(Odd) }
         fn main() { let _: Router = Router::new().message(\"fail\", fail); }",
        &[
            "`Odd` can't be what a handler fails with",
            "implement `IntoRpcError` for it",
        ],
    ),
    (
        "a_handler_that_cannot_change_threads",
        "async fn held() { let held = std::rc::Rc::new(1); std::future::ready(()).await; drop(held); }
         fn main() { let _: Router = Router::new().message(\"held\", held); }",
        &["future cannot be sent between threads safely", "Rc<"],
    ),
    (
        "a_router_without_its_state",
        "async fn answer(State(answer): State<u32>) -> u32 { answer }
         async fn run(listener: HostListener) { serve(listener, Router::new().message(\"answer\", answer)).await; }
         fn main() { let _ = run; }",
        &["can't be served", "becomes a `Router` with `.with_state(…)`"],
    ),
    (
        "an_address_instead_of_a_listener",
        "fn main() { let _ = serve(\"localhost:8888\", Router::new()); }",
        &[
            "is nothing to listen on",
            "`HostListener::bind(\"localhost:8888\").await?`",
        ],
    ),
    (
        "parameters_of_a_middleware_in_another_order",
        "async fn timed(next: Next, request: Request) -> Reply { next.run(request).await }
         fn main() { let _: Router = Router::new().layer(from_fn(timed)); }",
        &[
            "can't stand around handlers",
            "whose last two parameters are `Request` and `Next`",
        ],
    ),
    (
        "a_handler_that_takes_other_data_than_its_contract_says",
        "const SUM: Message<Vec<f64>, f64> = Message::new(\"sum\");
         async fn sum(Payload(text): Payload<String>) -> f64 { text.len() as f64 }
         fn main() { let _: Router = Router::new().handle_message(SUM, sum); }",
        &[
            "the contract's data is `Vec<f64>`, which `nest_wire::Payload<std::string::String>` does not take",
            "the last parameter of a contract's handler takes its data: `Payload<Vec<f64>>`",
        ],
    ),
    (
        "a_handler_that_takes_no_data_where_its_contract_has_some",
        "const SUM: Message<Vec<f64>, f64> = Message::new(\"sum\");
         async fn sum() -> f64 { 0.0 }
         fn main() { let _: Router = Router::new().handle_message(SUM, sum); }",
        &["does not keep its contract", "`Payload<Vec<f64>>`"],
    ),
    (
        "a_handler_that_returns_what_its_contract_does_not_say",
        "const SUM: Message<Vec<f64>, f64> = Message::new(\"sum\");
         async fn sum(Payload(numbers): Payload<Vec<f64>>) -> String { String::new() }
         fn main() { let _: Router = Router::new().handle_message(SUM, sum); }",
        &[
            "the contract's reply is `f64`, which `std::string::String` is not",
            "in `Payload` if it is of a type of yours, or `ReplyStreamOf<f64>`",
        ],
    ),
    (
        "a_caller_that_sends_other_data_than_its_contract_says",
        "const SUM: Message<Vec<f64>, f64> = Message::new(\"sum\");
         async fn call(client: &Client) { let _ = client.message(SUM, &\"text\").send().await; }
         fn main() { let _ = call; }",
        &["mismatched types", "expected `&Vec<f64>`, found `&&str`"],
    ),
    (
        "a_caller_that_wants_another_reply_than_its_contract_says",
        "const SUM: Message<Vec<f64>, f64> = Message::new(\"sum\");
         async fn call(client: &Client) -> String { client.message(SUM, &vec![1.0]).send().await.unwrap() }
         fn main() { let _ = call; }",
        &["mismatched types", "expected `String`, found `f64`"],
    ),
    (
        "a_middleware_that_was_not_made_a_layer",
        "async fn timed(request: Request, next: Next) -> Reply { next.run(request).await }
         fn main() { let _: Router = Router::new().layer(timed); }",
        &["can't wrap handlers", "an `async fn` becomes one with `from_fn`"],
    ),
];

const USES: &str = "#![allow(dead_code, unused_imports)]
use nest_wire::{client::Client, contract::Message};
use nest_wire::server::{HostListener, Payload, Reply, Request, Router, State, middleware::{Next, from_fn}, serve};
";

#[test]
fn who_makes_a_mistake_is_told_what_to_do_instead() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("advice");
    write_crate(&folder);
    let said = check(&folder);
    for (name, _, advice) in MISTAKES {
        let said = said.get(*name).unwrap_or_else(|| panic!("{name} compiles: {said:#?}"));
        for words in *advice {
            assert!(said.contains(words), "{words:?} is not said to {name}:\n{said}");
        }
    }
}

/// Writes a crate with a program for each mistake.
fn write_crate(folder: &Path) {
    let mut manifest = format!(
        "[package]\nname = \"advice\"\nedition = \"2024\"\n[workspace]\n[dependencies]\n\
         nest-wire.path = {:?}\nserde = {{ version = \"1\", features = [\"derive\"] }}\n",
        top()
    );
    for (name, program, _) in MISTAKES {
        let path = PathBuf::from(format!("{name}.rs"));
        write!(manifest, "[[bin]]\nname = {name:?}\npath = {path:?}\n").expect("memory does not fail");
        write(&folder.join(path), &format!("{USES}{program}\n"));
    }
    write(&folder.join("Cargo.toml"), &manifest);
    // Use the versions that this test was built with, which are already downloaded.
    write(
        &folder.join("Cargo.lock"),
        &fs::read_to_string(top().join("Cargo.lock")).expect("a lock file"),
    );
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder to write to");
    fs::write(path, text).expect("it can be written");
}

/// Returns the compiler's messages for each program.
fn check(folder: &Path) -> BTreeMap<String, String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["check", "--offline", "--keep-going", "--message-format=json"])
        .current_dir(folder)
        .env("CARGO_TARGET_DIR", folder.join("target"))
        .output()
        .expect("cargo can be run");
    let mut said = BTreeMap::new();
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        let message: Value = serde_json::from_str(line).expect("cargo writes JSON");
        if let (Some(name), Some(text)) = (
            message["target"]["name"].as_str(),
            message["message"]["rendered"].as_str(),
        ) {
            *said.entry(name.to_owned()).or_default() += text;
        }
    }
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(!said.is_empty(), "cargo has not come that far: {complaints}");
    said
}
