//! A model of what a client's handles and its connection's task share, run by shuttle in many orders of their steps: callers
//! wait, give up and start the task, connections are lost, tasks end with their runtime, and the client is closed.
//!
//! The connection's task is played by hand: it writes a packet and answers it at once, with the call's number plus one.
//! Tokio's semaphore and notification block no thread, so only the lock has to be shuttle's. CONTRIBUTING has the command;
//! `NEST_WIRE_CASES` sets the number of orders.

use std::{collections::VecDeque, future::poll_fn, sync::Arc, task::Poll};

use shuttle::{future::block_on, thread};

use crate::{
    client::{
        CallError, Config, Disconnected,
        call::outgoing::{Errand, Kind},
        channel::{
            Desk, End, Progress,
            call_state::Stage,
            pending::{Because, Key, Woken},
            values::Clock,
            wake,
        },
        driver::receiver::Clerk,
        pool::slot::Member,
        state::Board,
    },
    compat::Compat,
    packet::{CallId, Outcome, RawJson},
    pattern::Pattern,
};

/// What happens to a task of the connection after it has answered so many calls.
#[derive(Debug, Clone, Copy)]
enum Fate {
    /// The connection is lost, with what was written; the task goes on with another connection.
    LosesConnection(usize),
    /// The task ends with its runtime.
    Ends(usize),
}

/// The tasks that are still to come; after them, tasks without a fate.
type Fates = Arc<std::sync::Mutex<VecDeque<Fate>>>;

fn member(max_queued: usize, fates: &[Fate]) -> Arc<Member> {
    let fates: Fates = Arc::new(std::sync::Mutex::new(fates.iter().copied().collect()));
    let start = move |clerk: Clerk| {
        let fates = Arc::clone(&fates);
        thread::spawn(move || block_on(task(clerk, &fates)));
    };
    let config = Config::default().max_queued(max_queued);
    Arc::new(Member::new(Box::new(start), &config, Board::new(1).notice(0)))
}

/// The connection's task, until it ends. The drop of the clerk is what its callers see of that.
async fn task(clerk: Clerk, fates: &Fates) {
    let mut fate = next(fates);
    poll_fn(|cx| {
        let desk = &clerk.desk;
        let (written, is_over) = {
            let mut papers = desk.lock();
            papers.watch(cx);
            (write(&mut papers), papers.is_drained())
        };
        desk.slots.add_permits(written.len());
        for packet in written {
            match &mut fate {
                Some(Fate::Ends(0)) => return Poll::Ready(()),
                Some(Fate::LosesConnection(0)) => {
                    let mut woken = Woken::new();
                    desk.lock().fail_sent(Disconnected::ByPeer, &mut woken);
                    wake(woken.drain(..));
                    fate = next(fates);
                    // The others went with the connection.
                    break;
                }
                Some(Fate::Ends(left) | Fate::LosesConnection(left)) => *left -= 1,
                None => {}
            }
            answer(desk, &packet);
        }
        if is_over || desk.lock().is_drained() {
            return Poll::Ready(());
        }
        Poll::Pending
    })
    .await;
}

fn next(fates: &Fates) -> Option<Fate> {
    fates.lock().expect("no panic").pop_front()
}

/// Takes the packets that are wanted out of the queue.
fn write(papers: &mut crate::client::channel::Papers) -> Vec<String> {
    let mut written = Vec::new();
    let crate::client::channel::Papers { queue, calls, .. } = papers;
    let large = queue.take(usize::MAX, |key, text| {
        if calls.write(key) == Some(Stage::Asked) {
            written.push(text.to_owned());
        }
    });
    assert!(large.is_none());
    written
}

fn answer(desk: &Desk, packet: &str) {
    let (data, id) = packet
        .split_once(r#""data":"#)
        .and_then(|(_, rest)| rest.strip_suffix('}')?.split_once(r#","id":"#))
        .expect("a request");
    let value = RawJson::new((data.parse::<u32>().expect("a number") + 1).to_string()).expect("JSON");
    let (id, mut woken) = (CallId::read_json(id).expect("an id"), Woken::new());
    let outcome = Outcome::Completed(Some(value));
    // The call may have been given up.
    let _ = desk
        .lock()
        .calls
        .deliver(id, outcome, &mut Clock::default(), &mut woken);
    wake(woken.drain(..));
}

fn errand(number: u32) -> Errand {
    let mut errand = Errand::new(Kind::Request);
    let pattern = Pattern::from("p");
    errand.address(&pattern, Compat::Nest12).expect("a pattern");
    let data = |out: &mut Vec<u8>| {
        out.extend_from_slice(number.to_string().as_bytes());
        Ok(())
    };
    errand.data(data).expect("a number");
    errand
}

async fn submit(member: &Member, number: u32) -> Result<Key, CallError> {
    let config = Config::default();
    let submitted = member.submit(&mut errand(number), &config).await?;
    member.start_if(submitted.is_first, &config);
    Ok(submitted.key)
}

/// Makes a call and waits for its end.
async fn call(member: &Member, number: u32) -> Result<Option<RawJson>, CallError> {
    let key = submit(member, number).await?;
    let end = poll_fn(|cx| match member.desk.poll_end(key, cx) {
        Progress::Ready(end) => Poll::Ready(end),
        Progress::Pending => Poll::Pending,
        Progress::Unattended => {
            member.start_if(true, &Config::default());
            Poll::Pending
        }
    });
    match end.await? {
        End::Value(value) => Ok(value),
        End::Returned(_) => panic!("there is one connection"),
    }
}

/// Makes a call and gives it up, at whatever moment that is.
async fn give_up(member: &Member, number: u32) {
    if let Ok(key) = submit(member, number).await {
        member.desk.give_up(key, Because::Dropped);
    }
}

/// Some callers at once, one of whom gives up; perhaps the client is closed meanwhile. Every call ends, with its own answer
/// or a reason that `may_fail` allows, all slots are free again, and a client that is closed has no task.
fn run(max_queued: usize, fates: &[Fate], closes: bool, may_fail: fn(&CallError) -> bool) {
    let member = member(max_queued, fates);
    let callers: Vec<_> = (0..3)
        .map(|number| {
            let member = Arc::clone(&member);
            thread::spawn(move || block_on(call(&member, number)))
        })
        .collect();
    let quitter = Arc::clone(&member);
    let quitter = thread::spawn(move || block_on(give_up(&quitter, 9)));
    if closes {
        member.desk.close();
    }
    for (number, caller) in callers.into_iter().enumerate() {
        match caller.join().expect("no panic") {
            Ok(value) => assert_eq!(value.expect("a value").as_str(), (number + 1).to_string()),
            Err(error) => assert!(may_fail(&error), "{error:?}"),
        }
    }
    quitter.join().expect("no panic");
    member.desk.close();
    block_on(member.desk.is_left());
    assert_eq!(member.desk.slots.available_permits(), max_queued, "slots");
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
    let stopped = |error: &CallError| matches!(error, CallError::ConnectionClosed(Disconnected::Stopped));
    check(move || run(1, &[Fate::Ends(0), Fate::Ends(1)], false, stopped));
    check(move || run(8, &[Fate::Ends(1), Fate::Ends(0)], false, stopped));
}

#[test]
fn what_is_written_when_a_connection_is_lost_fails_and_the_rest_goes_on() {
    let lost = |error: &CallError| matches!(error, CallError::ConnectionClosed(Disconnected::ByPeer));
    check(move || run(2, &[Fate::LosesConnection(0), Fate::LosesConnection(1)], false, lost));
}

#[test]
fn nobody_waits_for_ever_for_a_client_that_is_closed() {
    let closed = |error: &CallError| {
        matches!(
            error,
            CallError::Closed | CallError::ConnectionClosed(Disconnected::Stopped | Disconnected::ByPeer)
        )
    };
    check(move || run(1, &[], true, closed));
    check(move || run(8, &[Fate::Ends(1), Fate::LosesConnection(0)], true, closed));
}
