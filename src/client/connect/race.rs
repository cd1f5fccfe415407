//! Connects to the first of several addresses that accepts, without waiting for an address that
//! does not respond (RFC 8305, "happy eyeballs"). Independent of sockets: an attempt is any future.

use std::{fmt, future::Future, io, net::SocketAddr, time::Duration};

use futures_util::{StreamExt, stream::FuturesUnordered};
use tokio::time::sleep;

/// Time between the starts of two attempts, unless one fails sooner (RFC 8305 §5, "Connection
/// Attempt Delay").
const STAGGER: Duration = Duration::from_millis(250);
/// Maximum number of addresses that an error message names.
const MAX_NAMED: usize = 4;

/// Starts an attempt for each address in turn: the next one after [`STAGGER`], or at once when an
/// attempt fails. Returns the first success and drops the other attempts.
///
/// # Errors
/// All attempts failed, or there is no address.
pub(in crate::client) async fn race<A, T, F>(addresses: Vec<A>, attempt: impl Fn(A) -> F) -> io::Result<T>
where
    A: fmt::Display + Copy,
    F: Future<Output = io::Result<T>>,
{
    let mut waiting = addresses.into_iter();
    let mut running = FuturesUnordered::new();
    let mut failed = Vec::new();
    loop {
        if let Some(address) = waiting.next() {
            let attempt = attempt(address);
            running.push(async move { (address, attempt.await) });
        }
        let ended = tokio::select! {
            biased;
            ended = running.next() => ended,
            () = sleep(STAGGER), if waiting.len() > 0 => continue,
        };
        match ended {
            Some((_, Ok(connected))) => return Ok(connected),
            Some((address, Err(error))) => failed.push((address, error)),
            None => return Err(all_failed(failed)),
        }
    }
}

/// Returns the addresses with alternating families, beginning with the family of the first address
/// (RFC 8305 §4): a family that does not work delays the other one by a single stagger.
pub(in crate::client) fn interleaved(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let count = addresses.len();
    let is_ipv4 = addresses.first().is_some_and(SocketAddr::is_ipv4);
    let (preferred, others): (Vec<_>, Vec<_>) = addresses.into_iter().partition(|address| address.is_ipv4() == is_ipv4);
    let (mut preferred, mut others) = (preferred.into_iter(), others.into_iter());
    let mut interleaved = Vec::with_capacity(count);
    while interleaved.len() < count {
        interleaved.extend(preferred.next().into_iter().chain(others.next()));
    }
    interleaved
}

/// Returns the addresses of each family in their order by number, beginning with the one whose turn
/// it is. The family of the first address stays first; equal addresses are left out. (Resolvers
/// return the addresses of a name in a changing order.)
pub(in crate::client) fn rotated(addresses: Vec<SocketAddr>, turn: usize) -> Vec<SocketAddr> {
    let is_ipv4 = addresses.first().is_some_and(SocketAddr::is_ipv4);
    let (mut preferred, mut others): (Vec<_>, Vec<_>) =
        addresses.into_iter().partition(|address| address.is_ipv4() == is_ipv4);
    for family in [&mut preferred, &mut others] {
        family.sort_unstable();
        family.dedup();
        let first = turn.checked_rem(family.len()).unwrap_or(0);
        family.rotate_left(first);
    }
    preferred.extend(others);
    preferred
}

/// Returns one error for all attempts: a single error unchanged; for several errors, the kind of
/// the most specific one, with the addresses and their errors as the message.
fn all_failed<A: fmt::Display>(mut failed: Vec<(A, io::Error)>) -> io::Error {
    if failed.len() == 1 {
        return failed.remove(0).1;
    }
    let Some((_, telling)) = failed.iter().min_by_key(|(_, error)| vagueness(error.kind())) else {
        return io::Error::new(io::ErrorKind::NotFound, "there is no address to connect to");
    };
    let kind = telling.kind();
    let mut message = format!("none of {} addresses can be reached", failed.len());
    for (index, (address, error)) in failed.iter().take(MAX_NAMED).enumerate() {
        let separator = if index == 0 { ": " } else { "; " };
        message.push_str(&format!("{separator}{address}: {error}"));
    }
    if failed.len() > MAX_NAMED {
        message.push_str("; ...");
    }
    io::Error::new(kind, message)
}

/// Returns 0 for errors that a machine at the address has caused, and larger numbers for errors
/// with less information about the address.
fn vagueness(kind: io::ErrorKind) -> u8 {
    use io::ErrorKind::{AddrNotAvailable, ConnectionAborted, ConnectionRefused, ConnectionReset};
    use io::ErrorKind::{HostUnreachable, NetworkUnreachable, TimedOut};
    match kind {
        ConnectionRefused | ConnectionReset | ConnectionAborted => 0,
        TimedOut => 2,
        HostUnreachable => 3,
        // This machine may lack the address family.
        NetworkUnreachable | AddrNotAvailable => 4,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use std::{cell::RefCell, future::pending};

    use tokio::time::{Instant, timeout};

    use super::*;

    /// The behaviour of an address.
    #[derive(Debug, Clone, Copy)]
    enum Host {
        Answers(Duration),
        Fails(Duration, io::ErrorKind),
        Hangs,
    }

    use Host::{Answers, Fails, Hangs};

    const MS: Duration = Duration::from_millis(1);

    /// Races these hosts, which are numbered from 0. Returns the outcome, the time it took and the
    /// start of each attempt.
    async fn run(hosts: &[Host]) -> (io::Result<usize>, Duration, Vec<(usize, Duration)>) {
        let (start, begun) = (Instant::now(), RefCell::new(Vec::new()));
        let attempt = |index: usize| {
            begun.borrow_mut().push((index, start.elapsed()));
            let host = hosts[index];
            async move {
                match host {
                    Answers(after) => sleep(after).await,
                    Fails(after, kind) => {
                        sleep(after).await;
                        return Err(kind.into());
                    }
                    Hangs => pending().await,
                }
                Ok(index)
            }
        };
        let outcome = race((0..hosts.len()).collect(), attempt).await;
        (outcome, start.elapsed(), begun.into_inner())
    }

    #[tokio::test(start_paused = true)]
    async fn one_address_that_hangs_delays_the_next_one_by_a_stagger() {
        let (outcome, took, begun) = run(&[Hangs, Answers(3 * MS)]).await;
        assert_eq!(outcome.expect("the second answers"), 1);
        assert_eq!(took, STAGGER + 3 * MS);
        assert_eq!(begun, [(0, Duration::ZERO), (1, STAGGER)]);
    }

    #[tokio::test(start_paused = true)]
    async fn the_next_attempt_begins_at_once_when_one_fails() {
        let refused = Fails(5 * MS, io::ErrorKind::ConnectionRefused);
        let (outcome, took, begun) = run(&[Hangs, refused, Answers(MS)]).await;
        assert_eq!(outcome.expect("the third answers"), 2);
        assert_eq!(begun, [(0, Duration::ZERO), (1, STAGGER), (2, STAGGER + 5 * MS)]);
        assert_eq!(took, STAGGER + 6 * MS);
    }

    #[tokio::test(start_paused = true)]
    async fn an_early_attempt_may_still_win_after_later_ones_have_begun() {
        let (outcome, took, begun) = run(&[Answers(300 * MS), Answers(300 * MS)]).await;
        assert_eq!(outcome.expect("the first answers"), 0);
        assert_eq!((took, begun.len()), (300 * MS, 2));
    }

    #[tokio::test(start_paused = true)]
    async fn an_address_that_answers_at_once_is_the_only_one_tried() {
        let (outcome, took, begun) = run(&[Answers(Duration::ZERO), Answers(Duration::ZERO)]).await;
        assert_eq!(outcome.expect("the first answers"), 0);
        assert_eq!((took, begun.len()), (Duration::ZERO, 1));
    }

    #[tokio::test(start_paused = true)]
    async fn when_all_fail_the_error_names_each_and_is_of_the_most_telling_kind() {
        let hosts = [
            Fails(MS, io::ErrorKind::NetworkUnreachable),
            Fails(MS, io::ErrorKind::ConnectionRefused),
            Fails(MS, io::ErrorKind::TimedOut),
        ];
        let error = run(&hosts).await.0.expect_err("none answers");
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
        assert_eq!(
            error.to_string(),
            "none of 3 addresses can be reached: 0: network unreachable; 1: connection refused; 2: timed out"
        );
        let many = [Fails(MS, io::ErrorKind::TimedOut); 100];
        let error = run(&many).await.0.expect_err("none answers").to_string();
        assert!(
            error.starts_with("none of 100 addresses") && error.ends_with("; ..."),
            "{error}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn the_error_of_a_single_address_is_the_systems() {
        let attempt = |_: u8| std::future::ready(Err::<(), _>(io::Error::from_raw_os_error(111)));
        let error = race(vec![0], attempt).await.expect_err("it fails");
        assert_eq!(error.raw_os_error(), Some(111));
        let error = race(Vec::new(), attempt).await.expect_err("there is none");
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }

    #[tokio::test(start_paused = true)]
    async fn addresses_that_all_hang_end_with_the_callers_own_timeout() {
        let begun = RefCell::new(0);
        let attempt = |_: usize| {
            *begun.borrow_mut() += 1;
            pending::<io::Result<()>>()
        };
        let raced = timeout(10 * STAGGER + MS, race((0..100).collect(), attempt)).await;
        assert!(raced.is_err());
        assert_eq!(begun.into_inner(), 11, "one for each stagger");
    }

    #[test]
    fn families_take_turns_beginning_with_the_first_addresss() {
        let addresses = |texts: &[&str]| -> Vec<SocketAddr> {
            texts.iter().map(|text| text.parse().expect("an address")).collect()
        };
        let given = addresses(&["[::1]:1", "[::2]:1", "[::3]:1", "1.0.0.1:1", "1.0.0.2:1"]);
        let expected = addresses(&["[::1]:1", "1.0.0.1:1", "[::2]:1", "1.0.0.2:1", "[::3]:1"]);
        assert_eq!(interleaved(given), expected);
        let ipv4 = addresses(&["1.0.0.3:1", "1.0.0.2:1"]);
        assert_eq!(interleaved(ipv4.clone()), ipv4);
        assert_eq!(interleaved(Vec::new()), []);
    }

    #[test]
    fn each_turn_begins_with_another_address_of_each_family() {
        let addresses = |texts: &[&str]| -> Vec<SocketAddr> {
            texts.iter().map(|text| text.parse().expect("an address")).collect()
        };
        let given = ["1.0.0.3:1", "[::2]:1", "1.0.0.1:1", "1.0.0.3:1", "[::1]:1", "1.0.0.2:1"];
        for (turn, expected) in [
            (3, ["1.0.0.1:1", "1.0.0.2:1", "1.0.0.3:1", "[::2]:1", "[::1]:1"]),
            (4, ["1.0.0.2:1", "1.0.0.3:1", "1.0.0.1:1", "[::1]:1", "[::2]:1"]),
            (5, ["1.0.0.3:1", "1.0.0.1:1", "1.0.0.2:1", "[::2]:1", "[::1]:1"]),
        ] {
            assert_eq!(rotated(addresses(&given), turn), addresses(&expected), "{turn}");
        }
        assert_eq!(
            rotated(addresses(&["[::1]:1", "1.0.0.1:1"]), 1),
            addresses(&["[::1]:1", "1.0.0.1:1"])
        );
        assert_eq!(rotated(Vec::new(), 7), []);
    }
}
