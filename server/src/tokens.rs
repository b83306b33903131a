//! The tokens of private sessions. A token is made when two users are introduced to each other, and recognised when
//! their session is relayed. A token contains its own proof, so nobody has to remember which tokens were given: neither
//! a server that was started again, nor another server of the same lobby, which has the same key. This file knows
//! nothing of who is here.

use std::fmt;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;
use hobnob_protocol::identity::Identity;
use hobnob_protocol::ids::{PairToken, random_bytes};
use hobnob_protocol::key::PublicKey;

/// The purpose for which the secret is derived from the server's key. Every other use of that key has another purpose.
const PURPOSE: &[u8] = b"hobnob session tokens 1";

/// How many bytes of a token are random, so that two users never get the same token twice. The other bytes prove that
/// the token belongs to these two users. Without the secret, a guess is right once in 2^64 tries, each of which costs a
/// handshake.
const RANDOM_BYTES: usize = 8;

/// Makes and recognises tokens.
#[derive(Clone)]
pub struct Tokens {
    secret: hmac::Key,
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens").finish_non_exhaustive()
    }
}

impl Tokens {
    /// Returns the tokens of all servers that have this key.
    #[must_use]
    pub fn of(identity: &Identity) -> Self {
        Self { secret: hmac::Key::new(hmac::HMAC_SHA256, &identity.derived_secret(PURPOSE)) }
    }

    /// Returns a new token for these two users; their order does not matter.
    #[must_use]
    pub fn make(&self, one: &PublicKey, other: &PublicKey) -> PairToken {
        let random: [u8; RANDOM_BYTES] = random_bytes();
        self.with(&random, one, other)
    }

    /// Whether the token was made for these two users.
    pub(crate) fn is_of(&self, token: &PairToken, one: &PublicKey, other: &PublicKey) -> bool {
        let made = self.with(&token.as_bytes()[..RANDOM_BYTES], one, other);
        verify_slices_are_equal(made.as_bytes(), token.as_bytes()).is_ok()
    }

    fn with(&self, random: &[u8], one: &PublicKey, other: &PublicKey) -> PairToken {
        let (smaller, larger) = if one < other { (one, other) } else { (other, one) };
        let mut proof = hmac::Context::with_key(&self.secret);
        for part in [random, smaller.as_bytes(), larger.as_bytes()] {
            proof.update(part);
        }
        let mut token = [0; 16];
        token[..RANDOM_BYTES].copy_from_slice(random);
        token[RANDOM_BYTES..].copy_from_slice(&proof.sign().as_ref()[..16 - RANDOM_BYTES]);
        PairToken::new(token)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> PublicKey {
        PublicKey::new([byte; 32])
    }

    #[test]
    fn a_token_is_recognised_by_every_server_with_the_key_and_only_for_its_two_users() {
        let identity = Identity::generate().unwrap();
        let (before, after) = (Tokens::of(&identity), Tokens::of(&identity));
        let token = before.make(&key(1), &key(2));
        assert!(after.is_of(&token, &key(1), &key(2)) && after.is_of(&token, &key(2), &key(1)));
        assert!(!after.is_of(&token, &key(1), &key(3)) && !after.is_of(&token, &key(3), &key(2)));
        assert!(!Tokens::of(&Identity::generate().unwrap()).is_of(&token, &key(1), &key(2)));
        assert_ne!(token, before.make(&key(1), &key(2)), "each session has its own");
    }

    #[test]
    fn a_token_with_any_bit_changed_is_not_recognised() {
        let tokens = Tokens::of(&Identity::generate().unwrap());
        let token = tokens.make(&key(1), &key(2));
        for bit in 0..128 {
            let mut bytes = *token.as_bytes();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(!tokens.is_of(&PairToken::new(bytes), &key(1), &key(2)), "bit {bit}");
        }
        assert!(!tokens.is_of(&PairToken::random(), &key(1), &key(2)));
    }
}
