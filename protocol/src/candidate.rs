//! An address at which a client may be reached, as others are told it. This file connects to nothing.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, de};
use thiserror::Error;

/// An address at which a peer may be reached, written `HOST:PORT`. HOST is an IP address or a DNS name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct Candidate(String);

/// The error for a text that is not an address to connect to.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("expected HOST:PORT, such as 192.0.2.7:5000, [2001:db8::7]:5000 or chat.example.org:5000")]
pub struct CandidateError;

impl Candidate {
    /// Returns the address as `HOST:PORT`, in the form that a resolver takes.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<SocketAddr> for Candidate {
    fn from(addr: SocketAddr) -> Self {
        Self(addr.to_string())
    }
}

impl FromStr for Candidate {
    type Err = CandidateError;

    fn from_str(text: &str) -> Result<Self, CandidateError> {
        if let Ok(addr) = text.parse::<SocketAddr>() {
            return if addr.port() == 0 { Err(CandidateError) } else { Ok(addr.into()) };
        }
        let (host, port) = text.rsplit_once(':').ok_or(CandidateError)?;
        let host_is_dns = !host.is_empty()
            && host.len() <= 253
            && host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_'));
        match port.parse::<u16>() {
            Ok(port) if port != 0 && host_is_dns => Ok(Self(format!("{host}:{port}"))),
            _ => Err(CandidateError),
        }
    }
}

impl fmt::Display for Candidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Candidate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_candidate_without_a_host_or_a_port_is_refused() {
        for good in ["127.0.0.1:5", "[::1]:99", "chat.example.org:43210"] {
            assert_eq!(good.parse::<Candidate>().unwrap().as_str(), good);
        }
        for bad in ["", "host", "host:", ":5", "host:0", "127.0.0.1:0", "a b:5", "host:70000", "::1:\u{1b}"] {
            assert!(bad.parse::<Candidate>().is_err(), "{bad:?}");
        }
    }
}
