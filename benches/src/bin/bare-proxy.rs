//! The minimum of a proxy on tokio: it copies bytes both ways and looks at none.

use std::{io, net::SocketAddr};

use clap::Parser;
use nest_wire_benches::descriptors;
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
};

/// Relay bytes, to be measured
#[derive(Parser)]
struct Args {
    /// The address of the service
    #[arg(long)]
    to: SocketAddr,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let args = Args::parse();
    descriptors::allow_all();
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    eprintln!("listening {}", listener.local_addr()?);
    loop {
        let (mut caller, _) = listener.accept().await?;
        caller.set_nodelay(true)?;
        tokio::spawn(async move {
            let mut service = TcpStream::connect(args.to).await?;
            service.set_nodelay(true)?;
            copy_bidirectional(&mut caller, &mut service).await
        });
    }
}
