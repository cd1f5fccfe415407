//! The effects of the proxy on connections, seen from both ends.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use super::*;

/// Returns a proxy under this weather, and both ends of a connection through it.
async fn connected(weather: Weather) -> (Proxy, TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let target = listener.local_addr().expect("an address");
    let proxy = Proxy::start(target, 7, weather).await.expect("a port");
    let caller = TcpStream::connect(proxy.address()).await.expect("it accepts");
    let (service, _) = listener.accept().await.expect("it connects");
    (proxy, caller, service)
}

/// Returns a weather under which the seed of these tests draws this fault for the first connection.
fn certain(fault: Fault, within: u64) -> Weather {
    Weather::of(vec![fault; 1000], within)
}

#[tokio::test]
async fn calm_weather_carries_both_ways_and_passes_the_end_on() {
    let (_proxy, mut caller, mut service) = connected(Weather::calm()).await;
    caller.write_all(b"question").await.expect("it reads");
    caller.shutdown().await.expect("it is open");
    let mut question = String::new();
    service.read_to_string(&mut question).await.expect("an end");
    assert_eq!(question, "question");
    service.write_all(b"answer").await.expect("it reads");
    drop(service);
    let mut answer = String::new();
    caller.read_to_string(&mut answer).await.expect("an end");
    assert_eq!(answer, "answer");
}

#[tokio::test]
async fn a_connection_is_cut_or_reset_within_so_many_bytes() {
    for fault in [Fault::Cuts, Fault::Resets] {
        let (_proxy, mut caller, mut service) = connected(certain(fault, 100)).await;
        // Both directions carry enough bytes, since the fault may be in either.
        let _ = tokio::join!(caller.write_all(&[1; 101]), service.write_all(&[2; 101]));
        let (mut there, mut here) = (Vec::new(), Vec::new());
        let _ = tokio::join!(service.read_to_end(&mut there), caller.read_to_end(&mut here));
        assert!(
            there.len().min(here.len()) <= 100,
            "{fault:?}: {} {}",
            there.len(),
            here.len()
        );
    }
}

#[tokio::test]
async fn a_silent_connection_carries_nothing_until_it_is_healed_and_then_resets() {
    let (proxy, mut caller, mut service) = connected(certain(Fault::HalfOpen, 0)).await;
    // Wait for the silence: `heal` would prevent it if it had not begun.
    let mut spoilt = proxy.spoilt.subscribe();
    spoilt
        .wait_for(|spoilt| *spoilt == 1)
        .await
        .expect("the proxy is there");
    caller.write_all(b"lost").await.expect("the system takes it");
    proxy.heal().await;
    let ends = tokio::join!(caller.read_u8(), service.read_u8());
    assert!(ends.0.is_err() && ends.1.is_err(), "{ends:?}");
}

#[tokio::test]
async fn the_same_seed_draws_the_same_plans() {
    let weather = Weather::of(vec![Fault::Cuts, Fault::Refuses, Fault::SlowReading], 1000);
    let draw = |seed| {
        let mut random = fastrand::Rng::with_seed(seed);
        (0..20).map(|_| weather.plan(&mut random)).collect::<Vec<_>>()
    };
    assert_eq!(draw(1), draw(1));
    assert_ne!(draw(1), draw(2));
}
