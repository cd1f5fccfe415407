//! A project with Nest's services in it, where steps of workflows run as on a runner of GitHub.
#![cfg(unix)]

use std::{
    fs,
    os::unix::{fs::PermissionsExt, process::ExitStatusExt},
    path::{Path, PathBuf},
    process::Stdio,
};

use nest_wire_harness::{App, Harness};
use tokio::{io::AsyncReadExt, net::TcpSocket, process::Command};

use crate::{
    command::Ended,
    documents::{document, path_with_binary},
    running::folder,
    steps::{Step, inputs_of, read},
};

const MAJOR: u8 = 12;
/// The ports of the document.
const DOCUMENTED: [&str; 3] = ["3000", "8888", "8889"];
/// Tests the caller as a team would: through HTTP. A path of `PATHS` is asked at a time.
const TESTS: &str = "
import { spawn } from 'node:child_process';
const env = { ...process.env, USER_PORT: '8888' };
const main = spawn('sh', ['-c', 'exec npm run start:main'], { env, stdio: ['ignore', 'inherit', 'inherit'] });
let isUp = false;
while (!isUp && main.exitCode === null) isUp = await fetch('http://localhost:3000/').then(() => true, () => false);
for (const path of (process.env.PATHS ?? '/sum?num=3,5,6').split(' ')) {
  const response = await fetch(`http://localhost:3000${path}`);
  console.log(path, response.status, await response.text());
}
main.kill();
";

/// A project with Nest's services, and the documented ports as ports of its own.
pub(crate) struct Project {
    pub(crate) folder: PathBuf,
    ports: Vec<(&'static str, TcpSocket)>,
}

impl Project {
    pub(crate) async fn new(name: &str) -> Self {
        let harness = Harness::find().expect("a checkout");
        harness.install(&[MAJOR], |_| {}).await.expect("Nest is installed");
        let ports = DOCUMENTED.map(|port| (port, reserved()));
        let folder = folder(name);
        let project = Self {
            folder,
            ports: ports.into(),
        };
        let scripts = serde_json::json!({"type": "module", "scripts": {
            "start:user": shell_line(&harness, App::User, "--host localhost --port ${USER_PORT:-8888}"),
            "start:main": shell_line(&harness, App::Main, "--host localhost --port 3000 --user-port ${USER_PORT:-8888}"),
            "test": "node test.mjs",
        }});
        project.write("package.json", &scripts.to_string());
        project.write("package-lock.json", r#"{"lockfileVersion": 3, "packages": {"": {}}}"#);
        project.write("test.mjs", TESTS);
        project.program("target/release/user", "exec nest-wire demo-service user \"$@\"");
        // What is built is there already. `cargo install` puts a program where it is wanted.
        let binary = env!("CARGO_BIN_EXE_nest-wire");
        project.program(
            "bin/cargo",
            &format!("echo \"cargo $*\"\n[ $1 != install ] || cp '{binary}' \"${{@: -1}}/bin/nest-wire\""),
        );
        assert_eq!(project.shell("git init --quiet", &[]).await.status, Some(0));
        project
    }

    fn port(&self, documented: &str) -> String {
        let (_, socket) = self
            .ports
            .iter()
            .find(|(port, _)| *port == documented)
            .expect(documented);
        socket.local_addr().expect("bound").port().to_string()
    }

    fn with_ports(&self, text: &str) -> String {
        let ports = self.ports.iter();
        ports.fold(text.to_owned(), |text, (port, _)| text.replace(port, &self.port(port)))
    }

    pub(crate) fn write(&self, file: &str, text: &str) {
        let path = self.folder.join(file);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, self.with_ports(text)).expect("a file");
    }

    pub(crate) fn read(&self, file: &str) -> String {
        fs::read_to_string(self.folder.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
    }

    fn program(&self, file: &str, script: &str) {
        self.write(file, &format!("#!/usr/bin/env bash\n{script}\n"));
        let mode = fs::Permissions::from_mode(0o755);
        fs::set_permissions(self.folder.join(file), mode).expect("a mode");
    }

    /// Runs a script as a step of GitHub Actions runs, and ends all that it has started.
    pub(crate) async fn shell(&self, script: &str, variables: &[(String, String)]) -> Ended {
        let added = fs::read_to_string(self.folder.join("added-paths")).unwrap_or_default();
        let paths: Vec<PathBuf> = added.lines().map(PathBuf::from).collect();
        let mut command = Command::new("bash");
        command
            .args(["--noprofile", "--norc", "-eo", "pipefail", "-c"])
            .arg(format!("exec 2>&1\n{}", self.with_ports(script)))
            .current_dir(&self.folder)
            .env(
                "PATH",
                path_with_binary(&[&paths[..], &[self.folder.join("bin")]].concat()),
            )
            .env("GITHUB_PATH", self.folder.join("added-paths"))
            .env("GITHUB_STEP_SUMMARY", self.folder.join("summary.md"))
            .env("RUNNER_TEMP", &self.folder)
            .envs(variables.iter().cloned())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true);
        let mut child = command.spawn().expect("bash");
        let group = child.id().expect("it runs");
        let mut stdout = child.stdout.take().expect("a pipe");
        let printed = tokio::spawn(async move {
            let mut printed = String::new();
            stdout.read_to_string(&mut printed).await.expect("text");
            printed
        });
        let status = child.wait().await.expect("it ends");
        let mut kill = Command::new("kill");
        kill.args(["-KILL", "--", &format!("-{group}")]).stderr(Stdio::null());
        // There is no such group if nothing was left.
        let _ = kill.status().await;
        Ended {
            status: status.code().or(status.signal().map(|signal| 128 + signal)),
            // The pipe ends when the last process has ended.
            stdout: printed.await.expect("it does not panic"),
            stderr: String::new(),
        }
    }

    /// Runs a step of a workflow: a script, or the action.
    pub(crate) async fn step(&self, step: &Step) -> Ended {
        let is_action = |uses: &str| uses.contains("/.github/actions/contract@");
        match (step.field("run"), step.field("uses")) {
            (Some(script), _) => self.shell(script, &[]).await,
            (None, Some(uses)) if is_action(uses) => self.action(&step.fields_of("with")).await,
            // Actions of GitHub, which need GitHub.
            (None, uses) => {
                assert!(uses.is_some_and(|uses| uses.starts_with("actions/")), "{step:?}");
                Ended::well("")
            }
        }
    }

    /// Runs the steps of the action with these inputs, up to the first that fails.
    pub(crate) async fn action(&self, inputs: &[(String, String)]) -> Ended {
        let action = read(&document(".github/actions/contract/action.yml"));
        let known = inputs_of(&action);
        for (name, _) in inputs {
            assert!(known.iter().any(|(known, _)| known == name), "no input {name}");
        }
        let value = |name: &str| {
            let given = inputs.iter().chain(&known).find(|(input, _)| input == name);
            given
                .map(|(_, value)| value.clone())
                .unwrap_or_else(|| panic!("no input {name}"))
        };
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.github/actions/contract");
        let mut all = Ended::well("");
        let _ = fs::remove_file(self.folder.join("added-paths"));
        for step in Step::all(&action) {
            let mut variables = vec![("GITHUB_ACTION_PATH".to_owned(), folder.display().to_string())];
            for (name, expression) in step.fields_of("env") {
                let input = expression
                    .strip_prefix("${{ inputs.")
                    .and_then(|rest| rest.strip_suffix(" }}"));
                variables.push((name, self.with_ports(&value(input.expect("an input")))));
            }
            let ended = self.shell(step.field("run").expect("a script"), &variables).await;
            all.stdout += &ended.stdout;
            all.status = ended.status;
            if ended.status != Some(0) {
                break;
            }
        }
        all
    }
}

/// Returns a socket that keeps a free port: it is bound and does not listen, so that those who share
/// the address may.
pub(crate) fn reserved() -> TcpSocket {
    loop {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_reuseaddr(true).expect("an option");
        let address = "127.0.0.1:0".parse().expect("an address");
        socket.bind(address).expect("a free port");
        let port = socket.local_addr().expect("bound").port().to_string();
        // Ports are replaced as texts: one must not contain another.
        if DOCUMENTED.iter().all(|documented| !port.contains(documented)) {
            return socket;
        }
    }
}

/// Returns a line of the shell that becomes a service of Nest.
fn shell_line(harness: &Harness, app: App, arguments: &str) -> String {
    let command = harness.node(app, MAJOR);
    let command = command.as_std();
    let words = [command.get_program()].into_iter().chain(command.get_args());
    let words: Vec<String> = words.map(|word| format!("'{}'", word.display())).collect();
    // The flag of the harness ends a service with its standard input, which is empty here.
    let words = words
        .into_iter()
        .filter(|word| word != "'--with-parent'")
        .collect::<Vec<_>>();
    format!("exec {} {arguments}", words.join(" "))
}
