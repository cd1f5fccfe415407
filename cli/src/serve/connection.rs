//! The way of replies to a caller, and what ends a connection.

use std::rc::Rc;

use bytes::BytesMut;
use nest_wire::{
    codec::encode,
    json::Value,
    packet::{OutgoingReply, RawJson, write_reply},
    recording::Side,
};
use tokio::sync::{Notify, mpsc};

use super::{call::Call, screen::Screen};
use crate::traffic::{
    entry::{Entry, Seen, What},
    frames::Frame,
    packet::Kind,
};

/// Maximum number of replies of a connection that wait to be written.
pub(super) const MAX_REPLIES: usize = 1024;

/// Sends replies on one connection.
#[derive(Clone)]
pub(super) struct Replies {
    pub(super) sender: mpsc::Sender<BytesMut>,
    pub(super) screen: Rc<Screen>,
    /// Cuts the connection.
    pub(super) cut: Rc<Notify>,
}

impl Replies {
    /// Sends a value after which more may follow.
    pub(super) async fn value(&self, call: &Call, value: &Value) {
        let value = raw(value);
        self.send(call, OutgoingReply::Value(&value), Kind::Value, Some(&value))
            .await;
    }

    /// Sends the last value, or the end without one if it is undefined.
    pub(super) async fn last(&self, call: &Call, value: Option<&RawJson>) {
        match value {
            Some(value) => {
                self.send(call, OutgoingReply::Last(value), Kind::Last, Some(value))
                    .await;
            }
            None => self.completion(call).await,
        }
    }

    /// Sends the end of the values.
    pub(super) async fn completion(&self, call: &Call) {
        self.send(call, OutgoingReply::Completion, Kind::Completion, None).await;
    }

    pub(super) async fn error(&self, call: &Call, error: &RawJson) {
        self.send(call, OutgoingReply::Error(error), Kind::Error, Some(error))
            .await;
    }

    /// Sends what Nest sends for a pattern without a handler.
    pub(super) async fn no_handler(&self, call: &Call) {
        self.send(call, OutgoingReply::NoHandler, Kind::NoHandler, None).await;
    }

    /// Closes the connection; replies that wait are lost.
    pub(super) fn close(&self) {
        self.cut.notify_one();
    }

    /// Hands a reply to the writer once there is room. An event gets none.
    async fn send(&self, call: &Call, reply: OutgoingReply<'_>, kind: Kind, payload: Option<&RawJson>) {
        let Some(id) = &call.packet.id else { return };
        let mut text = BytesMut::new();
        write_reply(&mut text, reply, id);
        let text = String::from_utf8_lossy(&text).into_owned();
        let mut bytes = BytesMut::new();
        encode(&text, &mut bytes);
        // Its writer has ended with its connection: nobody reads it.
        if self.sender.send(bytes).await.is_ok() && call.is_shown {
            self.screen.show(&Entry {
                at: Some(self.screen.age()),
                connection: call.connection,
                from: Side::Service,
                what: What::Packet(Box::new(Seen {
                    kind,
                    frame: sent(text),
                    why: None,
                    id: Some(id.clone()),
                    pattern: Some(call.pattern.as_str().into()),
                    payload: payload.cloned(),
                    metadata: None,
                    call: call.number,
                    same_id: None,
                    latency: Some(call.age()),
                })),
            });
        }
    }
}

/// Returns a value as JavaScript would write it.
pub(super) fn raw(value: &Value) -> RawJson {
    RawJson::new(value.stringify()).expect("a value is written as JSON")
}

/// Returns the frame of a text that we sent.
fn sent(text: String) -> Frame {
    let units = text.encode_utf16().count();
    let header = units.to_string();
    Frame {
        head: header.len() + 1,
        header,
        units,
        bytes: text.len(),
        text,
    }
}
