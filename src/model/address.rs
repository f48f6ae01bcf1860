//! Which addresses this server may be made to send requests to, by whoever may name a URL.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

/// What the operator admits beside the public addresses of the internet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Allowed {
    /// Everything.
    All,
    /// A host by its name, whatever addresses it has.
    Host(String),
    /// The addresses that begin with so many bits of this one.
    Network(IpAddr, u8),
}

impl Allowed {
    /// Whether a host of this name may be asked, in any case and with or without the final dot (RFC 4343), wherever it is.
    pub fn admits_host(&self, host: &str) -> bool {
        match self {
            Self::All => true,
            Self::Host(name) => name.eq_ignore_ascii_case(host.trim_end_matches('.')),
            Self::Network(..) => false,
        }
    }

    /// Whether this address may be asked, also where it is an IPv4 address written as IPv6 (RFC 4291, 2.5.5.2).
    pub fn admits_address(&self, address: IpAddr) -> bool {
        match self {
            Self::All => true,
            Self::Host(_) => false,
            Self::Network(network, bits) => match (*network, address.to_canonical()) {
                (IpAddr::V4(network), IpAddr::V4(address)) => same_beginning(
                    u128::from(network.to_bits()) << 96,
                    u128::from(address.to_bits()) << 96,
                    *bits,
                ),
                (IpAddr::V6(network), IpAddr::V6(address)) => {
                    same_beginning(network.to_bits(), address.to_bits(), *bits)
                }
                _ => false,
            },
        }
    }
}

fn same_beginning(one: u128, other: u128, bits: u8) -> bool {
    (one ^ other).leading_zeros() >= u32::from(bits)
}

impl FromStr for Allowed {
    type Err = String;

    /// `*`, a host, an address, or a network like `10.0.0.0/8`.
    fn from_str(text: &str) -> Result<Self, String> {
        let expected = || format!("'{text}' is none of: a host, an address, a network like 10.0.0.0/8, *");
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits.parse::<u8>().map_err(|_| expected())?)),
            None => (text, None),
        };
        match (address.trim_matches(['[', ']']).parse::<IpAddr>(), bits) {
            (Ok(address), bits) => {
                let most = if address.is_ipv4() { 32 } else { 128 };
                let bits = bits.unwrap_or(most);
                if bits > most { Err(expected()) } else { Ok(Self::Network(address, bits)) }
            }
            (Err(_), Some(_)) => Err(expected()),
            (Err(_), None) if text == "*" => Ok(Self::All),
            (Err(_), None) => match url::Host::parse(text) {
                Ok(url::Host::Domain(host)) => Ok(Self::Host(host)),
                _ => Err(expected()),
            },
        }
    }
}

impl fmt::Display for Allowed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("*"),
            Self::Host(host) => f.write_str(host),
            Self::Network(address, bits) => write!(f, "{address}/{bits}"),
        }
    }
}

/// Whether anybody on the internet might have this address: it is of no network of our own, nor of this machine, nor kept
/// for another use (IANA special-purpose address registries).
pub fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [first, second, third, _] = address.octets();
    let is_ours = matches!((first, second), (0 | 10 | 127, _) | (169, 254) | (172, 16..=31) | (192, 168));
    // Shared by carriers; for measurements; multicast, reserved and broadcast.
    let is_shared = matches!((first, second), (100, 64..=127) | (198, 18..=19) | (224..=255, _));
    // Protocol assignments, documentation, 6to4 relays.
    let is_reserved =
        matches!((first, second, third), (192, 0, 0 | 2) | (192, 88, 99) | (198, 51, 100) | (203, 0, 113));
    !is_ours && !is_shared && !is_reserved
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    match address.segments() {
        // Through a translator to IPv4 (RFC 6052).
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            is_public_v4(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low)))
        }
        // Protocol assignments with Teredo, documentation, 6to4, documentation.
        [0x2001, 0..=0x01ff | 0xdb8, ..] | [0x2002, ..] | [0x3fff, 0..=0x0fff, ..] => false,
        // Global unicast is all that begins with these three bits, so far.
        [first, ..] => first >> 13 == 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn only_addresses_that_anybody_might_have_are_public() {
        for text in [
            "9.9.9.9",
            "172.15.0.1",
            "172.32.0.1",
            "100.63.0.1",
            "192.0.1.1",
            "2a00::1",
            "2620::1",
            "64:ff9b::909:909",
        ] {
            assert!(is_public(address(text)), "{text}");
        }
        let special = [
            "0.0.0.0",
            "0.1.2.3",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "127.255.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.9.9",
            "192.0.0.8",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::127.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::1",
            "3fff::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "5f00::1",
        ];
        for text in special {
            assert!(!is_public(address(text)), "{text}");
        }
    }

    #[test]
    fn what_the_operator_admits_is_a_host_an_address_or_a_network() {
        let admits =
            |allowed: &str, wanted: &str| allowed.parse::<Allowed>().unwrap().admits_address(address(wanted));
        for (allowed, wanted, admitted) in [
            ("*", "127.0.0.1", true),
            ("127.0.0.1", "127.0.0.1", true),
            ("127.0.0.1", "127.0.0.2", false),
            ("127.0.0.1", "::ffff:127.0.0.1", true),
            ("10.0.0.0/8", "10.255.1.2", true),
            ("10.0.0.0/8", "11.0.0.1", false),
            ("0.0.0.0/0", "10.0.0.1", true),
            ("0.0.0.0/0", "::1", false),
            ("[::1]", "::1", true),
            ("fd00::/8", "fdff::1", true),
            ("hooks.example", "10.0.0.1", false),
        ] {
            assert_eq!(admits(allowed, wanted), admitted, "{allowed} {wanted}");
        }
        let host: Allowed = "Hooks.Example".parse().unwrap();
        assert!(host.admits_host("hooks.example") && host.admits_host("HOOKS.example."));
        assert!(!host.admits_host("hooks.example.org"));
        for wrong in ["", "10.0.0.0/33", "10.0.0.0/x", "host/8", "a b", "http://host"] {
            assert!(wrong.parse::<Allowed>().is_err(), "{wrong}");
        }
    }
}
