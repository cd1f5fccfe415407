//! The events of a capture: the connections in it that are Nest's.

use std::{collections::VecDeque, io::Read};

use nest_wire::recording::{Content, Event, Side};

use super::{Options, sieve::Sieve};
use crate::{
    capture::{
        Capture,
        error::CaptureError,
        event::{Action, Began, Captured, Summary, Traffic},
    },
    failure::{Failure, Status, file_reason, warn},
};

/// Maximum number of ports that are named.
const NAMED: usize = 20;

/// Reads a capture.
pub(super) fn events(
    name: String,
    source: impl Read,
    options: Options,
) -> Result<impl Iterator<Item = Result<Event, Failure>>, Failure> {
    let capture = Capture::open(source, options.port).map_err(|error| failure(&name, error))?;
    Ok(Events {
        name,
        capture,
        sieve: Sieve::new(options.port.is_some()),
        ready: VecDeque::new(),
        reads_truncated: options.truncated,
        has_passed: false,
        has_warned: false,
    })
}

struct Events<R> {
    name: String,
    capture: Capture<R>,
    sieve: Sieve,
    ready: VecDeque<Event>,
    reads_truncated: bool,
    /// True once anything of Nest's was found.
    has_passed: bool,
    /// True once the user knows that packets are cut.
    has_warned: bool,
}

impl<R: Read> Iterator for Events<R> {
    type Item = Result<Event, Failure>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                self.has_passed = true;
                return Some(Ok(event));
            }
            match self.capture.next()? {
                Ok(Captured::Traffic(traffic)) => self.traffic(traffic),
                Ok(Captured::Summary(summary)) if self.has_passed || summary.packets == 0 => return None,
                Ok(Captured::Summary(summary)) => return Some(Err(self.without_frames(&summary))),
                Err(error) if error.is_truncated() && self.reads_truncated => {}
                Err(error) => return Some(Err(failure(&self.name, error))),
            }
        }
    }
}

impl<R> Events<R> {
    fn traffic(&mut self, traffic: Traffic) {
        let number = traffic.connection;
        let event = |from, content| Event::new(number, from, content).at(traffic.at);
        let mut is_over = false;
        let events: Vec<Event> = match traffic.action {
            Action::Opened { caller, began, .. } => {
                let opened = event(Side::Caller, Content::Opened(caller.to_string()));
                return self.sieve.open(opened, began == Began::Middle);
            }
            Action::Bytes(bytes) => vec![event(traffic.from, Content::Segment(bytes))],
            Action::Missing(bytes) => vec![event(traffic.from, Content::Missing(bytes))],
            Action::Cut { bytes, snap_length } => {
                self.warn_of_cuts(snap_length);
                vec![event(traffic.from, Content::Missing(bytes))]
            }
            Action::Ended => vec![event(traffic.from, Content::End)],
            Action::Reset => {
                is_over = true;
                vec![event(traffic.from, Content::Reset)]
            }
            Action::Forgotten => {
                is_over = true;
                [Side::Caller, Side::Service]
                    .map(|side| event(side, Content::End))
                    .into()
            }
        };
        let ready = &mut self.ready;
        for event in events {
            self.sieve.take(event, |event| ready.push_back(event));
        }
        if is_over {
            self.sieve.forget(number);
        }
    }

    fn warn_of_cuts(&mut self, snap_length: u32) {
        if !std::mem::replace(&mut self.has_warned, true) {
            warn(format_args!(
                "{}: packets are cut by the capture's snap length {snap_length}: tcpdump -s 0 captures them whole",
                self.name
            ));
        }
    }

    fn without_frames(&self, summary: &Summary) -> Failure {
        let mut ports: Vec<String> = summary.ports.iter().take(NAMED).map(ToString::to_string).collect();
        if summary.ports.len() > NAMED {
            ports.push("…".to_owned());
        }
        let seen = match ports.is_empty() {
            true => "no TCP in them".to_owned(),
            false => format!("TCP ports seen: {}", ports.join(", ")),
        };
        let what = format!("{}: no Nest frames in {} packets; {seen}", self.name, summary.packets);
        let failure = Failure::new(Status::Unwanted, what);
        match ports.is_empty() {
            true => failure,
            false => failure.hint("--port N reads what passes there, frames or not"),
        }
    }
}

fn failure(name: &str, error: CaptureError) -> Failure {
    match error {
        CaptureError::Io(error) => Failure::usage(format_args!("{name}: {}", file_reason(&error))),
        error if error.is_truncated() => {
            Failure::usage(format_args!("{name}: {error}")).hint("--truncated reads what is there")
        }
        error => Failure::usage(format_args!("{name}: {error}")),
    }
}
