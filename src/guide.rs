//! For those who come from Nest: its decorators and options, and the Rust beside them.
//!
#![doc = include_str!("../docs/guide/README.md")]

/// A microservice in both languages.
pub mod services {
    #![doc = include_str!("../docs/guide/services.md")]
}

/// A caller: `send`, `emit` and what they wait for.
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

/// What callers receive when something fails.
pub mod errors {
    #![doc = include_str!("../docs/guide/errors.md")]
}

/// Several values for one request.
pub mod streams {
    #![doc = include_str!("../docs/guide/streams.md")]
}

/// Who may call.
pub mod guards {
    #![doc = include_str!("../docs/guide/guards.md")]
}

/// What a payload must be.
pub mod pipes {
    #![doc = include_str!("../docs/guide/pipes.md")]
}

/// What happens around a handler.
pub mod interceptors {
    #![doc = include_str!("../docs/guide/interceptors.md")]
}

/// Each option of the TCP transport, and its counterpart.
pub mod options {
    #![doc = include_str!("../docs/guide/options.md")]
}

/// Start, shutdown, hybrid applications, dependency injection.
pub mod lifecycle {
    #![doc = include_str!("../docs/guide/lifecycle.md")]
}

/// Without sockets.
pub mod tests {
    #![doc = include_str!("../docs/guide/tests.md")]
}

/// What is different on purpose.
pub mod surprises {
    #![doc = include_str!("../docs/guide/surprises.md")]
}
