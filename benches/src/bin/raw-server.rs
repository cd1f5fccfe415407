//! The minimum of a server on tokio: it counts the received bytes and writes a canned reply for
//! each request.
//!
//! It does not parse requests; it copies the id if its position is given. Its cost is the cost of
//! the sockets.

use std::{io, sync::Arc};

use clap::Parser;
use nest_wire_benches::{descriptors, load::Exchange, parent};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// Run bare tokio, to be measured
#[derive(Parser)]
struct Args {
    /// Number of bytes of each request
    #[arg(long)]
    request_bytes: usize,
    /// The reply to each request
    #[arg(long)]
    reply: String,
    /// Position of the id in a request; the id is copied to its position in the reply
    #[arg(long)]
    id_at: Option<usize>,
    /// Always on
    #[arg(long)]
    with_parent: bool,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let args = Arc::new(Args::parse());
    descriptors::allow_all();
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("listening {}", listener.local_addr()?);
    let ended = parent::ended();
    let accepting = async {
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            let args = Arc::clone(&args);
            // A peer may disconnect at any time.
            tokio::spawn(async move {
                match args.id_at {
                    Some(id_at) => answer_with_ids(stream, &args, id_at).await,
                    None => answer(stream, &args).await,
                }
            });
        }
    };
    tokio::select! {
        failed = accepting => failed,
        () = ended => Ok(()),
    }
}

async fn answer(mut stream: TcpStream, args: &Args) -> io::Result<()> {
    let mut received = vec![0; 64 * 1024];
    let mut canned = args.reply.repeat(64);
    let mut rest = 0;
    loop {
        let length = stream.read(&mut received).await?;
        if length == 0 {
            return Ok(());
        }
        rest += length;
        let replies = rest / args.request_bytes;
        rest %= args.request_bytes;
        if canned.len() < replies * args.reply.len() {
            canned = args.reply.repeat(replies);
        }
        if replies > 0 {
            stream
                .write_all(&canned.as_bytes()[..replies * args.reply.len()])
                .await?;
        }
    }
}

async fn answer_with_ids(mut stream: TcpStream, args: &Args, id_at: usize) -> io::Result<()> {
    let own_id = args.reply.find("\"id\":\"").expect("a reply with an id") + 6;
    let length = Exchange::id_length();
    let (mut received, mut replies) = (Vec::with_capacity(64 * 1024), Vec::new());
    while stream.read_buf(&mut received).await? > 0 {
        let whole = received.len() - received.len() % args.request_bytes;
        for request in received[..whole].chunks_exact(args.request_bytes) {
            let reply = replies.len();
            replies.extend_from_slice(args.reply.as_bytes());
            replies[reply + own_id..][..length].copy_from_slice(&request[id_at..][..length]);
        }
        received.drain(..whole);
        stream.write_all(&replies).await?;
        replies.clear();
    }
    Ok(())
}
