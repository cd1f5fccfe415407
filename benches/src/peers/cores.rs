//! The cores that a process may run on.

/// A selection of cores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cores {
    /// Only this core.
    Only(usize),
    /// All cores.
    All,
}

/// While this value exists, the thread that made it runs on these cores. Processes started
/// meanwhile run on them for their whole life.
#[derive(Debug)]
#[must_use = "the thread is let go when this is dropped"]
pub struct Pinned {
    #[cfg(target_os = "linux")]
    before: Option<nix::sched::CpuSet>,
}

#[cfg(target_os = "linux")]
impl Pinned {
    /// Moves this thread to `cores`.
    ///
    /// # Panics
    /// Panics if there is no such core.
    pub fn to(cores: Cores) -> Self {
        use nix::{
            sched::{CpuSet, sched_getaffinity, sched_setaffinity},
            unistd::Pid,
        };
        let this_thread = Pid::from_raw(0);
        let Cores::Only(core) = cores else {
            return Self { before: None };
        };
        let before = sched_getaffinity(this_thread).expect("a thread may ask");
        let mut only = CpuSet::new();
        only.set(core).expect("a core's number");
        sched_setaffinity(this_thread, &only).expect("a core that is there");
        Self { before: Some(before) }
    }
}

#[cfg(target_os = "linux")]
impl Drop for Pinned {
    fn drop(&mut self) {
        if let Some(before) = &self.before {
            // This cannot fail, since the thread ran there before.
            let _ = nix::sched::sched_setaffinity(nix::unistd::Pid::from_raw(0), before);
        }
    }
}

#[cfg(not(target_os = "linux"))]
impl Pinned {
    /// Does nothing: on other systems, threads cannot be pinned without unsafe code.
    pub fn to(_: Cores) -> Self {
        Self {}
    }
}
