//! Carries the bytes of one connection according to its plan.

use std::{io, net::SocketAddr, time::Duration};

use socket2::SockRef;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpStream,
        tcp::{ReadHalf, WriteHalf},
    },
    time::sleep,
};

use super::{
    Course, Event, Plan,
    faults::{Faults, Spoilt},
};

/// The end of a connection.
enum End {
    Close,
    Reset,
    /// End when the weather is calm. Until then nothing is carried.
    Later(Spoilt),
    /// End now; the weather has become calm.
    Late(Spoilt),
}

/// Carries a connection to its end.
pub(super) async fn carry(
    mut caller: TcpStream,
    service: SocketAddr,
    plan: Plan,
    mut faults: Faults,
) -> io::Result<()> {
    if plan.is_refused && !faults.is_calm() {
        return reset(&caller);
    }
    let Ok(mut service) = TcpStream::connect(service).await else {
        return reset(&caller);
    };
    let end = {
        let ((from_caller, to_caller), (from_service, to_service)) = (caller.split(), service.split());
        let up = direction(from_caller, to_service, plan.to_service, faults.clone());
        let down = direction(from_service, to_caller, plan.to_caller, faults.clone());
        tokio::try_join!(up, down)
    };
    let spoilt = match end {
        Ok(_) | Err(End::Close) => return Ok(()),
        Err(End::Reset) => None,
        Err(End::Late(spoilt)) => Some(spoilt),
        Err(End::Later(spoilt)) => {
            faults.calm().await;
            Some(spoilt)
        }
    };
    reset(&caller)?;
    reset(&service)?;
    drop((caller, service));
    // Until here the connection counts as spoilt.
    drop(spoilt);
    Ok(())
}

/// Makes the socket end with a reset when it is dropped.
fn reset(stream: &TcpStream) -> io::Result<()> {
    SockRef::from(stream).set_linger(Some(Duration::ZERO))
}

/// Carries one direction until it ends in order. An error ends both directions.
async fn direction(
    mut from: ReadHalf<'_>,
    mut to: WriteHalf<'_>,
    mut course: Course,
    mut faults: Faults,
) -> Result<(), End> {
    let mut buffer = vec![0; course.piece];
    let mut carried = 0_u64;
    loop {
        if faults.is_calm() {
            course = Course::default();
        }
        if let Some((_, event)) = course.event.take_if(|(after, _)| *after == carried) {
            happen(event, &mut to, &mut faults).await?;
            continue;
        }
        let left = course.event.map_or(u64::MAX, |(after, _)| after - carried);
        let room = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let count = from.read(&mut buffer[..room]).await.map_err(|_| End::Reset)?;
        if count == 0 {
            break;
        }
        if course.delay > Duration::ZERO {
            faults.unless_calm(sleep(course.delay)).await;
        }
        to.write_all(&buffer[..count]).await.map_err(|_| End::Reset)?;
        carried += count as u64;
    }
    // The peer may already have disconnected.
    let _ = to.shutdown().await;
    Ok(())
}

/// Applies an event to a connection. Every event but a pause ends the connection sooner or later.
async fn happen(event: Event, to: &mut WriteHalf<'_>, faults: &mut Faults) -> Result<(), End> {
    match event {
        Event::Close => Err(End::Close),
        Event::Reset => Err(End::Reset),
        Event::Silence => Err(End::Later(faults.spoilt())),
        Event::HalfClose => {
            let spoilt = faults.spoilt();
            let _ = to.shutdown().await;
            faults.calm().await;
            Err(End::Late(spoilt))
        }
        Event::Pause(pause) => {
            faults.unless_calm(sleep(pause)).await;
            Ok(())
        }
    }
}
