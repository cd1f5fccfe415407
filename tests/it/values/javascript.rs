//! JavaScript's values as data, replies and literals.

use nest_wire::{
    in_memory, json,
    json::{Array, JsString, Object, Value, parse},
    packet::HttpException,
    pattern,
    server::{Payload, Router},
};

#[tokio::test]
async fn objects_arrays_and_strings_are_data_and_answers() {
    let router = Router::new()
        .message("object", async |Payload(object): Payload<Object>| object)
        .message("array", async |Payload(array): Payload<Array>| array)
        .message("string", async |Payload(text): Payload<JsString>| text);
    let client = in_memory::client(router);
    let data = json!({ "b": 1, "a": [null, { "7": -0.0 }], "3": "x" });
    let object: Object = client.send("object", &data).await.expect("answered");
    assert_eq!(object.stringify(), r#"{"3":"x","b":1,"a":[null,{"7":0}]}"#);
    let array: Array = client.send("array", &json!([1, [2]])).await.expect("answered");
    assert_eq!(array.stringify(), "[1,[2]]");
    let half = JsString::from_utf16(vec![0xD83D]);
    let text: JsString = client.send("string", &half).await.expect("answered");
    assert_eq!(text.encode_utf16().collect::<Vec<_>>(), [0xD83D]);
    let refused = client.send::<Object>("object", &[1]).await.expect_err("no object");
    assert!(refused.to_string().contains("expected an object"), "{refused}");
}

#[tokio::test]
async fn lone_surrogates_in_keys_and_values_and_empty_ones_are_answered_as_they_came() {
    let router = Router::new()
        .message("object", async |Payload(object): Payload<Object>| object)
        .message("array", async |Payload(array): Payload<Array>| array);
    let client = in_memory::client(router);
    for (pattern, text) in [
        ("object", r#"{"b":1,"\ud83d":"\ud83d"}"#),
        ("object", "{}"),
        ("array", r#"["\ud83d",{"\ud83d":[]}]"#),
        ("array", "[]"),
    ] {
        let data = parse(text).expect("valid JSON");
        let answer: Value = client.send(pattern, &data).await.expect("answered");
        assert_eq!(answer.stringify(), text);
    }
}

#[test]
fn an_object_s_members_are_read_changed_and_removed_in_javascript_s_order() {
    let Value::Object(mut object) = json!({ "b": 1, "10": 2, "a": 3, "9": 4 }) else {
        panic!("an object");
    };
    assert_eq!(
        object.keys().map(ToString::to_string).collect::<Vec<_>>(),
        ["9", "10", "b", "a"]
    );
    assert_eq!(object.remove("10"), Some(Value::from(2)));
    assert_eq!(object.remove("b"), Some(Value::from(1)));
    assert_eq!(object.remove("b"), None);
    *object.get_mut("a").expect("a member") = json!([true]);
    assert_eq!(object["a"][0], Value::Bool(true));
    assert!(object.contains_key("9") && !object.contains_key("10"));
    assert_eq!(object.stringify(), r#"{"9":4,"a":[true]}"#);
    assert_eq!(object.values().count(), 2);
}

#[test]
fn a_literal_keeps_the_order_of_its_keys_and_takes_expressions() {
    let (key, items) = ("k", vec![1, 2]);
    let value = json!({
        "z": items.len(),
        (key): items,
        "deep": [[], {}, { "n": null, "t": true }, "x".repeat(2), -1],
        "some": Some(1.5),
    });
    let text = r#"{"z":2,"k":[1,2],"deep":[[],{},{"n":null,"t":true},"xx",-1],"some":1.5}"#;
    assert_eq!(value.stringify(), text);
    assert_eq!(
        pattern!({ "role": "admin", "v": 2 }).to_json(),
        r#"{"role":"admin","v":2}"#
    );
}

#[tokio::test]
async fn a_handler_fails_with_an_exception_of_http() {
    let find = async || Err::<(), _>(HttpException::new(404, "no user"));
    let client = in_memory::client(Router::new().message("find", find));
    let Err(nest_wire::client::CallError::Rpc(error)) = client.send::<()>("find", &1).await else {
        panic!("an error");
    };
    let exception = HttpException::from_rpc_error(&error).expect("one of HTTP");
    assert_eq!(
        (exception.status(), exception.message().as_deref()),
        (404, Some("no user"))
    );
}

#[cfg(feature = "anyhow")]
#[tokio::test]
async fn a_handler_may_return_anyhow_s_result_and_tells_no_more_than_nest() {
    let fail = async || -> anyhow::Result<u32> { anyhow::bail!("the database is on fire") };
    let client = in_memory::client(Router::new().message("fail", fail));
    let error = client.send::<u32>("fail", &1).await.expect_err("it failed");
    assert!(error.to_string().contains("Internal server error"), "{error}");
}
