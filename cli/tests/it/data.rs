//! What goes out: data from everywhere, metadata, and the manner of each major.

use tokio::{io::AsyncReadExt, net::TcpListener};

use crate::command::{Ended, fresh_directory, run};

/// Returns what `emit` with these options puts on the wire.
async fn emitted(options: &[&str], call: &[&str]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound").to_string();
    let service = async {
        let (mut stream, _) = listener.accept().await.expect("a caller");
        let mut received = String::new();
        stream.read_to_string(&mut received).await.expect("a link");
        received
    };
    let args = [&["emit"][..], options, &[&address], call].concat();
    let (received, ended) = tokio::join!(service, run(&args));
    assert_eq!(ended, Ended::well(""));
    received
}

#[tokio::test]
async fn data_that_is_absent_is_an_empty_object() {
    assert_eq!(emitted(&[], &["log"]).await, r#"27#{"pattern":"log","data":{}}"#);
}

#[tokio::test]
async fn data_may_stand_in_a_file() {
    let file = fresh_directory("data").join("data.json");
    std::fs::write(&file, "[\n  1.0,\n  \"求\"\n]\n").expect("a file");
    let data = format!("@{}", file.display());
    assert_eq!(
        emitted(&[], &["log", &data]).await,
        r#"32#{"pattern":"log","data":[1,"求"]}"#
    );
}

#[tokio::test]
async fn metadata_is_members_or_json() {
    let call = &["log", "1"];
    assert_eq!(
        emitted(&["-m", "tenant=acme", "--metadata", "trace=a=b"], call).await,
        r#"69#{"pattern":"log","data":1,"metadata":{"tenant":"acme","trace":"a=b"}}"#
    );
    assert_eq!(
        emitted(&["--metadata-json", "{\"depth\": 1.0}"], call).await,
        r#"49#{"pattern":"log","data":1,"metadata":{"depth":1}}"#
    );
}

#[tokio::test]
async fn an_older_major_spells_routes_its_own_way() {
    let call = &[r#"{"say":"\"hi\""}"#, "1"];
    assert_eq!(
        emitted(&["--nest", "10"], call).await,
        r#"43#{"pattern":"{\"say\":\"\"hi\"\"}","data":1}"#
    );
    assert_eq!(
        emitted(&["--nest", "12"], call).await,
        r#"47#{"pattern":"{\"say\":\"\\\"hi\\\"\"}","data":1}"#
    );
}
