//! The tutorial's services in Rust: the examples, in processes of their own that this program starts of itself.

#![allow(
    clippy::duplicate_mod,
    reason = "the examples share a module, and each names it for itself"
)]

use clap::Subcommand;

use super::DemoError;
use crate::failure::Failure;

#[path = "../../../examples/microservice_test_main.rs"]
mod main_service;
#[path = "../../../examples/microservice_test_user.rs"]
mod user_service;

#[derive(Debug, Subcommand)]
pub(crate) enum DemoService {
    Main(main_service::Args),
    User(user_service::Args),
}

impl DemoService {
    pub(crate) async fn run(self) -> Result<(), Failure> {
        let ended = match self {
            Self::Main(args) => main_service::run(args).await,
            Self::User(args) => user_service::run(args).await,
        };
        ended.map_err(|error| DemoError::Service(error).into())
    }
}
