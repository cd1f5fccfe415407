//! JSON as JavaScript has it: what `JSON.parse` accepts and what `JSON.stringify` writes.
//!
//! Nest's peers are JavaScript programs, and their bytes carry the marks of it: `1.0` goes out as
//! `1`, integers past 2^53 round, integer-like keys come before all others, half of a surrogate
//! pair is a legal string. This module knows these rules and nothing of packets or sockets.
//!
//! - [`Value`] is what [`parse()`] gives and [`Value::stringify`] writes, for data whose shape
//!   isn't known beforehand;
//! - [`to_string`] and [`append`] write any [`serde::Serialize`] type by the same number rules,
//!   without a [`Value`] in between;
//! - [`from_str`] reads any [`serde::Deserialize`] type from what `JSON.parse` accepts;
//! - [`Buffer`] and [`Date`] are Node's `Buffer` and JavaScript's `Date` in JSON.
//!
//! Everything here works in a bounded stack: values may be nested [`MAX_DEPTH`] deep, and parsing,
//! writing, cloning, comparing and dropping them never recurses.
//!
//! ```
//! use nest_wire::json;
//!
//! let value = json::parse(r#"{"b":1.0,"10":1e21,"9":"\ud83d\ude00 \uD83D"}"#)?;
//! assert_eq!(value.stringify(), r#"{"9":"😀 \ud83d","10":1e+21,"b":1}"#);
//! # Ok::<(), json::ParseError>(())
//! ```

mod buffer;
mod date;
#[cfg(any(feature = "chrono", feature = "time"))]
mod date_of;
mod maybe;
mod nesting;
mod read;
#[cfg(feature = "schema")]
mod schema;
pub mod text;
mod value;
mod write;

pub use buffer::Buffer;
pub use date::{Date, InvalidDate};
pub use maybe::{Maybe, from_undefined};
pub use nesting::MAX_DEPTH;
pub use read::{error::ParseError, parse::parse, typed::from_str};
pub use value::{Array, Object, Value, object::Iter, string::JsString};
pub use write::{
    number::number_to_string,
    typed::{append, to_string},
};

pub(crate) use maybe::is_undefined;
pub(crate) use read::{
    members::{ExpectedKey, members, value_end, without},
    plain::is_plain_string,
    typed::path_of_mismatch,
};
pub(crate) use value::string::JsStringBuilder;
pub(crate) use write::{
    number::with_text as with_number,
    quote::{push_quoted, push_quoted_str},
};
