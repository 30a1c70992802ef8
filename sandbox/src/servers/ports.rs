//! Free ports for servers that must keep them.
//!
//! A port that the system hands out on request (port 0) lies in the range it also gives to every outgoing connection and
//! every other server: while ours is down between kill and restart, anyone may be given it, and a client that tries to
//! reconnect can even connect to itself there. So ports are drawn below that range, at random, and tried; who loses the race
//! for one (the server then ends at once) draws again.

use std::net::{Ipv4Addr, TcpListener};

/// Below the usual ranges for outgoing connections (Linux from 32768, macOS from 49152).
const FIRST: u16 = 12_000;
const COUNT: u16 = 20_000;

/// How often a server may lose the race for its port.
pub(super) const RACES: usize = 8;

/// A loopback port that was free just now.
pub(super) fn free_port() -> u16 {
    loop {
        let (random, _) = uuid::Uuid::new_v4().as_u64_pair();
        let port = FIRST + u16::try_from(random % u64::from(COUNT)).unwrap_or(0);
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
}
