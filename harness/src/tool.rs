//! Programs that do a job and end: cargo, npm, node's `--version`.

use std::process::{Output, Stdio};

use tokio::process::Command;

use crate::HarnessError;

/// Runs a command to its end. If the future is dropped, the command and all processes that it has
/// started are killed.
///
/// # Errors
/// Fails with [`HarnessError::Missing`] if the command cannot be run.
pub(super) async fn finish(mut command: Command) -> Result<Output, HarnessError> {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    // Killing only cargo would leave its compilers running.
    #[cfg(unix)]
    command.process_group(0);
    let program = command.as_std().get_program().to_string_lossy().into_owned();
    let missing = |source| HarnessError::Missing {
        program: program.clone(),
        source,
    };
    let child = command.spawn().map_err(missing)?;
    let mut group = Group(child.id());
    let output = child.wait_with_output().await;
    group.0 = None;
    output.map_err(missing)
}

/// Runs a command as [`finish`] does. An unsuccessful exit status is an error.
///
/// # Errors
/// Fails with [`HarnessError::Missing`] or [`HarnessError::Failed`].
pub(super) async fn succeed(name: &str, command: Command) -> Result<Output, HarnessError> {
    let output = finish(command).await?;
    if output.status.success() {
        return Ok(output);
    }
    Err(HarnessError::Failed {
        command: name.to_owned(),
        status: output.status,
        log: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}

/// The processes of a command that has not ended.
struct Group(Option<u32>);

impl Drop for Group {
    fn drop(&mut self) {
        // The system call would need `unsafe`. Without a `kill` program, `kill_on_drop` still kills
        // the leader.
        if let Some(leader) = self.0
            && cfg!(unix)
        {
            let _ = std::process::Command::new("kill")
                .args(["-KILL", "--", &format!("-{leader}")])
                .stderr(Stdio::null())
                .status();
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::{env, fs, io::Read, process};

    use super::*;

    #[tokio::test]
    async fn a_command_that_is_dropped_takes_its_children_along() {
        let folder = env::temp_dir().join(format!("nest-wire-tool-{}", process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        let made = Command::new("mkfifo").arg("alive").current_dir(&folder).status().await;
        assert!(made.expect("mkfifo").success());
        let mut command = Command::new("sh");
        command.args(["-c", "sleep 1000 > alive & wait"]).current_dir(&folder);
        let running = tokio::spawn(finish(command));
        let alive = folder.join("alive");
        // This opens once `sleep` holds the other end.
        let opened = tokio::task::spawn_blocking(|| fs::File::open(alive)).await;
        let mut alive = opened.expect("a thread").expect("a pipe");
        running.abort();
        let ended = tokio::task::spawn_blocking(move || alive.read_to_end(&mut Vec::new())).await;
        assert_eq!(ended.expect("a thread").expect("a pipe"), 0);
        fs::remove_dir_all(folder).expect("the folder was ours");
    }
}
