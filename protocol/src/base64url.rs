//! Byte strings of a fixed length that travel as base64url: keys, hashes, ids and tokens. This file owns their one form
//! on the wire; what each of them means stands where it is declared.

use thiserror::Error;

/// The error for a text that is not a key, a hash, a token or an id; it says what was expected.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("expected {expected}")]
pub struct BytesError {
    expected: &'static str,
}

impl BytesError {
    pub(crate) const fn expected(expected: &'static str) -> Self {
        Self { expected }
    }
}

/// Declares a type for byte strings of one length: how it is documented, its name, its length in bytes, and what the error
/// says that it expected.
macro_rules! base64_bytes {
    ($(#[$doc:meta])* $name:ident, $len:literal, $expected:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub struct $name([u8; $len]);

        /// Hashes only the first eight bytes. The bytes are random, or come from a hash or a curve. Finding other
        /// values with the same eight bytes is as much work for an attacker as finding a key with them.
        impl ::std::hash::Hash for $name {
            fn hash<H: ::std::hash::Hasher>(&self, state: &mut H) {
                let (first, _) = self.0.split_first_chunk::<8>().expect("none is shorter");
                state.write_u64(u64::from_ne_bytes(*first));
            }
        }

        impl $name {
            /// Makes a value from its bytes.
            #[must_use]
            pub const fn new(bytes: [u8; $len]) -> Self {
                Self(bytes)
            }

            /// Returns the bytes of the value.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; $len] {
                &self.0
            }

            /// Makes a value from a slice of exactly the right length.
            ///
            /// # Errors
            /// Fails if the slice has another length.
            pub fn from_slice(bytes: &[u8]) -> Result<Self, $crate::base64url::BytesError> {
                bytes.try_into().map(Self).map_err(|_| $crate::base64url::BytesError::expected($expected))
            }
        }

        impl ::std::str::FromStr for $name {
            type Err = $crate::base64url::BytesError;

            fn from_str(text: &str) -> Result<Self, $crate::base64url::BytesError> {
                let mut bytes = [0_u8; $len];
                match ::base64::Engine::decode_slice(&::base64::engine::general_purpose::URL_SAFE_NO_PAD, text, &mut bytes) {
                    Ok($len) => Ok(Self(bytes)),
                    _ => Err($crate::base64url::BytesError::expected($expected)),
                }
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                // Base64 takes four characters for every three bytes, so 64 characters are room for 48 bytes.
                let mut buffer = [0_u8; 64];
                let len = ::base64::Engine::encode_slice(&::base64::engine::general_purpose::URL_SAFE_NO_PAD, self.0, &mut buffer).map_err(|_| ::std::fmt::Error)?;
                f.write_str(std::str::from_utf8(&buffer[..len]).map_err(|_| ::std::fmt::Error)?)
            }
        }

        impl ::std::fmt::Debug for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                ::std::fmt::Display::fmt(self, f)
            }
        }

        impl ::serde::Serialize for $name {
            fn serialize<S: ::serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> ::serde::Deserialize<'de> for $name {
            fn deserialize<D: ::serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <::std::borrow::Cow<'de, str> as ::serde::Deserialize>::deserialize(deserializer)?;
                text.parse().map_err(::serde::de::Error::custom)
            }
        }
    };
}

pub(crate) use base64_bytes;

#[cfg(test)]
mod tests {
    use crate::ids::{PairToken, RunId};

    /// Most random strings of this length are not a run id: the last character has bits to spare, and those must be 0.
    #[test]
    fn base64url_that_is_not_canonical_is_refused_and_the_error_says_so() {
        assert!("oKGio6Slpqc".parse::<RunId>().is_ok());
        for bad in ["oKGio6Slpqd", "oKGio6Slpqf", "oKGio6Slpqc=", "oKGio6Slp+c", "oKGio6Slpq"] {
            let error = bad.parse::<RunId>().unwrap_err().to_string();
            assert!(error.contains("canonical base64url without padding"), "{bad}: {error}");
        }
        assert!("wMHCw8TFxsfIycrLzM3Ozx".parse::<PairToken>().is_err());
    }
}
