//! What the demo needs: looked for, installed and built before anything is shown.

use std::time::Instant;

use super::{DemoError, EXAMPLE_FLAGS, MAJOR, screen::Screen};
use crate::cli::{
    failure::Failure,
    harness::{Examples, Harness, HarnessError},
};

/// The oldest Node that the pinned Nest runs on.
const OLDEST_NODE: u32 = 20;

/// Where services come from.
pub(super) struct Toolbox {
    pub(super) harness: Harness,
    pub(super) examples: Examples,
    /// Whether Node can take part.
    pub(super) has_node: bool,
}

/// Finds and prepares all that is needed, and tells so.
pub(super) async fn prepare(screen: &mut Screen) -> Result<Toolbox, Failure> {
    let harness = Harness::find().map_err(DemoError::from)?;
    let has_node = look_for_node(screen).await?;
    if has_node {
        install(screen, &harness).await?;
    }
    let start = Instant::now();
    let building = Examples::build(&harness, &EXAMPLE_FLAGS);
    let examples = screen
        .working("building the Rust services (once: a minute or two)", building)
        .await
        .map_err(DemoError::from)?;
    let seconds = start.elapsed().as_secs_f64();
    screen.field("Rust", format_args!("services built in {seconds:.1} s"))?;
    Ok(Toolbox {
        harness,
        examples,
        has_node,
    })
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

async fn install(screen: &mut Screen, harness: &Harness) -> Result<(), Failure> {
    let version = harness.pinned(MAJOR).map_err(DemoError::from)?;
    if harness.is_installed(MAJOR).map_err(DemoError::from)? {
        screen.field("Nest", format_args!("{version}, already installed"))?;
        return Ok(());
    }
    let start = Instant::now();
    let what = format!("installing Nest {version} (once: half a minute)");
    let installing = harness.install(&[MAJOR], |_| {});
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
