//! Ids that are drawn at random: the run of a client, and the private session of two peers.

use crate::base64url::base64_bytes;

base64_bytes!(
    /// The id of one run of a client, which is drawn at random when the client starts. Together with the key, it tells
    /// a client that reconnects from a second client of the same user. It also makes the number of a message in the
    /// client's outbox unique. It has 8 bytes, written as 11 characters of base64url.
    RunId, 8, "a run id: 8 bytes in canonical base64url without padding (the bits past the last byte are 0)"
);
base64_bytes!(
    /// The token of one private session of two peers, which stays the same for as long as the session lasts. The server
    /// that introduces the two draws it. It has 16 bytes, written as 22 characters of base64url.
    PairToken, 16, "a pair token: 16 bytes in canonical base64url without padding (the bits past the last byte are 0)"
);

/// Returns random bytes from the operating system's generator.
///
/// # Panics
/// Panics if the operating system gives no randomness. No key could be made then either.
#[must_use]
pub fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0_u8; N];
    aws_lc_rs::rand::fill(&mut bytes).expect("the operating system gives random bytes");
    bytes
}

impl RunId {
    /// Draws a new id at random.
    #[must_use]
    pub fn random() -> Self {
        Self(random_bytes())
    }
}

impl PairToken {
    /// Draws a new token at random.
    #[must_use]
    pub fn random() -> Self {
        Self(random_bytes())
    }
}
