//! Whether a word is an address or a network, written as `ADDRESS/BITS`. The server decides which networks may be
//! named.

use std::net::IpAddr;

/// Whether `word` is an IP address, or an IP address followed by a slash and a number of bits.
pub(crate) fn is_address(word: &str) -> bool {
    let (ip, bits) = word.split_once('/').map_or((word, None), |(ip, bits)| (ip, Some(bits)));
    let is_number = |bits: &str| !bits.is_empty() && bits.bytes().all(|byte| byte.is_ascii_digit());
    ip.parse::<IpAddr>().is_ok() && bits.is_none_or(is_number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_networks_are_distinguished_from_names() {
        for word in ["192.0.2.7", "192.0.2.0/24", "2001:db8::", "2001:db8::/48", "::ffff:192.0.2.7"] {
            assert!(is_address(word), "{word}");
        }
        for word in ["", "anna", "1.2.3", "192.0.2.7/", "192.0.2.7/x", "/24", "localhost"] {
            assert!(!is_address(word), "{word}");
        }
    }
}
