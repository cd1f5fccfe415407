//! A timer for one connection of an open loop.
//!
//! Tokio's timers are rounded up to milliseconds: calls would begin late, and their latency would
//! be the generator's. Linux has a timer that is a descriptor and exact to some microseconds.

use std::{
    future::Future,
    io,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::time::{Instant, Sleep, sleep_until};

use super::Timers;

#[derive(Debug)]
pub(super) enum Alarm {
    #[cfg(target_os = "linux")]
    Precise(precise::Timer),
    Coarse(Pin<Box<Sleep>>),
}

impl Alarm {
    /// Makes a timer of this kind.
    ///
    /// # Errors
    /// The process may have no further descriptor.
    pub(super) fn new(timers: Timers) -> io::Result<Self> {
        match timers {
            #[cfg(target_os = "linux")]
            Timers::Precise => precise::Timer::new().map(Self::Precise),
            _ => Ok(Self::Coarse(Box::pin(sleep_until(Instant::now())))),
        }
    }

    /// Completes at this time, or at once if it has passed.
    pub(super) fn poll_at(&mut self, at: Instant, cx: &mut Context<'_>) -> Poll<()> {
        match self {
            #[cfg(target_os = "linux")]
            Self::Precise(timer) => timer.poll_at(at, cx),
            Self::Coarse(sleep) => {
                if sleep.deadline() != at {
                    sleep.as_mut().reset(at);
                }
                sleep.as_mut().poll(cx)
            }
        }
    }
}

#[cfg(target_os = "linux")]
mod precise {
    use std::{
        io,
        os::fd::{AsFd, AsRawFd, RawFd},
        task::{Context, Poll, ready},
        time::Duration,
    };

    use nix::sys::{
        time::TimeSpec,
        timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags},
    };
    use tokio::{
        io::{Interest, unix::AsyncFd},
        time::Instant,
    };

    /// A time of zero would stop the timer.
    const SHORTEST: Duration = Duration::from_nanos(1);

    #[derive(Debug)]
    pub(in super::super) struct Timer {
        descriptor: AsyncFd<Descriptor>,
        set_to: Option<Instant>,
    }

    #[derive(Debug)]
    struct Descriptor(TimerFd);

    impl AsRawFd for Descriptor {
        fn as_raw_fd(&self) -> RawFd {
            self.0.as_fd().as_raw_fd()
        }
    }

    impl Timer {
        pub(super) fn new() -> io::Result<Self> {
            let flags = TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC;
            let timer = TimerFd::new(ClockId::CLOCK_MONOTONIC, flags)?;
            #[expect(
                deprecated,
                reason = "sound for a descriptor that is owned by what it is asked of; its successor is unsafe"
            )]
            let descriptor = AsyncFd::with_interest(Descriptor(timer), Interest::READABLE)?;
            Ok(Self {
                descriptor,
                set_to: None,
            })
        }

        pub(super) fn poll_at(&mut self, at: Instant, cx: &mut Context<'_>) -> Poll<()> {
            let now = Instant::now();
            if at <= now {
                return Poll::Ready(());
            }
            if self.set_to != Some(at) {
                let time = Expiration::OneShot(TimeSpec::from_duration((at - now).max(SHORTEST)));
                let set = self.descriptor.get_ref().0.set(time, TimerSetTimeFlags::empty());
                set.expect("a timer takes any time");
                self.set_to = Some(at);
            }
            loop {
                // An error means that the runtime is shutting down: nobody waits any more.
                let Ok(mut guard) = ready!(self.descriptor.poll_read_ready(cx)) else {
                    return Poll::Pending;
                };
                guard.clear_ready();
                // The readiness may be left from an earlier time.
                if at <= Instant::now() {
                    return Poll::Ready(());
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{future::poll_fn, time::Duration};

    use super::*;

    #[tokio::test]
    async fn an_alarm_rings_at_its_time_again_and_again() {
        let mut alarm = Alarm::new(Timers::Precise).expect("a descriptor");
        for _ in 0..20 {
            let at = Instant::now() + Duration::from_micros(300);
            poll_fn(|cx| alarm.poll_at(at, cx)).await;
            assert!(Instant::now() >= at);
        }
    }

    #[tokio::test]
    async fn an_alarm_that_is_set_to_another_time_forgets_the_first() {
        let mut alarm = Alarm::new(Timers::Precise).expect("a descriptor");
        let far = Instant::now() + Duration::from_secs(3600);
        poll_fn(|cx| {
            assert!(alarm.poll_at(far, cx).is_pending());
            Poll::Ready(())
        })
        .await;
        let near = Instant::now() + Duration::from_millis(1);
        poll_fn(|cx| alarm.poll_at(near, cx)).await;
        assert!(Instant::now() >= near);
    }
}
