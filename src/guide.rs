//! A guide for users of Nest: its decorators and options, with their counterparts in Rust.
//!
#![doc = include_str!("../docs/guide/README.md")]

/// A microservice in both languages.
pub mod services {
    #![doc = include_str!("../docs/guide/services.md")]
}

/// Clients: `send` and `emit`, and the events they wait for.
pub mod clients {
    #![doc = include_str!("../docs/guide/clients.md")]
}

/// Patterns and types written once for both sides.
pub mod contracts {
    #![doc = include_str!("../docs/guide/contracts.md")]
}

/// Decorators, payloads, the context, state.
pub mod handlers {
    #![doc = include_str!("../docs/guide/handlers.md")]
}

/// The errors that callers receive.
pub mod errors {
    #![doc = include_str!("../docs/guide/errors.md")]
}

/// Several values for one request.
pub mod streams {
    #![doc = include_str!("../docs/guide/streams.md")]
}

/// Guards, which decide which callers are admitted.
pub mod guards {
    #![doc = include_str!("../docs/guide/guards.md")]
}

/// Validation of payloads.
pub mod pipes {
    #![doc = include_str!("../docs/guide/pipes.md")]
}

/// Code that runs around a handler.
pub mod interceptors {
    #![doc = include_str!("../docs/guide/interceptors.md")]
}

/// Each option of the TCP transport, with its counterpart.
pub mod options {
    #![doc = include_str!("../docs/guide/options.md")]
}

/// Start, shutdown, hybrid applications, dependency injection.
pub mod lifecycle {
    #![doc = include_str!("../docs/guide/lifecycle.md")]
}

/// Several instances of a service: where calls go, and what is lost.
pub mod scaling {
    #![doc = include_str!("../docs/SCALING.md")]
}

/// Moving a service one handler at a time, with the old service behind.
pub mod moving {
    #![doc = include_str!("../docs/guide/moving.md")]
}

/// Tests without sockets.
pub mod tests {
    #![doc = include_str!("../docs/guide/tests.md")]
}

/// Deliberate differences.
pub mod surprises {
    #![doc = include_str!("../docs/guide/surprises.md")]
}
