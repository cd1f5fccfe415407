//! nest-wire against real Nest, one topic per file. `README.md` lists what each file tests.

#[cfg(unix)]
mod bursts;
mod callers;
mod calls;
#[path = "../../../tests/it/support/certificates.rs"]
mod certificates;
mod client;
mod client_limits;
mod client_links;
mod collation;
mod conformance;
mod congestion;
mod contracts;
mod custom_framing;
#[cfg(target_os = "linux")]
mod deployed;
#[cfg(unix)]
mod descriptors;
mod edge;
mod forwarding;
mod guide;
#[path = "../../../examples/support/conformance.rs"]
mod handlers;
mod health;
mod http_exceptions;
#[path = "../../../tests/it/support/kinds.rs"]
mod kinds;
mod lifecycle;
mod limits;
#[path = "../../../tests/it/support/log.rs"]
#[allow(dead_code, reason = "not all of it is used here")]
mod log;
mod majors;
mod metrics;
mod nats;
mod oracle;
mod pipes;
mod replaced;
mod server_limits;
mod service;
mod stopped_time;
mod tls;
mod tls_pinned;
mod traces;
mod tutorial;
#[cfg(unix)]
mod types;
mod unix_sockets;
mod written;
