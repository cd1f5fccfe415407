//! The tutorial's two services, each in Nest and in Rust: the page in the browser, and every byte
//! between the services.

use compat_tests::{Environment, Implementation, Tap, Transcript, get, on_each_major};
use nest_wire_harness::App;

on_each_major!(the_tutorial_works_whichever_side_is_ours, tutorial);
on_each_major!(the_further_routes_say_the_same_whichever_side_is_ours, routes);

async fn tutorial(major: u8) {
    let environment = Environment::ready().await;
    let mut transcripts = Vec::new();
    for (main, user) in pairs(major) {
        let (bodies, transcript) = visit(environment, main, App::User, user, &["/sum?num=3,5,6"]).await;
        assert_eq!(bodies, ["14"], "{main} -> {user}");
        // Nest 7's own client uses one connection each for an event and a message before the first
        // one is up.
        transcripts.push(((main, user), transcript.sorted()));
    }
    let (_, nest) = transcripts[0].clone();
    assert_eq!(
        nest.caller,
        [
            r##"{"pattern":"log","data":"求和"}"##,
            r##"{"pattern":"sum","data":[3,5,6],"id":"#1"}"##
        ]
    );
    assert_eq!(nest.service, [r##"{"response":14,"isDisposed":true,"id":"#1"}"##]);
    for (pair, transcript) in transcripts {
        assert_eq!(transcript, nest, "{pair:?} and Nest with Nest");
    }
}

async fn routes(major: u8) {
    let environment = Environment::ready().await;
    let paths = ["/object", "/stream", "/error", "/missing", "/note"];
    let (nest, rust) = (Implementation::Nest(major), Implementation::Rust);
    for service in [nest, rust] {
        let (bodies, transcript) = visit(environment, nest, App::Conformance, service, &paths).await;
        assert_eq!(bodies, expected_bodies(service));
        let (our_bodies, our_transcript) = visit(environment, rust, App::Conformance, service, &paths).await;
        assert_eq!(our_bodies, bodies, "what the browser shows of {service}");
        assert_eq!(our_transcript.caller, transcript.caller, "what is sent to {service}");
        assert_eq!(our_transcript.service, transcript.service, "what {service} answers");
        assert_eq!(transcript.service, expected_replies(service));
    }
}

fn pairs(major: u8) -> [(Implementation, Implementation); 4] {
    let (nest, rust) = (Implementation::Nest(major), Implementation::Rust);
    [(nest, nest), (nest, rust), (rust, nest), (rust, rust)]
}

/// Starts the two services with a proxy between them and fetches `paths` one after the other.
async fn visit(
    environment: &Environment,
    main: Implementation,
    app: App,
    user: Implementation,
    paths: &[&str],
) -> (Vec<String>, Transcript) {
    let service = environment.start(app, user, &[]).await;
    let tap = Tap::on(service.address()).await;
    let main = environment.start_main(main, tap.address().port()).await;
    let mut bodies = Vec::new();
    for path in paths {
        bodies.push(get(main.address(), path).await);
    }
    if app == App::User {
        // The message may have overtaken the event: Nest 7 may send them on different connections.
        service
            .wait_for_line("求和")
            .await
            .expect("the user service prints what it is told to log");
    }
    (bodies, Transcript::of(tap.events()))
}

/// Nest 7 does not chain event handlers: of the two for `note`, only the counting one runs.
fn notes(service: Implementation) -> &'static str {
    match service {
        Implementation::Nest(7) => r#"{"values":[],"count":1}"#,
        _ => r#"{"values":["a"],"count":1}"#,
    }
}

fn expected_bodies(service: Implementation) -> [&'static str; 5] {
    [
        "6",
        "[1,2,3]",
        r#"{"error":{"status":"error","message":"x"}}"#,
        r#"{"error":"There is no matching message handler defined in the remote service."}"#,
        notes(service),
    ]
}

fn expected_replies(service: Implementation) -> Vec<String> {
    let replies = [
        r##"{"response":6,"isDisposed":true,"id":"#1"}"##,
        r##"{"response":1,"id":"#2"}"##,
        r##"{"response":2,"id":"#2"}"##,
        r##"{"response":3,"isDisposed":true,"id":"#2"}"##,
        r##"{"err":{"status":"error","message":"x"},"isDisposed":true,"id":"#3"}"##,
        r##"{"id":"#4","status":"error","err":"There is no matching message handler defined in the remote service."}"##,
    ];
    let last = format!(r##"{{"response":{},"isDisposed":true,"id":"#5"}}"##, notes(service));
    replies.map(str::to_owned).into_iter().chain([last]).collect()
}
