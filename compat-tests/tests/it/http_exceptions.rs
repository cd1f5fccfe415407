//! Nest's HTTP exceptions: those that cross the wire and those that do not.

use nest_wire::{
    client::{CallError, Client},
    json,
    packet::{HttpException, RpcError},
};
use nest_wire_harness::Service;

use crate::edge::nests;

/// All exception classes of Nest, by status.
const CLASSES: &[(u16, &str)] = &[
    (400, "BadRequestException"),
    (401, "UnauthorizedException"),
    (403, "ForbiddenException"),
    (404, "NotFoundException"),
    (405, "MethodNotAllowedException"),
    (406, "NotAcceptableException"),
    (408, "RequestTimeoutException"),
    (409, "ConflictException"),
    (410, "GoneException"),
    (412, "PreconditionFailedException"),
    (413, "PayloadTooLargeException"),
    (415, "UnsupportedMediaTypeException"),
    (418, "ImATeapotException"),
    (421, "MisdirectedException"),
    (422, "UnprocessableEntityException"),
    (500, "InternalServerErrorException"),
    (501, "NotImplementedException"),
    (502, "BadGatewayException"),
    (503, "ServiceUnavailableException"),
    (504, "GatewayTimeoutException"),
    (505, "HttpVersionNotSupportedException"),
];

async fn error(client: &Client, name: &str, response: nest_wire::json::Value, form: &str) -> RpcError {
    let data = json!({ "name": name, "response": response, "form": form });
    match client.send::<()>("http-exception", &data).await {
        Err(CallError::Rpc(error)) => error,
        other => panic!("no error: {other:?}"),
    }
}

async fn client(major: u8) -> (Service, Client) {
    let service = nests(major, &[]).await;
    let client = Client::new(service.address().to_string());
    (service, client)
}

#[tokio::test]
async fn each_exception_of_http_is_written_as_nest_12_writes_it_and_read() {
    let (_service, client) = client(12).await;
    for (status, name) in CLASSES {
        let ours = HttpException::new(*status, "no user");
        for (form, ours_as_error) in [
            ("whole", ours.to_rpc_error()),
            ("response", ours.response_to_rpc_error()),
        ] {
            let nests = error(&client, name, json!("no user"), form).await;
            assert_eq!(ours_as_error.err().as_str(), nests.err().as_str(), "{name}, {form}");
            assert_eq!(
                HttpException::from_rpc_error(&nests),
                Some(ours.clone()),
                "{name}, {form}"
            );
        }
    }
}

#[tokio::test]
async fn several_messages_and_bodies_of_ones_own_are_written_as_nest_12_writes_them() {
    let (_service, client) = client(12).await;
    let several = json!({ "message": ["a", "b"], "error": "I'm a teapot", "statusCode": 418 });
    let ours = HttpException::with_response(418, several);
    let nests = error(&client, "ImATeapotException", json!(["a", "b"]), "whole").await;
    assert_eq!(ours.to_rpc_error().err().as_str(), nests.err().as_str());
    assert_eq!(ours.message().as_deref(), Some("a, b"));
}

#[tokio::test]
async fn an_exception_of_http_from_nest_7_is_read() {
    let (_service, client) = client(7).await;
    for form in ["whole", "response"] {
        let nests = error(&client, "NotFoundException", json!("no user"), form).await;
        assert_eq!(
            HttpException::from_rpc_error(&nests),
            Some(HttpException::new(404, "no user")),
            "{form}"
        );
    }
}

/// Returns the error of a service whose filter sends whole exceptions.
async fn whole(client: &Client, data: nest_wire::json::Value) -> RpcError {
    match client.send::<()>("rpc-exception", &data).await {
        Err(CallError::Rpc(error)) => error,
        other => panic!("no error: {other:?}"),
    }
}

#[tokio::test]
async fn an_exception_that_a_filter_sends_whole_is_written_as_nest_writes_it() {
    for major in [7, 12] {
        let (_service, client) = client(major).await;
        for error in [
            json!("odd"),
            json!({ "code": 7 }),
            json!({ "code": 7, "message": "odd" }),
            json!({ "message": 7 }),
            json!(["a", "b"]),
            json!(7),
            json!(null),
        ] {
            let nests = whole(&client, json!({ "error": error.clone() })).await;
            let ours = RpcError::from_exception(&error).expect("it can be written");
            assert_eq!(ours.err().as_str(), nests.err().as_str(), "Nest {major}");
        }
    }
}

#[tokio::test]
async fn an_exception_of_http_within_one_that_a_filter_sends_whole_is_read() {
    for major in [7, 12] {
        let (_service, client) = client(major).await;
        let nests = whole(&client, json!({ "error": "no user", "name": "NotFoundException" })).await;
        let ours = HttpException::new(404, "no user");
        assert_eq!(
            HttpException::from_rpc_error(&nests),
            Some(ours.clone()),
            "Nest {major}"
        );
        if major == 12 {
            // Nest 7 writes the members of the body in another order.
            let ours = RpcError::from_exception(ours.response()).expect("it can be written");
            assert_eq!(ours.err().as_str(), nests.err().as_str());
        }
    }
}

#[tokio::test]
async fn an_exception_of_http_that_is_thrown_as_it_is_does_not_cross_the_wire() {
    for major in [7, 12] {
        let (_service, client) = client(major).await;
        for form in ["thrown", "observable"] {
            let nests = error(&client, "NotFoundException", json!("no user"), form).await;
            assert_eq!(
                nests.err().as_str(),
                RpcError::internal().err().as_str(),
                "{major}, {form}"
            );
            assert_eq!(HttpException::from_rpc_error(&nests), None);
        }
    }
}
