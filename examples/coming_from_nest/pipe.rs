//! `@Payload(new ValidationPipe(…))`: checks a payload beyond its type.

use nest_wire::{
    packet::RpcError,
    server::{Payload, Request, Router, extract::FromRequest},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// Checks a payload beyond its type. Crates like `garde` and `validator` derive such a trait.
pub(crate) trait Validate {
    fn complaints(&self) -> Vec<&'static str>;
}

/// A payload that has passed its validation.
pub(crate) struct Valid<T>(pub(crate) T);

impl<S: Sync, T: DeserializeOwned + Validate> FromRequest<S> for Valid<T> {
    async fn from_request(request: &mut Request, state: &S) -> Result<Self, RpcError> {
        let Payload(payload) = Payload::<T>::from_request(request, state).await?;
        let message = payload.complaints();
        if message.is_empty() {
            return Ok(Self(payload));
        }
        Err(RpcError::from_value(&BadRequest {
            status_code: 400,
            message,
        })?)
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BadRequest {
    status_code: u16,
    message: Vec<&'static str>,
}

#[derive(Deserialize)]
struct Order {
    item: String,
    quantity: f64,
}

impl Validate for Order {
    fn complaints(&self) -> Vec<&'static str> {
        let mut complaints = Vec::new();
        if self.item.is_empty() {
            complaints.push("item should not be empty");
        }
        if self.quantity < 1.0 {
            complaints.push("quantity must not be less than 1");
        }
        complaints
    }
}

pub(crate) fn router() -> Router {
    Router::new().message("order", async |Valid(order): Valid<Order>| {
        format!("{} x {}", order.quantity, order.item)
    })
}
