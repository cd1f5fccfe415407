//! Answers callers.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use bytes::BytesMut;
use nest_wire::{Compat, json, packet::RpcError, recording::Side};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf, split},
    sync::{Notify, mpsc, watch},
    task::JoinSet,
    time::sleep,
};

use super::{
    answer::{Answer, Source},
    call::Call,
    connection::{MAX_REPLIES, Replies},
    rules::{Asked, Rules},
    screen::Screen,
};
use crate::{
    dial::stream::Stream,
    failure::say,
    faults::{Failing, Faults},
    relay::accept::Acceptor,
    traffic::{
        entry::{Entry, Seen, What},
        frames::{Frame, Frames, Piece},
        packet::Kind,
        text::{cut, printable},
    },
};

/// Maximum number of calls of a connection that wait for their answers; then it is not read from.
const MAX_CALLS: usize = 10_000;
/// Maximum number of columns of an unknown request's data that are shown.
const SHOWN: usize = 200;

/// What all connections share.
pub(super) struct Service {
    pub(super) source: Source,
    pub(super) compat: Compat,
    pub(super) faults: Faults,
    pub(super) screen: Rc<Screen>,
    /// Number of requests after which it stops.
    pub(super) until: Option<u64>,
    /// True once it stops.
    pub(super) stop: watch::Sender<bool>,
    pub(super) counts: Counts,
}

/// What happened so far.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) requests: Cell<u64>,
    pub(super) events: Cell<u64>,
    pub(super) unknown: Cell<u64>,
    pub(super) failed: Cell<u64>,
    connections: Cell<u32>,
}

fn add(counter: &Cell<u64>) -> u64 {
    counter.set(counter.get() + 1);
    counter.get()
}

impl Service {
    /// Serves until it stops, and then finishes what has begun.
    pub(super) async fn run(self: Rc<Self>, mut acceptor: Acceptor) {
        let mut stopped = self.stop.subscribe();
        let mut connections = JoinSet::new();
        loop {
            let accepted = tokio::select! {
                accepted = acceptor.accept() => accepted,
                Some(_) = connections.join_next() => continue,
                _ = stopped.wait_for(|stopped| *stopped) => break,
            };
            let service = Rc::clone(&self);
            connections.spawn_local(async move {
                match accepted.ready().await {
                    Ok(stream) => service.serve(stream).await,
                    Err(error) => say(format_args!("error: a caller could not connect: {error}")),
                }
            });
        }
        drop(acceptor);
        while connections.join_next().await.is_some() {}
    }

    /// Serves one connection.
    async fn serve(self: Rc<Self>, stream: Stream) {
        let connection = self.counts.connections.get() + 1;
        self.counts.connections.set(connection);
        let (reader, writer) = split(stream);
        let (sender, waiting) = mpsc::channel(MAX_REPLIES);
        let cut = Rc::new(Notify::new());
        let replies = Replies {
            sender,
            screen: Rc::clone(&self.screen),
            cut: Rc::clone(&cut),
        };
        // When the connection is cut, both futures are dropped, and with them the calls.
        tokio::select! {
            ((), ()) = async { tokio::join!(self.read(reader, replies, connection), write(writer, waiting, &cut)) } => {}
            () = cut.notified() => {}
        }
    }

    /// Reads until the caller ends or the service stops, and waits for the calls that have begun.
    async fn read(self: &Rc<Self>, mut reader: ReadHalf<Stream>, replies: Replies, connection: u32) {
        let mut stopped = self.stop.subscribe();
        let mut calls = JoinSet::new();
        let mut frames = Frames::default();
        let mut buffer = vec![0; 64 * 1024];
        'reading: loop {
            let length = tokio::select! {
                // A caller that resets the connection has ended it, too.
                length = reader.read(&mut buffer) => length.unwrap_or(0),
                Some(_) = calls.join_next() => continue,
                _ = stopped.wait_for(|stopped| *stopped) => break,
            };
            if length == 0 {
                break;
            }
            frames.push(&buffer[..length]);
            while let Some(piece) = frames.next() {
                match piece {
                    Piece::Frame(frame) => self.take(frame, connection, &replies, &mut calls),
                    Piece::Broken { frame, why } => {
                        // As Nest does.
                        say(format_args!(
                            "broken: {}",
                            why.words(&printable(&frame.header), frame.units)
                        ));
                        break 'reading;
                    }
                    Piece::Skipped(_) => {}
                }
                if *self.stop.borrow() {
                    break 'reading;
                }
            }
            while calls.len() >= MAX_CALLS {
                calls.join_next().await;
            }
        }
        while calls.join_next().await.is_some() {}
    }

    /// Begins to answer a message or an event.
    fn take(self: &Rc<Self>, frame: Frame, connection: u32, replies: &Replies, calls: &mut JoinSet<()>) {
        let Some(mut call) = Call::read(frame, connection, self.compat) else {
            return;
        };
        match call.is_event() {
            true => _ = add(&self.counts.events),
            false => call.number = Some(add(&self.counts.requests)),
        }
        let data = call
            .packet
            .payload
            .as_ref()
            .and_then(|data| json::parse(data.as_str()).ok());
        let asked = Asked {
            is_event: call.is_event(),
            route: call.route.as_ref(),
            data: data.as_ref(),
        };
        let answer = self.source.answer(&call, &asked);
        call.is_shown = answer.as_ref().is_none_or(Answer::is_shown);
        self.show(&call);
        if answer.is_none() {
            self.unknown(&call, &asked);
        }
        if self.until.is_some() && call.number == self.until {
            self.stop.send_replace(true);
        }
        let (service, replies) = (Rc::clone(self), replies.clone());
        // In the order of the calls, not in that of their tasks.
        let fault = (!call.is_event()).then(|| self.faults.next());
        let of_rule = answer.as_ref().and_then(Answer::fail);
        let failing = fault.and_then(|fault| fault.failing.or_else(|| self.faults.by(of_rule?)));
        calls.spawn_local(async move {
            if let Some(delay) = fault.and_then(|fault| fault.delay) {
                sleep(delay).await;
            }
            if let Some(how) = failing {
                add(&service.counts.failed);
                return fail(how, &call, &replies).await;
            }
            match answer {
                Some(answer) => answer.send(&call, &replies).await,
                None => replies.no_handler(&call).await,
            }
        });
    }

    fn unknown(&self, call: &Call, asked: &Asked<'_>) {
        add(&self.counts.unknown);
        let data = call.packet.payload.as_ref().map_or("", |data| data.as_str());
        let request = printable(&format!("{} {}", call.pattern, cut(data, SHOWN)));
        let nearest = self.source.nearest(asked, &call.pattern);
        say(format_args!("unknown: {}; {}", request.trim_end(), printable(&nearest)));
    }

    fn show(&self, call: &Call) {
        if !call.is_shown {
            return;
        }
        self.screen.show(&Entry {
            at: Some(self.screen.age()),
            connection: call.connection,
            from: Side::Caller,
            what: What::Packet(Box::new(Seen {
                kind: if call.is_event() { Kind::Event } else { Kind::Request },
                frame: call.frame.clone(),
                why: None,
                id: call.packet.id.clone(),
                pattern: Some(call.pattern.as_str().into()),
                payload: call.packet.payload.clone(),
                metadata: call.packet.metadata.clone(),
                call: call.number,
                same_id: None,
                latency: None,
            })),
        });
    }

    /// Replaces the rules.
    pub(super) fn replace(&self, rules: Rules) {
        if let Source::Rules(current) = &self.source {
            current.replace(rules);
        }
    }
}

/// The message of the error that a caller receives in place of an answer.
const MESSAGE: &str = "nest-wire was asked to let this call fail";

/// Lets a call fail.
async fn fail(how: Failing, call: &Call, replies: &Replies) {
    match how {
        Failing::Error => replies.error(call, RpcError::new(MESSAGE).err()).await,
        Failing::Close => replies.close(),
        Failing::Hang => {}
    }
}

/// Writes replies until there can be no more.
async fn write(mut writer: WriteHalf<Stream>, mut waiting: mpsc::Receiver<BytesMut>, cut: &Notify) {
    while let Some(mut bytes) = waiting.recv().await {
        while let Ok(more) = waiting.try_recv() {
            bytes.extend_from_slice(&more);
        }
        let written = async {
            writer.write_all(&bytes).await?;
            writer.flush().await
        };
        if written.await.is_err() {
            // The caller is gone: what its calls still do is for nobody.
            return cut.notify_one();
        }
    }
    let _ = writer.shutdown().await;
}

pub(super) type SharedRules = RefCell<Rules>;
