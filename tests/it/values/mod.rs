//! Values between JavaScript and Rust.

mod javascript;
mod of_node;
mod pipes;
mod typed;
