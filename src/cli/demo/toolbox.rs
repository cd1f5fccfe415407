//! What the demo needs: looked for, installed and built before anything is shown.

use std::time::Instant;

use super::{DemoError, EXAMPLE_FLAGS, MAJOR, screen::Screen};
use crate::cli::{
    failure::Failure,
    harness::{Examples, Harness},
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
    let is_old = node.as_deref().is_some_and(|version| !is_supported(version));
    match &node {
        None => screen.field("node", "not found")?,
        Some(version) if is_old => {
            screen.field("node", format_args!("{version}, too old: Nest needs {OLDEST_NODE}"))?;
        }
        Some(version) => screen.field("node", version)?,
    }
    screen.field("npm", npm.as_deref().unwrap_or("not found"))?;
    Ok(node.is_some() && !is_old && npm.is_some())
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
