//! Whoever a request comes from, as turns are given.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    net::{IpAddr, SocketAddr},
};

/// The network of a client: its address, and of IPv6 the half that says which network, since whoever has one of its
/// addresses commonly has them all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Peer(IpAddr);

impl Peer {
    /// The client at an address.
    pub fn of(client: SocketAddr) -> Peer {
        match client.ip().to_canonical() {
            IpAddr::V6(ip) => Peer(IpAddr::from((u128::from(ip) >> 64 << 64).to_be_bytes())),
            ip => Peer(ip),
        }
    }
}

/// A client of a server, and which of its sessions or connections a request belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Caller {
    /// The client.
    pub peer: Peer,
    /// The number of its session or connection.
    pub strand: u64,
}

impl Caller {
    /// The client of a server that has no other.
    #[cfg(feature = "mcp")]
    pub const ONLY: Caller = Caller { peer: Peer(IpAddr::V4(std::net::Ipv4Addr::LOCALHOST)), strand: 0 };

    /// The caller on a connection, within a session if there is one.
    pub fn of(client: SocketAddr, session: Option<&[u8]>) -> Caller {
        let number = |session: &[u8]| {
            let mut hasher = DefaultHasher::new();
            session.hash(&mut hasher);
            hasher.finish()
        };
        Caller { peer: Peer::of(client), strand: session.map_or_else(|| connection(client), number) }
    }
}

/// Which of the connections of its client this is, by what else there is of its address.
fn connection(client: SocketAddr) -> u64 {
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
