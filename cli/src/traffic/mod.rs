//! Traffic, understood: from the events of a recording to packets, calls and a summary.
//!
//! ```text
//!   Event ──► frames ──► packet ──► calls ──► Entry ──► line, summary, …
//!  (bytes)    (texts)    (kinds)    (pairs)
//! ```
//!
//! Nothing here does I/O, and memory is bounded whatever a recording holds. Broken frames are
//! explained, and the frames after them are found again.

pub(crate) mod busy;
pub(crate) mod calls;
pub(crate) mod diagnosis;
pub(crate) mod entry;
pub(crate) mod filter;
pub(crate) mod frames;
pub(crate) mod line;
pub(crate) mod mask;
mod names;
pub(crate) mod packet;
pub(crate) mod reading;
mod skim;
pub(crate) mod summary;
pub(crate) mod text;
