//! serde's behaviour where Nest's pipes differ: the column "serde" of the guide's table of pipes.

use nest_wire::{
    client::{CallError, Client},
    in_memory, json,
    json::Value,
    server::{Payload, Router},
};
use serde::{Deserialize, Serialize};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Order {
    item: String,
    quantity: i64,
    note: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Strict {
    #[expect(dead_code, reason = "it is there to be read")]
    item: String,
}

#[derive(Serialize, Deserialize)]
struct FromText {
    #[serde(deserialize_with = "nest_wire::json::text::deserialize")]
    quantity: i64,
}

#[derive(Serialize, Deserialize)]
struct WithDefault {
    #[serde(default)]
    quantity: i64,
    limit: Option<i64>,
}

fn client() -> Client {
    in_memory::client(
        Router::new()
            .message("order", async |Payload(order): Payload<Order>| Payload(order))
            .message("strict", async |Payload(_): Payload<Strict>| ())
            .message("text", async |Payload(order): Payload<FromText>| Payload(order))
            .message("default", async |Payload(order): Payload<WithDefault>| {
                Payload((order.quantity, order.limit.unwrap_or(7)))
            }),
    )
}

async fn answer(pattern: &str, data: Value) -> Result<String, String> {
    match client().send::<Value>(pattern, &data).await {
        Ok(value) => Ok(value.stringify()),
        Err(CallError::Rpc(error)) => Err(error.message().unwrap_or_default()),
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test]
async fn members_that_the_type_does_not_have_are_dropped_or_refused_when_told_to() {
    let order = json!({ "item": "tea", "quantity": 1, "extra": 2 });
    let passed = answer("order", order).await;
    assert_eq!(passed.as_deref(), Ok(r#"{"item":"tea","quantity":1,"note":null}"#));
    let refused = answer("strict", json!({ "item": "tea", "extra": 2 })).await;
    assert!(refused.is_err_and(|error| error.contains("unknown field `extra`")));
}

#[tokio::test]
async fn the_first_mistake_is_told_of_alone() {
    let refused = answer("order", json!({ "item": 5, "quantity": "1" }))
        .await
        .expect_err("two mistakes");
    assert!(refused.contains("`item`") && !refused.contains("quantity"), "{refused}");
}

#[tokio::test]
async fn text_is_no_number_unless_its_field_says_so() {
    assert!(
        answer("order", json!({ "item": "tea", "quantity": "1" }))
            .await
            .is_err()
    );
    for (quantity, expected) in [
        (json!("12"), true),
        (json!(12), true),
        (json!("1.5"), false),
        (json!("12abc"), false),
        (json!("+5"), false),
    ] {
        let read = answer("text", json!({ "quantity": quantity.clone() })).await;
        assert_eq!(read.is_ok(), expected, "{quantity}");
    }
}

#[test]
fn a_text_that_is_no_finite_number_is_refused_where_text_is_read_as_numbers() {
    #[derive(Debug, Deserialize)]
    struct Price(#[serde(deserialize_with = "nest_wire::json::text::deserialize")] f64);
    for (text, is_read) in [
        (r#""1.5""#, true),
        (r#""-1e3""#, true),
        (r#""NaN""#, false),
        (r#""inf""#, false),
        (r#""Infinity""#, false),
        (r#""+5""#, false),
        (r#""""#, false),
    ] {
        let read = nest_wire::json::from_str::<Price>(text);
        assert_eq!(read.is_ok(), is_read, "{text}");
        assert!(read.is_err() || read.is_ok_and(|price| price.0.is_finite()));
    }
}

#[tokio::test]
async fn a_default_stands_for_a_missing_key_and_an_option_for_null_too() {
    assert_eq!(answer("default", json!({})).await.as_deref(), Ok("[0,7]"));
    assert_eq!(
        answer("default", json!({ "quantity": 1, "limit": null }))
            .await
            .as_deref(),
        Ok("[1,7]")
    );
    assert!(answer("default", json!({ "quantity": null })).await.is_err());
}

#[tokio::test]
async fn an_array_is_read_as_the_members_of_a_type_in_their_order() {
    let order = answer("order", json!(["tea", 1, "now"])).await;
    assert_eq!(order.as_deref(), Ok(r#"{"item":"tea","quantity":1,"note":"now"}"#));
}

#[tokio::test]
async fn null_is_an_option_s_absence_and_a_payload_of_null_is_refused() {
    let order = answer("order", json!({ "item": "tea", "quantity": 1, "note": null })).await;
    assert_eq!(order.as_deref(), Ok(r#"{"item":"tea","quantity":1,"note":null}"#));
    // Nest's client, and so ours, does not send null.
    let in_a_list = nest_wire::json::from_str::<Vec<Order>>("[null]");
    assert!(in_a_list.is_err());
}
