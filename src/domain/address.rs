//! What an address is besides a place on the public internet.
//!
//! Sources: IANA's IPv4 and IPv6 Special-Purpose Address Registries (what they do
//! not call globally reachable is not public), its multicast and IPv6 address space
//! registries, and the clouds' documents of their metadata services.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{Ipv4Net, Ipv6Net};

/// What counts as one client: of IPv6 the /64, which is what one subscriber is given.
#[must_use]
pub fn client_of(peer: IpAddr) -> IpAddr {
    match peer {
        IpAddr::V4(_) => peer,
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
    }
}

/// Why an address is not public.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// `127.0.0.0/8` and `::1`: this machine.
    Loopback,
    /// RFC 1918, and unique local IPv6 (RFC 4193).
    Private,
    /// Where clouds give machines their credentials.
    Metadata,
    /// Another block with a purpose of its own: what one calls an address of it.
    Special(&'static str),
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Loopback => "a loopback address",
            Self::Private => "a private address",
            Self::Metadata => "an address of cloud metadata",
            Self::Special(name) => name,
        })
    }
}

impl Class {
    /// What an address is; `None` for those of the public internet.
    #[must_use]
    pub fn of(address: IpAddr) -> Option<Self> {
        match address {
            IpAddr::V4(address) => of_v4(address),
            IpAddr::V6(address) => of_v6(address),
        }
    }
}

/// The IPv4 address that an IPv6 address stands for, and where the connection may
/// end; none in blocks that have a purpose of their own.
#[must_use]
pub fn embedded(address: IpAddr) -> Option<Ipv4Addr> {
    let IpAddr::V6(address) = address else {
        return None;
    };
    if special_v6(address).is_some() {
        return None;
    }
    let (high, low) = match address.segments() {
        // 6to4 (RFC 3056).
        [0x2002, high, low, ..]
        // Compatible (RFC 4291 2.5.5.1), mapped (2.5.5.2), translated (RFC 2765).
        | [0, 0, 0, 0, 0, 0 | 0xffff, high, low]
        | [0, 0, 0, 0, 0xffff, 0, high, low]
        // The well-known prefix of NAT64 (RFC 6052).
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => (high, low),
        // ISATAP (RFC 5214).
        [.., 0 | 0x200, 0x5efe, high, low] if GLOBAL_UNICAST.contains(&address) => (high, low),
        _ => return None,
    };
    Some(Ipv4Addr::from(u32::from(high) << 16 | u32::from(low)))
}

fn of_v4(address: Ipv4Addr) -> Option<Class> {
    let named = |&&(block, _): &&(Ipv4Net, Class)| block.contains(&address);
    METADATA_V4.iter().chain(&SPECIAL_V4).find(named).map(|&(_, class)| class)
}

fn of_v6(address: Ipv6Addr) -> Option<Class> {
    if let Some(class) = special_v6(address) {
        return Some(class);
    }
    match embedded(address.into()) {
        Some(inside) => of_v4(inside),
        None => (!GLOBAL_UNICAST.contains(&address)).then_some(Class::Special("a reserved address")),
    }
}

fn special_v6(address: Ipv6Addr) -> Option<Class> {
    let named = |&&(block, _): &&(Ipv6Net, Class)| block.contains(&address);
    SPECIAL_V6.iter().find(named).map(|&(_, class)| class)
}

/// A block of the whole address space, for tables.
const fn v4(a: u8, b: u8, c: u8, d: u8, length: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), length)
}

/// Likewise, by its first four groups; the others are zero.
const fn v6(a: u16, b: u16, c: u16, d: u16, length: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0), length)
}

const fn one(address: Ipv6Addr) -> Ipv6Net {
    Ipv6Net::new_assert(address, 128)
}

/// The only part of IPv6 that is given out for the public internet.
const GLOBAL_UNICAST: Ipv6Net = v6(0x2000, 0, 0, 0, 3);

const LINK_LOCAL: Class = Class::Special("a link-local address");
const PROTOCOL: Class = Class::Special("an address of an internet protocol");
const BENCHMARK: Class = Class::Special("a benchmarking address");
const DOCUMENTATION: Class = Class::Special("a documentation address");
const MULTICAST: Class = Class::Special("a multicast address");
const UNSPECIFIED: Class = Class::Special("the unspecified address");

/// Metadata services, of which a machine's credentials can be had by asking.
const METADATA_V4: [(Ipv4Net, Class); 7] = [
    // AWS, Azure, Google, Oracle, DigitalOcean, OpenStack and others; AWS's helpers beside it.
    (v4(169, 254, 169, 0, 24), Class::Metadata),
    // Credentials of containers at AWS: tasks (.2) and pods (.23).
    (v4(169, 254, 170, 0, 24), Class::Metadata),
    // Tencent.
    (v4(169, 254, 0, 23, 32), Class::Metadata),
    // Scaleway.
    (v4(169, 254, 42, 42, 32), Class::Metadata),
    // Alibaba.
    (v4(100, 100, 100, 200, 32), Class::Metadata),
    // Azure's wire server: it looks like a public address and is none.
    (v4(168, 63, 129, 16, 32), Class::Metadata),
    // Oracle's classic cloud.
    (v4(192, 0, 0, 192, 32), Class::Metadata),
];

const SPECIAL_V4: [(Ipv4Net, Class); 16] = [
    // Linux connects to itself when it is told 0.0.0.0.
    (v4(0, 0, 0, 0, 8), Class::Special("an address of `this network`")),
    (v4(10, 0, 0, 0, 8), Class::Private),
    (v4(100, 64, 0, 0, 10), Class::Special("a carrier's shared address (CGNAT)")),
    (v4(127, 0, 0, 0, 8), Class::Loopback),
    (v4(169, 254, 0, 0, 16), LINK_LOCAL),
    (v4(172, 16, 0, 0, 12), Class::Private),
    (v4(192, 0, 0, 0, 24), PROTOCOL),
    (v4(192, 0, 2, 0, 24), DOCUMENTATION),
    (v4(192, 88, 99, 0, 24), Class::Special("a 6to4 relay's address")),
    (v4(192, 168, 0, 0, 16), Class::Private),
    (v4(198, 18, 0, 0, 15), BENCHMARK),
    (v4(198, 51, 100, 0, 24), DOCUMENTATION),
    (v4(203, 0, 113, 0, 24), DOCUMENTATION),
    (v4(224, 0, 0, 0, 4), MULTICAST),
    (v4(255, 255, 255, 255, 32), Class::Special("the broadcast address")),
    (v4(240, 0, 0, 0, 4), Class::Special("a reserved address")),
];

const SPECIAL_V6: [(Ipv6Net, Class); 22] = [
    // AWS: metadata and the credentials of pods. Google. Scaleway. OpenStack.
    (one(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)), Class::Metadata),
    (one(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23)), Class::Metadata),
    (one(Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254)), Class::Metadata),
    (one(Ipv6Addr::new(0xfd00, 0x42, 0, 0, 0, 0, 0, 0x42)), Class::Metadata),
    (one(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0xa9fe, 0xa9fe)), Class::Metadata),
    (one(Ipv6Addr::UNSPECIFIED), UNSPECIFIED),
    (one(Ipv6Addr::LOCALHOST), Class::Loopback),
    // Whoever runs it chooses how it embeds addresses (RFC 8215): they cannot be read.
    (v6(0x64, 0xff9b, 1, 0, 48), Class::Special("an address of a local NAT64")),
    (v6(0x100, 0, 0, 0, 64), Class::Special("a discard address")),
    (v6(0x100, 0, 0, 1, 64), Class::Special("a dummy address")),
    (v6(0x2001, 0, 0, 0, 32), Class::Special("a Teredo address")),
    (v6(0x2001, 2, 0, 0, 48), BENCHMARK),
    (v6(0x2001, 0x10, 0, 0, 28), Class::Special("an ORCHID")),
    (v6(0x2001, 0x20, 0, 0, 28), Class::Special("an ORCHID")),
    // The rest of what is set aside for protocols, whatever becomes of it.
    (v6(0x2001, 0, 0, 0, 23), PROTOCOL),
    (v6(0x2001, 0xdb8, 0, 0, 32), DOCUMENTATION),
    (v6(0x3fff, 0, 0, 0, 20), DOCUMENTATION),
    (v6(0x5f00, 0, 0, 0, 16), Class::Special("a segment routing identifier")),
    (v6(0xfc00, 0, 0, 0, 7), Class::Private),
    (v6(0xfe80, 0, 0, 0, 10), LINK_LOCAL),
    (v6(0xfec0, 0, 0, 0, 10), Class::Special("a site-local address")),
    (v6(0xff00, 0, 0, 0, 8), MULTICAST),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_ends_where_it_ends() {
        let table = [
            ("9.255.255.255", None),
            ("10.0.0.0", Some(Class::Private)),
            ("10.255.255.255", Some(Class::Private)),
            ("11.0.0.0", None),
            ("172.15.255.255", None),
            ("172.31.255.255", Some(Class::Private)),
            ("172.32.0.0", None),
            ("100.63.255.255", None),
            ("100.128.0.0", None),
            ("fbff:ffff::", Some(Class::Special("a reserved address"))),
            ("fdff:ffff::", Some(Class::Private)),
            ("1fff:ffff::", Some(Class::Special("a reserved address"))),
            ("2001:1ff:ffff::", Some(PROTOCOL)),
            ("2001:200::", None),
        ];
        for (address, class) in table {
            assert_eq!(Class::of(address.parse().unwrap()), class, "{address}");
        }
    }

    #[test]
    fn an_address_that_embeds_another_is_what_that_one_is() {
        let forms = ["::ffff:V", "::V", "::ffff:0:V", "64:ff9b::V", "2a00:1450::5efe:V", "2a00:1450::200:5efe:V"];
        let table = [
            ("127.0.0.1", Some(Class::Loopback)),
            ("192.168.1.1", Some(Class::Private)),
            ("169.254.169.254", Some(Class::Metadata)),
            ("8.8.8.8", None),
        ];
        for form in forms {
            for (inside, class) in table {
                let address: IpAddr = form.replace('V', inside).parse().unwrap();
                assert_eq!(embedded(address), inside.parse().ok(), "{address}");
                assert_eq!(Class::of(address), class, "{address}");
            }
        }
        assert_eq!(Class::of("2002:7f00:1::1".parse().unwrap()), Some(Class::Loopback));
        assert_eq!(Class::of("2002:808:808::1".parse().unwrap()), None);
        assert_eq!(Class::of("fe80::5efe:8.8.8.8".parse().unwrap()), Some(LINK_LOCAL), "its block comes first");
        assert_eq!(embedded("4000::5efe:8.8.8.8".parse().unwrap()), None, "nobody has that block");
    }
}
