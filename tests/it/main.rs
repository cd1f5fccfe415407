//! Everything that can be tested without Node, one topic a file.

mod layers;
