//! The other side of a conversation: a scripted peer, over a connection in memory.

mod arrivals;
mod caller;
#[cfg(feature = "tls")]
mod certificates;
#[cfg(feature = "metrics")]
mod counts;
mod faulty;
#[cfg(feature = "tls")]
pub(crate) mod kinds;
mod log;
mod peer;
mod rig;
mod service;
mod witness;

pub(crate) use arrivals::{Arrivals, arrivals};
pub(crate) use caller::{Calls, calls, calls_with};
#[cfg(feature = "tls")]
pub(crate) use certificates::Certificates;
#[cfg(feature = "metrics")]
pub(crate) use counts::Counts;
pub(crate) use faulty::{Carried, Cut, Fault, Faulty};
pub(crate) use log::{Log, ask_all_subscribers};
pub(crate) use peer::{Peer, frame, settle};
pub(crate) use rig::Rig;
pub(crate) use service::{converse, converse_over, converse_with};
pub(crate) use witness::{Farewell, Farewells, witnessed};
