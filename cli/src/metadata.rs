//! The metadata of a call.

use clap::Args;
use nest_wire::{
    client::RequestBuilder,
    json::{self, Object, Value},
};

use crate::{data::json_failure, failure::Failure};

#[derive(Debug, Args)]
pub(crate) struct MetadataOptions {
    /// A member of the metadata, a text; repeatable. Nest 12.1 and later read it
    #[arg(short, long, value_name = "KEY=VALUE", value_parser = member)]
    metadata: Vec<(String, String)>,
    /// The whole metadata, instead
    #[arg(long, value_name = "JSON", conflicts_with = "metadata")]
    metadata_json: Option<String>,
}

impl MetadataOptions {
    /// Returns the metadata, or `None` if there is none.
    pub(crate) fn read(&self) -> Result<Option<Value>, Failure> {
        if let Some(text) = &self.metadata_json {
            let parsed = json::parse(text).map_err(|error| json_failure("--metadata-json", &error, text));
            return parsed.map(Some);
        }
        let members = self.metadata.iter();
        let members: Object = members.map(|(key, value)| (key.as_str(), value.as_str())).collect();
        Ok((!self.metadata.is_empty()).then_some(Value::Object(members)))
    }
}

/// Returns the request with this metadata, if there is any.
pub(crate) fn with_metadata(request: RequestBuilder, metadata: Option<&Value>) -> RequestBuilder {
    match metadata {
        Some(metadata) => request.metadata(metadata),
        None => request,
    }
}

fn member(text: &str) -> Result<(String, String), &'static str> {
    let (key, value) = text.split_once('=').ok_or("write KEY=VALUE")?;
    Ok((key.to_owned(), value.to_owned()))
}
