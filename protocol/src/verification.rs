//! The verification of a key. Two users read seven words to each other, and so make sure that each has the other's key
//! and that nobody sits between them. This file owns the messages, the exact bytes that are hashed (they are printed in
//! docs/PROTOCOL.md, and a test compares the two) and the list of words. It knows nothing of links, nor of which
//! message is sent when.
//!
//! Each side draws a nonce. The asker first sends a hash of its nonce, so the asker cannot change the nonce any more
//! when it learns the nonce of the other side. The other side reveals its nonce before it learns the nonce of the
//! asker. Therefore neither side can choose a nonce that leads to particular words. An attacker has one guess, with a
//! chance of 1 in 2^42.

use std::fmt;

use aws_lc_rs::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};

use crate::ids::{PairToken, random_bytes};
use crate::key::PublicKey;

use crate::base64url::base64_bytes;

base64_bytes!(
    /// A random number that one side contributes to the words of a verification. Each verification uses new ones. It
    /// has 32 bytes, written as 43 characters of base64url.
    Nonce, 32, "a nonce: 32 bytes in canonical base64url without padding (the bits past the last byte are 0)"
);
base64_bytes!(
    /// A hash of a [`Nonce`]. One side sends it before it reveals the nonce. It has 32 bytes, written as 43 characters
    /// of base64url.
    Commitment, 32, "a commitment: 32 bytes in canonical base64url without padding (the bits past the last byte are 0)"
);

impl Nonce {
    /// Draws a new nonce at random.
    #[must_use]
    pub fn random() -> Self {
        Self(random_bytes())
    }
}

/// How many words the two users compare.
pub const COMPARED_WORDS: usize = 7;

/// The list of words; each stands for six bits. They are the English names of the 64 pictures by which Matrix clients
/// compare keys. They are easy to read aloud and sound different from each other.
pub const WORDS: [&str; 64] = [
    "Dog",
    "Cat",
    "Lion",
    "Horse",
    "Unicorn",
    "Pig",
    "Elephant",
    "Rabbit",
    "Panda",
    "Rooster",
    "Penguin",
    "Turtle",
    "Fish",
    "Octopus",
    "Butterfly",
    "Flower",
    "Tree",
    "Cactus",
    "Mushroom",
    "Globe",
    "Moon",
    "Cloud",
    "Fire",
    "Banana",
    "Apple",
    "Strawberry",
    "Corn",
    "Pizza",
    "Cake",
    "Heart",
    "Smiley",
    "Robot",
    "Hat",
    "Glasses",
    "Spanner",
    "Santa",
    "Thumbs Up",
    "Umbrella",
    "Hourglass",
    "Clock",
    "Gift",
    "Light Bulb",
    "Book",
    "Pencil",
    "Paperclip",
    "Scissors",
    "Lock",
    "Key",
    "Hammer",
    "Telephone",
    "Flag",
    "Train",
    "Bicycle",
    "Aeroplane",
    "Rocket",
    "Trophy",
    "Ball",
    "Guitar",
    "Trumpet",
    "Bell",
    "Anchor",
    "Headphones",
    "Folder",
    "Pin",
];

/// A message of a verification between the two sides of a private session. The member `commitment` says which
/// verification a message belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum VerifyMessage {
    /// Asks for a verification. The asker has drawn its nonce and cannot change it any more.
    Ask {
        /// The hash of the asker's nonce; see [`Bond::commitment`].
        commitment: Commitment,
    },
    /// The other side answers with its nonce.
    Reveal {
        /// The commitment that the asker sent.
        commitment: Commitment,
        /// The nonce of the other side.
        nonce: Nonce,
    },
    /// The asker reveals its nonce. Both sides can compute the words now.
    Open {
        /// The commitment that the asker sent.
        commitment: Commitment,
        /// The nonce that belongs to the commitment.
        nonce: Nonce,
    },
    /// The user of the sending side says whether the words are the same.
    Answer {
        /// The commitment that the asker sent.
        commitment: Commitment,
        /// Whether the words on the other side are the same.
        same: bool,
    },
    /// The sending side ends the verification.
    Cancel {
        /// The commitment that the asker sent.
        commitment: Commitment,
    },
    /// A step that this build does not know.
    #[serde(other)]
    Unknown,
}

/// What a verification is bound to. The bond goes into all of its hashes, so that what is revealed in one verification
/// is useless in another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bond {
    /// The token of the private session.
    pub session: PairToken,
    /// The key of the asker, as the other side has seen it in TLS.
    pub asker: PublicKey,
    /// The key of the other side, as the asker has seen it in TLS.
    pub other: PublicKey,
}

impl Bond {
    /// Returns the commitment to the asker's nonce.
    #[must_use]
    pub fn commitment(&self, nonce: &Nonce) -> Commitment {
        Commitment::new(self.hash(b"hobnob verification commitment 1\n", &[nonce]))
    }

    /// Returns the words, which are the same on both sides. Both nonces must be known.
    #[must_use]
    pub fn words(&self, asker: &Nonce, other: &Nonce) -> Words {
        let hash = self.hash(b"hobnob verification words 1\n", &[asker, other]);
        let (first, _) = hash.split_first_chunk::<8>().expect("a hash has 32 bytes");
        let bits = u64::from_be_bytes(*first);
        Words(std::array::from_fn(|at| {
            // The first 42 bits of the hash are used, six for each word, beginning with the highest.
            let index = (bits >> (64 - 6 * (at + 1))) & 63;
            WORDS[index as usize]
        }))
    }

    /// Returns the SHA-256 over what the hash is for, the session (16 bytes), both keys and the nonces (32 bytes each).
    fn hash(&self, purpose: &[u8], nonces: &[&Nonce]) -> [u8; 32] {
        let mut context = Context::new(&SHA256);
        context.update(purpose);
        context.update(self.session.as_bytes());
        context.update(self.asker.as_bytes());
        context.update(self.other.as_bytes());
        for nonce in nonces {
            context.update(nonce.as_bytes());
        }
        context.finish().as_ref().try_into().expect("SHA-256 has 32 bytes")
    }
}

/// The seven words that two users compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Words([&'static str; COMPARED_WORDS]);

impl Words {
    /// Returns the words in the order in which they are read.
    #[must_use]
    pub const fn each(&self) -> &[&'static str; COMPARED_WORDS] {
        &self.0
    }
}

impl fmt::Display for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bond() -> Bond {
        Bond {
            session: PairToken::new([1; 16]),
            asker: PublicKey::new([2; 32]),
            other: PublicKey::new([3; 32]),
        }
    }

    #[test]
    fn the_commitment_and_the_words_depend_on_the_session_and_both_keys() {
        let (mine, theirs) = (Nonce::new([4; 32]), Nonce::new([5; 32]));
        let others = [
            Bond { session: PairToken::new([9; 16]), ..bond() },
            Bond { asker: PublicKey::new([9; 32]), ..bond() },
            Bond { other: PublicKey::new([9; 32]), ..bond() },
            Bond { asker: bond().other, other: bond().asker, ..bond() },
        ];
        for other in others {
            assert_ne!(other.commitment(&mine), bond().commitment(&mine));
            assert_ne!(other.words(&mine, &theirs), bond().words(&mine, &theirs));
        }
        assert_ne!(bond().commitment(&mine), bond().commitment(&theirs));
        assert_ne!(bond().words(&mine, &theirs), bond().words(&theirs, &mine));
    }

    #[test]
    fn every_word_is_equally_likely_at_every_place() {
        let mut seen = [[0_u32; 64]; COMPARED_WORDS];
        for number in 0_u32..4096 {
            let mut nonce = [0; 32];
            nonce[..4].copy_from_slice(&number.to_be_bytes());
            let words = bond().words(&Nonce::new(nonce), &Nonce::new([0; 32]));
            for (place, word) in words.each().iter().enumerate() {
                seen[place][WORDS.iter().position(|it| it == word).unwrap()] += 1;
            }
        }
        // Each word is expected 64 times at each place; the counts at a place that is not filled evenly would be far
        // off.
        assert!(seen.iter().flatten().all(|count| (24..=120).contains(count)), "{seen:?}");
    }

    #[test]
    fn the_list_of_words_has_no_duplicates() {
        let mut words = WORDS.map(str::to_lowercase).to_vec();
        words.sort();
        words.dedup();
        assert_eq!(words.len(), 64);
    }
}
