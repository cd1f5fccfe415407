//! Plays the service of a recording for a caller under test.

use std::{
    cell::{Cell, RefCell},
    io::{self, Write as _},
    rc::Rc,
    time::{Duration, Instant},
};

use bytes::BytesMut;
use nest_wire::{codec::encode, recording::Side};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, split},
    sync::{Notify, mpsc},
    task::JoinSet,
    time::{sleep, sleep_until, timeout},
};

use super::book::{Answer, Book};
use crate::{
    compare::with_id,
    dial::stream::Stream,
    failure::{Failure, Status, say},
    plural::counted,
    relay::accept::Acceptor,
    signals::{self, Signal},
    traffic::{
        frames::{Frames, Piece},
        packet::{Kind, Packet},
        text::{cut, printable},
    },
};

/// When the stand-in has done its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Until {
    /// A signal: Ctrl-C.
    Signal,
    /// Every recorded answer was asked for.
    All,
    /// Nothing was asked for this time.
    Idle(Duration),
}

/// Maximum time for replies to go out at the end.
const GOODBYE: Duration = Duration::from_secs(5);
/// Maximum number of replies of a connection that wait to be written.
const MAX_REPLIES: usize = 1024;
/// Maximum number of bytes of an unknown request's data that are shown.
const SHOWN: usize = 200;

/// What all connections share.
pub(super) struct StandIn {
    book: RefCell<Book>,
    is_timed: bool,
    counts: RefCell<Counts>,
    /// Number of replies that are not written yet.
    waiting: Cell<usize>,
    /// Wakes the task that waits for the end.
    progress: Notify,
}

struct Counts {
    answered: u64,
    unknown: u64,
    events: u64,
    /// When something was asked last.
    last: Instant,
}

impl StandIn {
    pub(super) fn new(book: Book, is_timed: bool) -> Rc<Self> {
        Rc::new(Self {
            book: RefCell::new(book),
            is_timed,
            counts: RefCell::new(Counts {
                answered: 0,
                unknown: 0,
                events: 0,
                last: Instant::now(),
            }),
            waiting: Cell::new(0),
            progress: Notify::new(),
        })
    }

    /// Answers callers until it is done, and gives its verdict.
    pub(super) async fn run(
        self: Rc<Self>,
        mut acceptor: Acceptor,
        until: Until,
        stopped: impl Future<Output = Signal>,
    ) -> Result<(), Failure> {
        let mut connections = JoinSet::new();
        let serving = async {
            loop {
                let accepted = tokio::select! {
                    accepted = acceptor.accept() => accepted,
                    Some(_) = connections.join_next() => continue,
                };
                let stand_in = Rc::clone(&self);
                connections.spawn_local(async move {
                    if let Ok(stream) = accepted.ready().await {
                        stand_in.serve(stream).await;
                    }
                });
            }
        };
        tokio::select! {
            () = serving => {}
            () = self.done(until) => {}
            _ = stopped => {}
        }
        // Replies that are due go out before the connections end, unless a caller reads none.
        tokio::select! {
            _ = timeout(GOODBYE, self.all_sent()) => self.verdict(),
            signal = signals::first() => Err(Failure::stopped(signal, "answers were still being sent")),
        }
    }

    async fn all_sent(&self) {
        while self.waiting.get() > 0 {
            self.progress.notified().await;
        }
    }

    async fn done(&self, until: Until) {
        loop {
            let progress = self.progress.notified();
            match until {
                Until::Signal => return std::future::pending().await,
                Until::All if self.book.borrow().unused() == 0 => return,
                Until::All => progress.await,
                Until::Idle(limit) => {
                    let last = self.counts.borrow().last;
                    let due = last + limit;
                    if Instant::now() >= due {
                        return;
                    }
                    sleep_until(due.into()).await;
                }
            }
        }
    }

    fn verdict(&self) -> Result<(), Failure> {
        let counts = self.counts.borrow();
        let unused = self.book.borrow().unused();
        let said = writeln!(
            io::stdout(),
            "{} answered, {} unknown; {} not asked for; {}",
            counted(counts.answered, "request"),
            counts.unknown,
            counted(unused as u64, "recorded answer"),
            counted(counts.events, "event")
        );
        // A reader that has gone away changes no verdict.
        if let Err(error) = said
            && error.kind() != io::ErrorKind::BrokenPipe
        {
            return Err(error.into());
        }
        match (counts.answered, counts.unknown) {
            (0, 0) => Err(Failure::new(Status::Unwanted, "nobody called")),
            (_, 0) => Ok(()),
            _ => Err(Failure::silent(Status::Unwanted)),
        }
    }

    /// Serves one connection.
    async fn serve(self: Rc<Self>, stream: Stream) {
        let (mut reader, mut writer) = split(stream);
        let (sender, mut replies) = mpsc::channel::<String>(MAX_REPLIES);
        let mut tasks = JoinSet::new();
        let stand_in = Rc::clone(&self);
        tasks.spawn_local(async move {
            let mut bytes = BytesMut::new();
            while let Some(reply) = replies.recv().await {
                bytes.clear();
                encode(&reply, &mut bytes);
                // A caller that is gone gets nothing; its replies are counted off all the same.
                let _ = writer.write_all(&bytes).await;
                let _ = writer.flush().await;
                stand_in.waiting.set(stand_in.waiting.get() - 1);
                stand_in.progress.notify_one();
            }
            let _ = writer.shutdown().await;
        });
        let mut frames = Frames::default();
        let mut buffer = vec![0; 64 * 1024];
        loop {
            // A caller that resets the connection has ended it, too.
            let length = reader.read(&mut buffer).await.unwrap_or(0);
            if length == 0 {
                break;
            }
            frames.push(&buffer[..length]);
            while let Some(piece) = frames.next() {
                match piece {
                    Piece::Frame(frame) => self.packet(&frame.text, &sender, &mut tasks).await,
                    Piece::Broken { frame, why } => {
                        self.counts.borrow_mut().unknown += 1;
                        say(format_args!("broken: {}", why.words(&frame.header, frame.units)));
                    }
                    Piece::Skipped(_) => {}
                }
            }
        }
        drop(sender);
        while tasks.join_next().await.is_some() {}
    }

    async fn packet(self: &Rc<Self>, text: &str, sender: &mpsc::Sender<String>, tasks: &mut JoinSet<()>) {
        let Some(packet) = Packet::read(Side::Caller, text) else {
            return;
        };
        self.counts.borrow_mut().last = Instant::now();
        let (Kind::Request, Some(id)) = (packet.kind, packet.id) else {
            self.counts.borrow_mut().events += 1;
            return;
        };
        let pattern = packet.pattern.unwrap_or_default();
        let answers = self.book.borrow_mut().answer(&pattern, text);
        match answers {
            Some(answers) => {
                self.counts.borrow_mut().answered += 1;
                self.answer(answers, id.as_str(), sender, tasks).await;
            }
            None => {
                self.counts.borrow_mut().unknown += 1;
                let data = packet.payload.map(|data| data.to_string()).unwrap_or_default();
                let nearest = self.book.borrow().nearest(&pattern, &data);
                let asked = printable(&format!("{pattern} {}", cut(&data, SHOWN)));
                say(format_args!("unknown: {asked}; {}", printable(&nearest)));
                let reply = format!(
                    r#"{{"err":{{"status":"error","message":"not in the recording"}},"isDisposed":true,"id":{id}}}"#,
                    id = id.as_str()
                );
                self.send(sender, reply).await;
            }
        }
        self.progress.notify_one();
    }

    async fn answer(
        self: &Rc<Self>,
        answers: Vec<Answer>,
        id: &str,
        sender: &mpsc::Sender<String>,
        tasks: &mut JoinSet<()>,
    ) {
        if !self.is_timed {
            for answer in answers {
                self.send(sender, with_id(&answer.text, id)).await;
            }
            return;
        }
        let (id, sender, stand_in) = (id.to_owned(), sender.clone(), Rc::clone(self));
        tasks.spawn_local(async move {
            let began = Instant::now();
            for answer in answers {
                sleep(answer.after.saturating_sub(began.elapsed())).await;
                stand_in.send(&sender, with_id(&answer.text, &id)).await;
            }
        });
    }

    /// Hands a reply to the writer of its connection, once there is room: a caller that reads no
    /// replies is not read from.
    async fn send(&self, sender: &mpsc::Sender<String>, reply: String) {
        self.waiting.set(self.waiting.get() + 1);
        sender
            .send(reply)
            .await
            .expect("the writer lives as long as its senders");
    }
}
