//! One service that plays scripts to all callers. It answers call `[script, …]` by the script with
//! that number, once all calls of the script have arrived.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use bytes::BytesMut;
use nest_wire::{codec::FrameDecoder, packet::IncomingRequest};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use crate::script::{End, Script};

/// The service, which ends with the test's runtime.
pub(crate) struct ScriptedService {
    pub(crate) address: SocketAddr,
    scripts: Arc<Mutex<Vec<Script>>>,
}

impl ScriptedService {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let scripts: Arc<Mutex<Vec<Script>>> = Arc::default();
        let known = Arc::clone(&scripts);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.expect("the system accepts");
                tokio::spawn(serve(stream, Arc::clone(&known)));
            }
        });
        Self { address, scripts }
    }

    /// Registers a script and returns its number.
    pub(crate) fn learn(&self, script: Script) -> usize {
        let mut scripts = self.scripts.lock().expect("nobody panics with it");
        scripts.push(script);
        scripts.len() - 1
    }
}

async fn serve(mut stream: TcpStream, scripts: Arc<Mutex<Vec<Script>>>) {
    stream.set_nodelay(true).expect("the system can do without delay");
    let mut received = BytesMut::new();
    let mut decoder = FrameDecoder::default();
    loop {
        let Some((number, id)) = next_call(&mut stream, &mut decoder, &mut received).await else {
            return;
        };
        let script = scripts.lock().expect("nobody panics with it")[number].clone();
        let mut ids = vec![id];
        while ids.len() < script.callers() {
            // White space may precede the next frame's header. It carries the acknowledgement that
            // Node waits for before it sends the next call, since Node leaves Nagle's algorithm on.
            let _ = stream.write_all(b"\n").await;
            let (_, id) = next_call(&mut stream, &mut decoder, &mut received)
                .await
                .expect("all calls come");
            ids.push(id);
        }
        for segment in script.segments(&ids[..script.calls]) {
            // The caller may have disconnected before the last segments.
            let _ = stream.write_all(&segment).await;
        }
        match script.end {
            End::Completion => {}
            End::Close(_) => return,
            End::Break(_) => {
                let _ = stream.read_to_end(&mut Vec::new()).await;
                return;
            }
        }
    }
}

/// Returns the script that the next call names, and the call's id, or `None` once the caller has
/// closed the connection.
async fn next_call(
    stream: &mut TcpStream,
    decoder: &mut FrameDecoder,
    received: &mut BytesMut,
) -> Option<(usize, String)> {
    loop {
        if let Some(text) = decoder.decode(received).expect("callers send good frames") {
            let call = IncomingRequest::read(&text).expect("a request");
            let [number, _]: [usize; 2] = call.data.expect("calls have data").parse().expect("two numbers");
            return Some((number, call.id.expect("a request has an id").to_string()));
        }
        if stream.read_buf(received).await.unwrap_or(0) == 0 {
            return None;
        }
    }
}
