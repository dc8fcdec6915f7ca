//! Clients as the fair queue distinguishes them.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    net::{IpAddr, SocketAddr},
};

/// A client: its IPv4 address, or the /64 prefix of its IPv6 address, since one client commonly has a whole prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Peer(IpAddr);

impl Peer {
    /// Returns the client at an address.
    pub fn of(client: SocketAddr) -> Peer {
        match client.ip().to_canonical() {
            IpAddr::V6(ip) => Peer(IpAddr::from((u128::from(ip) >> 64 << 64).to_be_bytes())),
            ip => Peer(ip),
        }
    }
}

/// A client and one of its flows: the session or connection of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Caller {
    /// The client.
    pub peer: Peer,
    /// The number of the session or connection.
    pub flow: u64,
}

impl Caller {
    /// The only client of a server on stdin.
    pub const ONLY: Caller = Caller { peer: Peer(IpAddr::V4(std::net::Ipv4Addr::LOCALHOST)), flow: 0 };

    /// Returns the caller on a connection, within a session if there is one.
    pub fn of(client: SocketAddr, session: Option<&[u8]>) -> Caller {
        let number = |session: &[u8]| {
            let mut hasher = DefaultHasher::new();
            session.hash(&mut hasher);
            hasher.finish()
        };
        Caller { peer: Peer::of(client), flow: session.map_or_else(|| connection_number(client), number) }
    }
}

/// Returns the number of a connection of a client: the rest of its address, and its port.
fn connection_number(client: SocketAddr) -> u64 {
    match client.ip() {
        IpAddr::V6(ip) => (u128::from(ip) as u64).wrapping_add(u64::from(client.port()) << 32),
        IpAddr::V4(_) => client.port().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::Peer;

    #[test]
    fn addresses_of_one_network_are_one_client() {
        for (one, other, are_one) in [
            ("10.0.0.1:1", "10.0.0.1:2", true),
            ("10.0.0.1:1", "10.0.0.2:1", false),
            ("10.0.0.1:1", "[::ffff:10.0.0.1]:1", true),
            ("[::ffff:10.0.0.2]:1", "[::ffff:10.0.0.1]:1", false),
            ("[2001:db8:0:1::1]:1", "[2001:db8:0:1:ffff::2]:1", true),
            ("[2001:db8:0:1::1]:1", "[2001:db8:0:2::1]:1", false),
        ] {
            let [one_of, other_of] = [one, other].map(|text| Peer::of(text.parse().unwrap()));
            assert_eq!(one_of == other_of, are_one, "{one} {other}");
        }
    }
}
