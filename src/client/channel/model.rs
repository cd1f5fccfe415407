//! A model of the state shared by a client's handles and its driver, which shuttle runs in many
//! interleavings: callers wait, cancel calls and start the driver, connections are lost, drivers
//! end with their runtime, and the client is closed.
//!
//! The driver is simulated: it writes a packet and replies at once with the call's number plus one.
//! Tokio's semaphore and notification block no thread, so only the lock has to be shuttle's.
//! CONTRIBUTING has the command; `NEST_WIRE_CASES` sets the number of interleavings.

use std::{collections::VecDeque, future::poll_fn, sync::Arc, task::Poll};

use shuttle::{future::block_on, thread};

use crate::{
    client::{
        CallError, DisconnectReason,
        call::outgoing::{CallKind, OutgoingCall},
        channel::{
            ChannelState, RequestChannel,
            pending::{
                CancelReason, WakeList,
                call::{CallKey, CallState},
            },
            waiter::{Clock, End},
            wake,
        },
        config::{Config, at_least_one},
        driver::receiver::RequestReceiver,
    },
    compat::Compat,
    packet::{CallId, RawJson, ReplyOutcome},
    pattern::Pattern,
};

/// What happens to a driver after it has replied to a number of calls.
#[derive(Debug, Clone, Copy)]
enum Fate {
    /// The connection is lost with all written packets; the driver continues with another
    /// connection.
    LosesConnection(usize),
    /// The driver ends with its runtime.
    Ends(usize),
}

/// The fates still to come, in order; after the last one, nothing more happens to a driver.
type Fates = Arc<std::sync::Mutex<VecDeque<Fate>>>;

fn channel(max_queued: usize, fates: &[Fate]) -> Arc<RequestChannel> {
    let fates: Fates = Arc::new(std::sync::Mutex::new(fates.iter().copied().collect()));
    let start = move |channel| {
        let receiver = RequestReceiver::new(channel, Config::default().drain_timeout);
        let fates = Arc::clone(&fates);
        thread::spawn(move || block_on(task(receiver, &fates)));
    };
    let config = Config {
        max_queued: at_least_one(max_queued),
        ..Config::default()
    };
    Arc::new(RequestChannel::new(&config, Box::new(start)))
}

/// Runs the simulated driver until it ends. Callers observe its end through the drop of `receiver`.
async fn task(receiver: RequestReceiver, fates: &Fates) {
    let mut fate = next(fates);
    poll_fn(|cx| {
        let channel = &receiver.channel;
        let (written, is_over) = {
            let mut state = channel.lock();
            state.watch(cx);
            (write(&mut state), state.is_drained())
        };
        channel.queue_permits.add_permits(written.len());
        for packet in written {
            match &mut fate {
                Some(Fate::Ends(0)) => return Poll::Ready(()),
                Some(Fate::LosesConnection(0)) => {
                    let mut woken = WakeList::new();
                    channel.lock().fail_sent(DisconnectReason::ByPeer, &mut woken);
                    wake(woken.drain(..));
                    fate = next(fates);
                    // The remaining packets are lost with the connection.
                    break;
                }
                Some(Fate::Ends(left) | Fate::LosesConnection(left)) => *left -= 1,
                None => {}
            }
            answer(channel, &packet);
        }
        if is_over || channel.lock().is_drained() {
            return Poll::Ready(());
        }
        Poll::Pending
    })
    .await;
}

fn next(fates: &Fates) -> Option<Fate> {
    fates.lock().expect("no panic").pop_front()
}

/// Takes the packets out of the queue. Returns those that are wanted.
fn write(state: &mut ChannelState) -> Vec<String> {
    let mut written = Vec::new();
    let ChannelState { queue, calls, .. } = state;
    let large = queue.take(usize::MAX, |key, text| {
        if calls.write(key) == Some(CallState::AwaitingReply) {
            written.push(text.to_owned());
        }
    });
    assert!(large.is_none());
    written
}

fn answer(channel: &RequestChannel, packet: &str) {
    let (data, id) = packet
        .split_once(r#""data":"#)
        .and_then(|(_, rest)| rest.strip_suffix('}')?.split_once(r#","id":"#))
        .expect("a request");
    let value = RawJson::new((data.parse::<u32>().expect("a number") + 1).to_string()).expect("JSON");
    let (id, mut woken) = (CallId::read_json(id).expect("an id"), WakeList::new());
    let outcome = ReplyOutcome::Completed(Some(value));
    // The caller may have cancelled the call.
    let _ = channel
        .lock()
        .calls
        .complete(id, outcome, &mut Clock::default(), &mut woken);
    wake(woken.drain(..));
}

fn outgoing(number: u32) -> OutgoingCall {
    let mut outgoing = OutgoingCall::new(CallKind::Request);
    let pattern = Pattern::from("p");
    outgoing.address(&pattern, Compat::Nest12).expect("a pattern");
    let data = |out: &mut Vec<u8>| {
        out.extend_from_slice(number.to_string().as_bytes());
        Ok(())
    };
    outgoing.data(data).expect("a number");
    outgoing
}

async fn submit(channel: &Arc<RequestChannel>, number: u32) -> Result<CallKey, CallError> {
    let submitted = channel.submit_later(&mut outgoing(number)).await?;
    if submitted.is_first {
        channel.start();
    }
    Ok(submitted.key)
}

/// Makes a call and waits for its end. Returns the value of the reply.
async fn call(channel: &Arc<RequestChannel>, number: u32) -> Result<Option<RawJson>, CallError> {
    let key = submit(channel, number).await?;
    match poll_fn(|cx| channel.poll_end(key, cx)).await? {
        End::Value(value) => Ok(value),
        End::Returned(_) => panic!("there is one connection"),
    }
}

/// Makes a call and cancels it, at an arbitrary moment.
async fn cancel(channel: &Arc<RequestChannel>, number: u32) {
    if let Ok(key) = submit(channel, number).await {
        channel.cancel(key, CancelReason::Dropped);
    }
}

/// Runs several callers at once, one of which cancels its call; `closes` closes the client
/// meanwhile. Asserts that every call ends with its own reply or with an error that `may_fail`
/// allows, that all permits are available again, and that a closed client has no driver.
fn run(max_queued: usize, fates: &[Fate], closes: bool, may_fail: fn(&CallError) -> bool) {
    let channel = channel(max_queued, fates);
    let callers: Vec<_> = (0..3)
        .map(|number| {
            let channel = Arc::clone(&channel);
            thread::spawn(move || block_on(call(&channel, number)))
        })
        .collect();
    let quitter = Arc::clone(&channel);
    let quitter = thread::spawn(move || block_on(cancel(&quitter, 9)));
    if closes {
        channel.close();
    }
    for (number, caller) in callers.into_iter().enumerate() {
        match caller.join().expect("no panic") {
            Ok(value) => assert_eq!(value.expect("a value").as_str(), (number + 1).to_string()),
            Err(error) => assert!(may_fail(&error), "{error:?}"),
        }
    }
    quitter.join().expect("no panic");
    channel.close();
    block_on(channel.driver_stopped());
    assert_eq!(channel.queue_permits.available_permits(), max_queued, "queue_permits");
}

fn check(model: impl Fn() + Send + Sync + 'static) {
    let cases = std::env::var("NEST_WIRE_CASES")
        .ok()
        .and_then(|cases| cases.parse().ok());
    shuttle::check_random(model, cases.unwrap_or(3000));
}

#[test]
fn every_call_has_its_answer_while_nothing_is_lost() {
    check(|| run(8, &[], false, |_| false));
}

#[test]
fn callers_that_wait_for_room_get_it() {
    check(|| run(1, &[], false, |_| false));
}

#[test]
fn what_is_only_queued_survives_the_end_of_a_task() {
    let stopped = |error: &CallError| matches!(error, CallError::ConnectionClosed(DisconnectReason::Stopped));
    check(move || run(1, &[Fate::Ends(0), Fate::Ends(1)], false, stopped));
    check(move || run(8, &[Fate::Ends(1), Fate::Ends(0)], false, stopped));
}

#[test]
fn what_is_written_when_a_connection_is_lost_fails_and_the_rest_goes_on() {
    let lost = |error: &CallError| matches!(error, CallError::ConnectionClosed(DisconnectReason::ByPeer));
    check(move || run(2, &[Fate::LosesConnection(0), Fate::LosesConnection(1)], false, lost));
}

#[test]
fn nobody_waits_for_ever_for_a_client_that_is_closed() {
    let closed = |error: &CallError| {
        matches!(
            error,
            CallError::Closed | CallError::ConnectionClosed(DisconnectReason::Stopped | DisconnectReason::ByPeer)
        )
    };
    check(move || run(1, &[], true, closed));
    check(move || run(8, &[Fate::Ends(1), Fate::LosesConnection(0)], true, closed));
}
