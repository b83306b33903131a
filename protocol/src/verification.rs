//! The verification of a key: two users read seven words to each other and so make sure that each has the key of the
//! other, and nobody sits between them. Owns its messages, the exact bytes that are hashed (printed in docs/PROTOCOL.md
//! and held by a test there), and the list of the words. Knows nothing of links, nor of when which message is sent.
//!
//! Each side draws a nonce. The one who asks sends a hash of its nonce first, and so cannot choose it any more when it
//! learns the other's; the other reveals its nonce before it learns the asker's. So nobody can choose a nonce that leads
//! to words he wants: one guess among 2^42 is all there is.

use std::fmt;

use aws_lc_rs::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};

use crate::name::{Commitment, Nonce, PairToken, PublicKey};

/// How many words are compared.
pub const COMPARED_WORDS: usize = 7;

/// The words, six bits each: the English names of the 64 pictures that Matrix clients compare keys by. They read well
/// aloud and sound unlike each other.
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

/// What the two sides of a private session tell each other for a verification. `commitment` says which verification
/// each message belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum VerifyMessage {
    /// Asks for a verification. The asker has drawn its nonce and cannot change it any more.
    Ask {
        /// The hash of the asker's nonce: [`Bond::commitment`].
        commitment: Commitment,
    },
    /// The answer of the other side: its nonce.
    Reveal {
        /// The asker's.
        commitment: Commitment,
        /// The other side's.
        nonce: Nonce,
    },
    /// The asker shows what it had committed itself to. Both sides know the words now.
    Open {
        /// The asker's.
        commitment: Commitment,
        /// The asker's.
        nonce: Nonce,
    },
    /// What the user of this side says of the words.
    Answer {
        /// The asker's.
        commitment: Commitment,
        /// Whether the other's words are the same.
        same: bool,
    },
    /// This side does not go on with it.
    Cancel {
        /// The asker's.
        commitment: Commitment,
    },
    /// A step this build does not know.
    #[serde(other)]
    Unknown,
}

/// What a verification is bound to: what is revealed in one is of no use in another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bond {
    /// The private session.
    pub session: PairToken,
    /// The key of the side that asks, as the other side's TLS has seen it.
    pub asker: PublicKey,
    /// The key of the other side, as the asker's TLS has seen it.
    pub other: PublicKey,
}

impl Bond {
    /// What the asker commits itself to, having drawn this nonce.
    #[must_use]
    pub fn commitment(&self, nonce: &Nonce) -> Commitment {
        Commitment::new(self.hash(b"hobnob verification commitment 1\n", &[nonce]))
    }

    /// The words of both sides, once both nonces are known.
    #[must_use]
    pub fn words(&self, asker: &Nonce, other: &Nonce) -> Words {
        let hash = self.hash(b"hobnob verification words 1\n", &[asker, other]);
        let (first, _) = hash.split_first_chunk::<8>().expect("a hash has 32 bytes");
        let bits = u64::from_be_bytes(*first);
        Words(std::array::from_fn(|at| {
            // The first 42 bits, six for each word, the highest first.
            let index = (bits >> (64 - 6 * (at + 1))) & 63;
            WORDS[index as usize]
        }))
    }

    /// SHA-256 over what the hash is for, the session (16 bytes), both keys and the nonces (32 bytes each).
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

/// The words that two users compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Words([&'static str; COMPARED_WORDS]);

impl Words {
    /// Each of them, in their order.
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
    fn whatever_it_is_bound_to_changes_the_commitment_and_the_words() {
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
    fn every_word_comes_up_at_every_place() {
        let mut seen = [[0_u32; 64]; COMPARED_WORDS];
        for number in 0_u32..4096 {
            let mut nonce = [0; 32];
            nonce[..4].copy_from_slice(&number.to_be_bytes());
            let words = bond().words(&Nonce::new(nonce), &Nonce::new([0; 32]));
            for (place, word) in words.each().iter().enumerate() {
                seen[place][WORDS.iter().position(|it| it == word).unwrap()] += 1;
            }
        }
        // 64 are expected of each; a place that is not filled evenly would be far off.
        assert!(seen.iter().flatten().all(|count| (24..=120).contains(count)), "{seen:?}");
    }

    #[test]
    fn no_word_stands_in_the_list_twice() {
        let mut words = WORDS.map(str::to_lowercase).to_vec();
        words.sort();
        words.dedup();
        assert_eq!(words.len(), 64);
    }
}
