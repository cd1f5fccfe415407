//! What the demo needs: looked for and installed before anything is shown.

use std::{env, path::PathBuf, time::Instant};

use nest_wire_harness::{App, Harness, HarnessError};
use tokio::process::Command;

use super::{DemoError, MAJOR, node_side, pairing::Player, screen::Screen};
use crate::failure::Failure;

/// The oldest Node that the pinned Nest runs on.
const OLDEST_NODE: u32 = 20;

/// Where services come from.
pub(super) struct Toolbox {
    /// This very program, which has the services in Rust.
    program: PathBuf,
    /// The services on Node, if Node can take part.
    node_side: Option<Harness>,
}

impl Toolbox {
    pub(super) const fn has_node(&self) -> bool {
        self.node_side.is_some()
    }

    /// The command that starts one of the services.
    pub(super) fn command(&self, player: Player, app: App) -> Command {
        match (player, &self.node_side) {
            (Player::Node, Some(node_side)) => node_side.node(app, MAJOR),
            _ => {
                let mut command = Command::new(&self.program);
                command.args(["demo-service", if app == App::Main { "main" } else { "user" }]);
                command
            }
        }
    }
}

/// Finds and prepares all that is needed, and shows that.
pub(super) async fn prepare(screen: &mut Screen) -> Result<Toolbox, Failure> {
    let program = env::current_exe().map_err(DemoError::Program)?;
    let node_side = match look_for_node(screen).await? {
        true => {
            let node_side = node_side::unpack()?;
            install(screen, &node_side).await?;
            Some(node_side)
        }
        false => None,
    };
    Ok(Toolbox { program, node_side })
}

async fn look_for_node(screen: &mut Screen) -> Result<bool, Failure> {
    let (node, npm) = tokio::join!(Harness::version("node"), Harness::version("npm"));
    let is_old = node.as_deref().is_ok_and(|version| !is_supported(version));
    let remark = match is_old {
        true => format!(", too old: Nest {MAJOR} needs {OLDEST_NODE}"),
        false => String::new(),
    };
    screen.field("node", found(&node) + &remark)?;
    screen.field("npm", found(&npm))?;
    Ok(node.is_ok() && npm.is_ok() && !is_old)
}

fn found(version: &Result<String, HarnessError>) -> String {
    match version {
        Ok(version) => version.clone(),
        Err(HarnessError::Missing { .. }) => "not found".to_owned(),
        Err(_) => "does not run".to_owned(),
    }
}

async fn install(screen: &mut Screen, node_side: &Harness) -> Result<(), Failure> {
    let version = node_side.pinned(MAJOR).map_err(DemoError::from)?;
    if node_side.is_installed(MAJOR).map_err(DemoError::from)? {
        screen.field("Nest", format_args!("{version}, already installed"))?;
        return Ok(());
    }
    let start = Instant::now();
    let what = format!("installing Nest {version} (once: half a minute)");
    let installing = node_side.install(&[MAJOR], |_| {});
    screen.working(&what, installing).await.map_err(DemoError::from)?;
    let seconds = start.elapsed().as_secs_f64();
    screen.field("Nest", format_args!("{version}, installed in {seconds:.1} s"))?;
    Ok(())
}

/// Whether this is a version, `v20.20.2` for example, that will do.
fn is_supported(version: &str) -> bool {
    let major = version.trim_start_matches('v').split('.').next();
    major
        .and_then(|major| major.parse().ok())
        .is_some_and(|major: u32| major >= OLDEST_NODE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn node_is_judged_by_its_major() {
        for (version, is_good) in [
            ("v20.0.0", true),
            ("v101.1.0", true),
            ("v19.9.0", false),
            ("v8", false),
            ("", false),
        ] {
            assert_eq!(is_supported(version), is_good, "{version}");
        }
    }
}
