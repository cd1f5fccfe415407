//! The file of rules: read at the start, and again when it changes.
//!
//! Its time and size are looked at twice a second. The system's own notices of changes do not come
//! through bind mounts.

use std::{
    fs, io,
    io::Read,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use nest_wire::Compat;
use tokio::time::sleep;

use super::rules::Rules;
use crate::{
    clock::time_of_day,
    failure::{Failure, file_reason, say, warn},
    plural::counted,
};

const PAUSE: Duration = Duration::from_millis(500);

/// A file of rules.
pub(super) struct RulesFile {
    path: PathBuf,
    compat: Compat,
    /// What the file was when it was read last.
    seen: Option<(SystemTime, u64)>,
    /// When the rules that are in use were read.
    read_at: SystemTime,
}

impl RulesFile {
    pub(super) fn new(path: PathBuf, compat: Compat) -> Self {
        Self {
            path,
            compat,
            seen: None,
            read_at: SystemTime::now(),
        }
    }

    /// Reads the rules at the start.
    pub(super) fn read(&mut self) -> Result<Rules, Failure> {
        let rules = self.try_read().map_err(Failure::usage)?;
        self.warn_of(&rules);
        Ok(rules)
    }

    /// Returns the new rules when the file has changed. A file that cannot be used is reported.
    pub(super) async fn changed(&mut self) -> Rules {
        if self.is_stdin() {
            return std::future::pending().await;
        }
        loop {
            sleep(PAUSE).await;
            if stamp(&self.path) == self.seen {
                continue;
            }
            match self.try_read() {
                Ok(rules) => {
                    say(format_args!(
                        "{}: {}, read again",
                        self.path.display(),
                        counted(rules.len() as u64, "rule")
                    ));
                    self.warn_of(&rules);
                    return rules;
                }
                Err(error) => say(format_args!("{error}; the rules of {} stay", time_of_day(self.read_at))),
            }
        }
    }

    fn try_read(&mut self) -> Result<Rules, String> {
        // Before the content: a change in between is found at the next look.
        self.seen = stamp(&self.path);
        let name = match self.is_stdin() {
            true => "standard input".to_owned(),
            false => self.path.display().to_string(),
        };
        let bytes = match self.is_stdin() {
            true => {
                let mut bytes = Vec::new();
                io::stdin().read_to_end(&mut bytes).map(|_| bytes)
            }
            false => fs::read(&self.path),
        };
        let bytes = bytes.map_err(|error| format!("{name}: {}", file_reason(&error)))?;
        let text = String::from_utf8(bytes).map_err(|_| format!("{name}: not UTF-8"))?;
        let rules = Rules::read(&text, self.compat).map_err(|error| format!("{name}{error}"))?;
        self.read_at = SystemTime::now();
        Ok(rules)
    }

    fn warn_of(&self, rules: &Rules) {
        for warning in &rules.warnings {
            warn(format_args!("{}: {warning}", self.path.display()));
        }
    }

    fn is_stdin(&self) -> bool {
        self.path.as_os_str() == "-"
    }
}

fn stamp(path: &Path) -> Option<(SystemTime, u64)> {
    let found = fs::metadata(path).ok()?;
    Some((found.modified().ok()?, found.len()))
}
