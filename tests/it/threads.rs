//! What may be handed to other threads, and what may be shared with them: whoever keeps one of these in a state, or in a
//! task, finds out here first.

use nest_wire::{
    client::{self, Answer, Call, CallError, Client, Replies, States, Streaming},
    codec::{FrameCodec, FrameDecoder},
    connection::{self, Connection, ConnectionError, Keepalive},
    fixture::{Proxy, Recording},
    js,
    packet::{RawJson, ReplyPacket, RequestPacket, RpcError},
    pattern::{Pattern, Route},
    server::{
        Accepted, Context, Endpoint, EndpointFuture, Limits, Listener, Next, Reply, Request, Router, Routes, Serve,
        ServeConnection, ServingConnection, Values,
    },
};
use tokio::io::DuplexStream;

fn shared<T: Send + Sync>() {}
fn sent<T: Send>() {}

#[test]
fn what_is_kept_is_shared_and_what_is_used_up_is_sent() {
    shared::<(
        Client,
        client::Config,
        client::State,
        Call,
        Answer,
        CallError,
        Streaming<u8>,
    )>();
    shared::<(
        Router,
        Router<u8>,
        Routes,
        Endpoint,
        Next,
        Request,
        Context,
        Limits,
        Listener,
    )>();
    shared::<(
        RawJson,
        RpcError,
        RequestPacket,
        ReplyPacket,
        Pattern,
        Route<'static>,
        js::Value,
    )>();
    shared::<(connection::Config, ConnectionError, Keepalive, FrameCodec, FrameDecoder)>();
    shared::<(Proxy, Recording)>();
    sent::<(
        Reply,
        Values,
        EndpointFuture,
        Accepted<DuplexStream>,
        Replies<u8>,
        States,
    )>();
    sent::<(
        Serve<Listener, ()>,
        ServeConnection<DuplexStream>,
        ServingConnection<DuplexStream>,
    )>();
    sent::<Connection<DuplexStream>>();
}
