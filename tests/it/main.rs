//! Everything that can be tested without Node, one topic a file.

mod layers;
mod replay;
mod replay_caller;
mod replay_service;
