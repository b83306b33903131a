//! Public keys, by which users and servers are known, and their fingerprints, which people compare. This file knows
//! neither private keys nor files; those are in [`identity`](crate::identity).

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde::{Deserialize, Deserializer, Serialize, de};
use thiserror::Error;

use crate::base64url::base64_bytes;

base64_bytes!(
    /// An Ed25519 public key, by which a user or a server is known. It has 32 bytes, written as 43 characters of
    /// base64url.
    PublicKey, 32, "an Ed25519 public key: 32 bytes in canonical base64url without padding (the bits past the last byte are 0)"
);

impl PublicKey {
    /// Returns the short form of the key that people compare: `SHA256:` and the base64 of the SHA-256 of the key's 32
    /// bytes.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, self.as_bytes());
        Fingerprint(format!("SHA256:{}", STANDARD_NO_PAD.encode(digest.as_ref())))
    }
}

/// The short form of a key, which people compare with each other.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Fingerprint(String);

/// The error for a text that is not a fingerprint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("expected the fingerprint of a key: SHA256: and 43 characters of base64, as \\whois shows it")]
pub struct NoFingerprint;

impl FromStr for Fingerprint {
    type Err = NoFingerprint;

    fn from_str(text: &str) -> Result<Self, NoFingerprint> {
        let hash = text.strip_prefix("SHA256:").and_then(|hash| STANDARD_NO_PAD.decode(hash).ok());
        match hash {
            Some(hash) if hash.len() == 32 => Ok(Self(text.to_owned())),
            _ => Err(NoFingerprint),
        }
    }
}

impl<'de> Deserialize<'de> for Fingerprint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_from_base64url_of_exactly_their_length() {
        let key = PublicKey::new([7; 32]);
        assert_eq!(key.to_string().len(), 43);
        assert_eq!(key.to_string().parse(), Ok(key));
        assert!("short".parse::<PublicKey>().is_err());
        assert!(format!("{key}A").parse::<PublicKey>().is_err());
        assert!(key.fingerprint().to_string().starts_with("SHA256:"));
    }
}
