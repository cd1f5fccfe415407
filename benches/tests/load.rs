//! The load generator against our own service: it counts right replies and fails on wrong ones.

use std::net::SocketAddr;

use nest_wire::server::{HostListener, serve};
use nest_wire_benches::{
    handlers,
    load::{Exchange, Load, LoadError, Report, Shape, Until},
};

async fn service() -> SocketAddr {
    let listener = HostListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addrs().expect("an address")[0];
    tokio::spawn(serve(listener, handlers::router()).into_future());
    address
}

async fn run(exchange: &Exchange) -> Result<Report, LoadError> {
    let shape = Shape {
        connections: 3,
        in_flight: 5,
    };
    let mut load = Load::connect(service().await, shape, exchange).await?;
    load.run(Until::Count(3)).await?;
    load.run(Until::Count(30)).await
}

#[tokio::test]
async fn right_answers_are_counted_run_by_run() {
    let exchange = Exchange::request("\"sum\"", "[1,2,3]").answered("6");
    assert_eq!(run(&exchange).await.expect("right answers").exchanges, 30);
}

#[tokio::test]
async fn a_wrong_value_fails_the_run() {
    let exchange = Exchange::request("\"sum\"", "[1,2,3]").answered("7");
    let failed = run(&exchange).await.expect_err("6 is not 7");
    assert!(matches!(failed, LoadError::Wrong { .. }), "{failed}");
}

#[tokio::test]
async fn an_answer_of_another_length_fails_the_run() {
    let exchange = Exchange::request("\"sum\"", "[1,2,33]").answered("6");
    let failed = run(&exchange).await.expect_err("36 is not 6");
    assert!(matches!(failed, LoadError::Stray { .. }), "{failed}");
}

#[tokio::test]
async fn an_answer_with_another_request_s_id_fails_the_run() {
    // A server that reads ids must not reply with the first id every time.
    let exchange = Exchange::request("\"sum\"", "[1,2,3]").answered("6").canned();
    assert!(run(&exchange).await.is_err());
}

#[tokio::test]
async fn each_value_of_a_stream_is_due_in_its_turn() {
    let streamed = |values: [&str; 3]| Exchange::request("\"stream\"", "3").streamed(&values.map(str::to_owned));
    let report = run(&streamed(["1000", "1001", "1002"])).await.expect("right values");
    assert_eq!(report.exchanges, 30);
    let failed = run(&streamed(["1001", "1000", "1002"]))
        .await
        .expect_err("another order");
    assert!(matches!(failed, LoadError::Wrong { .. }), "{failed}");
}

#[tokio::test]
async fn events_are_counted_by_whoever_asks() {
    let exchange = Exchange::request("\"logged\"", "0").after_events("\"log\"", "\"hello\"", 10);
    let one_at_a_time = Shape {
        connections: 1,
        in_flight: 1,
    };
    for (count, is_right) in [("10", true), ("11", false)] {
        let exchange = exchange.clone().answered(count);
        let mut load = Load::connect(service().await, one_at_a_time, &exchange)
            .await
            .expect("a connection");
        assert_eq!(load.run(Until::Count(3)).await.is_ok(), is_right, "{count}");
    }
}
