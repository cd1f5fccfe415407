//! The steps of `docs/CONTRACT_TESTS.md` and of the GitHub Action, run as they are printed: real
//! Nest on both sides first, then Rust in the place of the service.
#![cfg(unix)]

use std::{env, ffi::OsString, fs, net::TcpListener, path::Path};

use nest_wire::{Payload, Router};
use nest_wire_harness::{App, Harness, Service};
use tokio::process::Command;

use crate::{
    command::service_at,
    running::{folder, path},
};

/// The ports of the document and those of this test.
struct Ports {
    user: u16,
    proxy: u16,
    main: u16,
}

impl Ports {
    fn free() -> Self {
        // All at the same time, so that they differ.
        let sockets = [(); 3].map(|()| TcpListener::bind("127.0.0.1:0").expect("a free port"));
        let [user, proxy, main] = sockets.map(|socket| socket.local_addr().expect("an address").port());
        Self { user, proxy, main }
    }

    fn put_into(&self, script: &str) -> String {
        script
            .replace("8888", &self.user.to_string())
            .replace("--listen 8889", &format!("--listen 127.0.0.1:{}", self.proxy))
            .replace("8889", &self.proxy.to_string())
            .replace("3000", &self.main.to_string())
            .replace("localhost", "127.0.0.1")
    }
}

fn checkout() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a checkout")
}

/// Returns the shell blocks of the document, in order.
fn steps() -> Vec<String> {
    let document = fs::read_to_string(checkout().join("docs/CONTRACT_TESTS.md")).expect("the document");
    let blocks = document.split("```sh\n").skip(1);
    blocks
        .map(|block| block.split("```").next().expect("an end").to_owned())
        .collect()
}

/// Returns the scripts of the action, in order.
fn scripts() -> Vec<String> {
    let action = fs::read_to_string(checkout().join(".github/actions/contract/action.yml")).expect("the action");
    let mut scripts = Vec::new();
    for part in action.split("      run: |\n").skip(1) {
        let lines = part.lines().map_while(|line| line.strip_prefix("        "));
        scripts.push(lines.map(|line| format!("{line}\n")).collect());
    }
    scripts
}

/// Runs a script in a folder, with the binary on the path. Returns what it printed.
async fn run(script: &str, folder: &Path, variables: &[(&str, &str)]) -> String {
    let output = Command::new("bash")
        .args(["-e", "-c", script])
        .current_dir(folder)
        .env("PATH", path_with_binary())
        .envs(variables.iter().copied())
        .output()
        .await
        .expect("a shell");
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{script}\n{printed}{errors}");
    printed
}

fn path_with_binary() -> OsString {
    let binary = Path::new(env!("CARGO_BIN_EXE_nest-wire")).parent().expect("a folder");
    let path = env::var_os("PATH").unwrap_or_default();
    env::join_paths([binary.to_owned()].into_iter().chain(env::split_paths(&path))).expect("a path")
}

async fn start(harness: &Harness, app: App, arguments: &[&str]) -> Service {
    let mut command = harness.node(app, 12);
    command.args(["--host", "127.0.0.1"]).args(arguments);
    Service::start(format!("{app:?}"), command).await.expect("it starts")
}

fn rust_user() -> Router {
    async fn sum(Payload(numbers): Payload<Vec<f64>>) -> f64 {
        numbers.iter().sum()
    }
    Router::new().message("sum", sum).event("log", async || {})
}

#[tokio::test]
async fn the_steps_of_the_document_and_of_the_action_hold_as_they_are_printed() {
    let folder = folder("contract-tests");
    let ports = Ports::free();
    let steps: Vec<String> = steps().iter().map(|step| ports.put_into(step)).collect();
    let [record, use_it, stop, replay, stand_in, use_it_again, stop_it] = &steps[..] else {
        panic!("{} steps", steps.len());
    };
    let harness = Harness::find().expect("a checkout");
    harness.install(&[12], |_| {}).await.expect("Nest is installed");
    let (user, proxy, main) = (ports.user.to_string(), ports.proxy.to_string(), ports.main.to_string());

    // Record: the steps share a shell, as a reader's do.
    let nest_user = start(&harness, App::User, &["--port", &user]).await;
    let main_arguments = ["--port", &main, "--user-host", "127.0.0.1", "--user-port", &proxy];
    let nest_main = start(&harness, App::Main, &main_arguments).await;
    let printed = run(&format!("{record}{use_it}{stop}"), &folder, &[]).await;
    assert!(printed.starts_with("14\n"), "{printed}");
    assert!(printed.contains("\nsum "), "{printed}");
    nest_user.kill().await.expect("it ends");

    // Hold Rust to it, by hand and by the action.
    let address = format!("127.0.0.1:{user}");
    service_at(&address, rust_user()).await.expect("the port is free again");
    let printed = run(replay, &folder, &[]).await;
    assert!(printed.starts_with("1 call, 1 as recorded, 0 differ"), "{printed}");
    let variables = path(&folder, "variables");
    let [install, replay] = &scripts()[..] else {
        panic!("two scripts");
    };
    let binary = env!("CARGO_BIN_EXE_nest-wire");
    run(
        install,
        &folder,
        &[("BINARY", binary), ("ACTION", "."), ("GITHUB_ENV", &variables)],
    )
    .await;
    let variables = fs::read_to_string(variables).expect("variables");
    assert_eq!(variables, format!("NEST_WIRE={binary}\n"));
    let inputs = [
        ("NEST_WIRE", binary),
        ("RECORDING", "contracts/user.jsonl"),
        ("TO", &address),
        ("WAIT", "60s"),
        ("JUNIT", "contract.xml"),
        ("ARGUMENTS", "--ignore /response/at --compare bytes"),
    ];
    run(replay, &folder, &inputs).await;
    assert!(folder.join("contract.xml").is_file() && folder.join("user.xml").is_file());

    // Stand in for the service: Nest's main still calls the same port.
    let printed = run(&format!("{stand_in}{use_it_again}{stop_it}"), &folder, &[]).await;
    assert!(printed.starts_with("14\n"), "{printed}");
    nest_main.kill().await.expect("it ends");
}
