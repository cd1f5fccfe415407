//! The types that may be sent to other threads, and those that may be shared with them. A type that
//! loses one of these fails here first.

use nest_wire::{
    client::{self, CallError, Client, StateStream, StreamingClient},
    codec::{FrameCodec, FrameDecoder},
    connection::{self, Connection, ConnectionError, Keepalive},
    json,
    packet::{IncomingReply, IncomingRequest, RawJson, RpcError},
    pattern::{Pattern, Route},
    recording::{Proxy, Recording},
    server::{
        Context, HostListener, Limits, Reply, ReplyStream, Request, Router, Routes, Serve, ServeConnection,
        ServingConnection,
        handler::{HandlerFuture, HandlerService},
        listen::Incoming,
        middleware::Next,
    },
};
use tokio::io::DuplexStream;

fn shared<T: Send + Sync>() {}
fn sent<T: Send>() {}

#[test]
fn what_is_kept_is_shared_and_what_is_used_up_is_sent() {
    shared::<(
        Client,
        client::ClientBuilder,
        client::ConnectionState,
        client::Request,
        client::Reply,
        CallError,
        StreamingClient<u8>,
    )>();
    shared::<(
        Router,
        Router<u8>,
        Routes,
        HandlerService,
        Next,
        Request,
        Context,
        Limits,
        HostListener,
    )>();
    shared::<(
        RawJson,
        RpcError,
        IncomingRequest,
        IncomingReply,
        Pattern,
        Route<'static>,
        json::Value,
    )>();
    shared::<(
        connection::TransportConfig,
        ConnectionError,
        Keepalive,
        FrameCodec,
        FrameDecoder,
    )>();
    shared::<(Proxy, Recording)>();
    sent::<(
        Reply,
        ReplyStream,
        HandlerFuture,
        Incoming<DuplexStream>,
        client::ReplyStream<u8>,
        StateStream,
    )>();
    sent::<(
        Serve<HostListener, ()>,
        ServeConnection<DuplexStream>,
        ServingConnection<DuplexStream>,
    )>();
    sent::<Connection<DuplexStream>>();
}
