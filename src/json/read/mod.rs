//! Reading JSON text: what `JSON.parse` accepts, and where it stops.
//!
//! [`grammar`] has the rules, made of what [`token`] and [`plain`] recognise. [`parse`] builds a
//! value, [`members`] finds a packet's members, and [`typed`] reads a type.

pub(super) mod error;
pub(super) mod grammar;
mod lenient;
pub(super) mod members;
pub(super) mod parse;
pub(super) mod plain;
mod token;
pub(super) mod typed;
mod unescape;
