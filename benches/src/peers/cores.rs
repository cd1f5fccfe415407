//! Which cores a process may run on.

/// Where something runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cores {
    /// On this one alone.
    Only(usize),
    /// Wherever there is room.
    All,
}

/// The thread that made this runs on these cores until it is dropped; so does, for its whole life, every process that is
/// started meanwhile.
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
    /// If there is no such core.
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
            // It was allowed before.
            let _ = nix::sched::sched_setaffinity(nix::unistd::Pid::from_raw(0), before);
        }
    }
}

#[cfg(not(target_os = "linux"))]
impl Pinned {
    /// Elsewhere threads cannot be pinned without unsafe code: the system places them.
    pub fn to(_: Cores) -> Self {
        Self {}
    }
}
