//! The low-water mark of a TCP socket, where the system has one that works.

use std::any::Any;

#[cfg(target_os = "linux")]
pub(super) use linux::*;
#[cfg(not(target_os = "linux"))]
use other::*;
use tokio::net::TcpStream;

/// Sets the mark of a connection, in bytes. Returns true if the connection is a TCP socket and its
/// mark has been set.
pub(super) fn set_low_water<IO: 'static>(io: &IO, bytes: usize) -> bool {
    let stream = (io as &dyn Any).downcast_ref::<TcpStream>();
    stream.is_some_and(|stream| set(stream, bytes))
}

#[cfg(target_os = "linux")]
mod linux {
    use std::sync::LazyLock;

    use nix::{
        getsockopt_impl,
        libc::{self, SO_RCVLOWAT, SOL_SOCKET},
        setsockopt_impl, sockopt_impl,
        sys::{socket::setsockopt, utsname::uname},
    };
    use tokio::net::TcpStream;

    sockopt_impl!(ReceiveLowWater, Both, SOL_SOCKET, SO_RCVLOWAT, usize);

    pub(super) fn set(stream: &TcpStream, bytes: usize) -> bool {
        *IS_SOUND && setsockopt(stream, ReceiveLowWater, &bytes).is_ok()
    }

    /// True from Linux 5.7. Since 4.17, lowering the mark wakes a task that waits for bytes that
    /// have already arrived; since 5.7, many small segments reach the mark before they fill the
    /// memory that the socket may use.
    static IS_SOUND: LazyLock<bool> = LazyLock::new(|| {
        let release = uname().ok();
        let release = release.as_ref().and_then(|system| system.release().to_str());
        release.and_then(version).is_some_and(|version| version >= (5, 7))
    });

    fn version(release: &str) -> Option<(u32, u32)> {
        let mut numbers = release.split(|letter: char| !letter.is_ascii_digit());
        Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
    }

    #[test]
    fn a_release_begins_with_its_version() {
        for (release, expected) in [
            ("6.18.44-fc-v669", Some((6, 18))),
            ("5.7.0", Some((5, 7))),
            ("4.19.0-27-amd64", Some((4, 19))),
            ("6.1", Some((6, 1))),
            ("", None),
            ("6", None),
            ("next", None),
        ] {
            assert_eq!(version(release), expected, "{release}");
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod other {
    use tokio::net::TcpStream;

    pub(super) fn set(_: &TcpStream, _: usize) -> bool {
        false
    }
}
