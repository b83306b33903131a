//! Names, keys and numbers as types that cannot hold anything invalid. Invalid input is refused while it is parsed, so
//! that other code never has to check again. This file knows nothing of sockets or files.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::net::SocketAddr;
use std::str::FromStr;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use thiserror::Error;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use crate::invisible::{in_name, is_blank, is_invisible, is_stacker};

/// The largest number of characters in a name, counted as Unicode scalar values after NFC.
pub const MAX_NAME_CHARS: usize = 32;

/// Why a text was refused as a name.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NameError {
    /// The text is empty.
    #[error("a name cannot be empty")]
    Empty,
    /// The text has more than [`MAX_NAME_CHARS`] characters; the number is how many it has.
    #[error("a name has at most {MAX_NAME_CHARS} characters, this one has {0}")]
    TooLong(usize),
    /// The text contains a character that is not a letter, a digit, `_`, `-` or `.`.
    #[error("a name has only letters, digits and _ - . in it, not {0:?}")]
    Character(char),
    /// The text contains a character that nobody can see, so that the name would look like another name.
    #[error("a name has nothing invisible in it, and U+{:04X} is", *.0 as u32)]
    Invisible(char),
}

/// The name of a user: 1 to 32 characters in NFC, namely letters and digits of any script, `_`, `-` and `.`.
///
/// Two names are the same if their [`folded`](Self::folded) forms are the same, and `==` compares those forms. Clones
/// share the name, because every message carries the name of its author.
#[derive(Clone)]
pub struct UserName {
    shown: Arc<str>,
    folded: Arc<str>,
}

impl UserName {
    /// Returns the name as its user wrote it, in NFC.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.shown
    }

    /// Returns the form in which names are compared: in NFC, with upper and lower case made the same.
    #[must_use]
    pub fn folded(&self) -> &str {
        &self.folded
    }

    /// Returns this name with a number after it, such as `NAME_2`. The name is cut if it would become too long.
    #[must_use]
    pub fn numbered(&self, number: u32) -> Self {
        let suffix = format!("_{number}");
        let room = MAX_NAME_CHARS - suffix.len();
        // Cutting can split a composed sequence, or leave at the end a stacker whose second letter was cut off. It
        // never makes a character that is not allowed in a name.
        let base: String = self.shown.chars().take(room).collect();
        let base = base.trim_end_matches(is_stacker);
        Self::from_checked(format!("{base}{suffix}").nfc().collect())
    }

    /// Reads a name that already stands in a log. Earlier builds allowed invisible characters in names, and the hash of
    /// a message covers the name of its author, so such a name must be read as it was written.
    ///
    /// # Errors
    /// Fails if the text was not a valid name in earlier builds either.
    pub fn kept(text: &str) -> Result<Self, NameError> {
        let shown: String = text.nfc().collect();
        let count = shown.chars().count();
        if count == 0 {
            return Err(NameError::Empty);
        }
        if count > MAX_NAME_CHARS {
            return Err(NameError::TooLong(count));
        }
        if let Some(bad) = shown.chars().find(|&c| !is_name_char(c)) {
            return Err(NameError::Character(bad));
        }
        // A combining mark at the beginning would attach to whatever stands before the name on a screen. Some marks
        // count as letters.
        match shown.chars().next() {
            Some(first) if is_combining_mark(first) => Err(NameError::Character(first)),
            _ => Ok(Self::from_checked(shown)),
        }
    }

    /// Returns the name with every invisible character written out, for example as `_ufe00`, so that a
    /// [`kept`](Self::kept) name cannot look like another name. A name without invisible characters is returned
    /// unchanged.
    #[must_use]
    pub fn visible(&self) -> Self {
        if self.hidden().is_none() {
            return self.clone();
        }
        let mut shown = String::new();
        for (c, is_hidden) in in_name(&self.shown) {
            match is_hidden {
                true => shown.push_str(&format!("_u{:x}", c as u32)),
                false => shown.push(c),
            }
        }
        let shown: String = shown.chars().take(MAX_NAME_CHARS).collect();
        Self::from_checked(shown.trim_end_matches(is_stacker).to_owned())
    }

    /// Returns the first character of the name that nobody can see.
    fn hidden(&self) -> Option<char> {
        if self.shown.is_ascii() {
            return None;
        }
        in_name(&self.shown).find(|(_, is_hidden)| *is_hidden).map(|(c, _)| c)
    }

    fn from_checked(shown: String) -> Self {
        let folded: String = unicase::UniCase::new(shown.as_str()).to_folded_case().nfc().collect();
        let shown: Arc<str> = shown.into();
        // Most names are written as they are compared, so one string serves for both.
        let folded = if *shown == *folded { Arc::clone(&shown) } else { folded.into() };
        Self { shown, folded }
    }
}

impl FromStr for UserName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        // A character that is invisible everywhere is reported as invisible, even where it could not begin a name.
        if let Some(hidden) = text.chars().find(|&c| is_invisible(c) || is_blank(c)) {
            return Err(NameError::Invisible(hidden));
        }
        let name = Self::kept(text)?;
        // NFC may have put marks in another order, so the composed name is checked again.
        match name.hidden() {
            Some(hidden) => Err(NameError::Invisible(hidden)),
            None => Ok(name),
        }
    }
}

/// Deserializes a name that comes out of a log; see [`UserName::kept`].
///
/// # Errors
/// Fails if the text is not such a name.
pub fn deserialize_kept<'de, D: Deserializer<'de>>(deserializer: D) -> Result<UserName, D::Error> {
    let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
    UserName::kept(&text).map_err(de::Error::custom)
}

/// Whether a character may stand in a name: letters and digits of any script, the marks that letters of many scripts
/// need, and `_`, `-` and `.`.
fn is_name_char(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-' | '.') || is_mark(c)
}

/// Whether a character is a mark that combines with the letter before it, such as a Devanagari vowel sign, a Thai tone
/// or an accent without a composed form. Such marks are part of how words are written, so they may be part of a name,
/// but never its first character.
fn is_mark(c: char) -> bool {
    is_combining_mark(c) && !c.is_alphanumeric()
}

impl PartialEq for UserName {
    fn eq(&self, other: &Self) -> bool {
        self.folded == other.folded
    }
}

impl Eq for UserName {}

impl std::hash::Hash for UserName {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.folded.hash(state);
    }
}

impl PartialOrd for UserName {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for UserName {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.folded.cmp(&other.folded)
    }
}

impl fmt::Display for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.shown)
    }
}

impl fmt::Debug for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.shown)
    }
}

impl Serialize for UserName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.shown)
    }
}

impl<'de> Deserialize<'de> for UserName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

/// The error for a text that is not a key, a hash, a token or an id; it says what was expected.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("expected {expected}")]
pub struct BytesError {
    expected: &'static str,
}

macro_rules! base64_bytes {
    ($(#[$doc:meta])* $name:ident, $len:literal, $expected:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub struct $name([u8; $len]);

        /// Hashes only the first eight bytes. The bytes are random, or come from a hash or a curve. Finding other
        /// values with the same eight bytes is as much work for an attacker as finding a key with them.
        impl Hash for $name {
            fn hash<H: Hasher>(&self, state: &mut H) {
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
            pub fn from_slice(bytes: &[u8]) -> Result<Self, BytesError> {
                bytes.try_into().map(Self).map_err(|_| BytesError { expected: $expected })
            }
        }

        impl FromStr for $name {
            type Err = BytesError;

            fn from_str(text: &str) -> Result<Self, BytesError> {
                let mut bytes = [0_u8; $len];
                match URL_SAFE_NO_PAD.decode_slice(text, &mut bytes) {
                    Ok($len) => Ok(Self(bytes)),
                    _ => Err(BytesError { expected: $expected }),
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                // Base64 takes four characters for every three bytes, so 64 characters are room for 48 bytes.
                let mut buffer = [0_u8; 64];
                let len = URL_SAFE_NO_PAD.encode_slice(self.0, &mut buffer).map_err(|_| fmt::Error)?;
                f.write_str(std::str::from_utf8(&buffer[..len]).map_err(|_| fmt::Error)?)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(de::Error::custom)
            }
        }
    };
}

base64_bytes!(
    /// An Ed25519 public key, by which a user or a server is known. It has 32 bytes, written as 43 characters of
    /// base64url.
    PublicKey, 32, "an Ed25519 public key: 32 bytes in canonical base64url without padding (the bits past the last byte are 0)"
);
base64_bytes!(
    /// A SHA-256 hash over a message of a log and all messages before it. It has 32 bytes, written as 43 characters of
    /// base64url.
    ChainHash, 32, "a SHA-256 hash: 32 bytes in canonical base64url without padding (the bits past the last byte are 0)"
);
base64_bytes!(
    /// The id of a log, which is drawn at random when the log is made. It has 16 bytes, written as 22 characters of
    /// base64url.
    LogId, 16, "a log id: 16 bytes in canonical base64url without padding (the bits past the last byte are 0)"
);
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

impl Nonce {
    /// Draws a new nonce at random.
    #[must_use]
    pub fn random() -> Self {
        Self(random_bytes())
    }
}

impl LogId {
    /// Draws a new id at random.
    #[must_use]
    pub fn random() -> Self {
        Self(random_bytes())
    }
}

impl PublicKey {
    /// Returns the short form of the key that people compare: `SHA256:` and the base64 of the SHA-256 of the key's 32
    /// bytes.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &self.0);
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

/// The number of a message in its log. The first message has 1; 0 means the position before the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Seq(pub u64);

impl Seq {
    /// Returns the number after this one. The highest number is followed by itself: no message has it, but anybody can
    /// claim it.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

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

/// The text of one message: 1 to [`MAX_TEXT_BYTES`](crate::MAX_TEXT_BYTES) bytes of UTF-8. Clones share the text,
/// because a text is kept in several places until it is acknowledged.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Text(Arc<str>);

/// Why a text cannot be sent as a message.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TextError {
    /// The text is empty.
    #[error("a message cannot be empty")]
    Empty,
    /// The text has more bytes than a message may have; the number is how many it has.
    #[error("a message has at most {max} bytes, this one has {0}", max = crate::MAX_TEXT_BYTES)]
    TooLong(usize),
}

impl Text {
    /// Makes the text of a message.
    ///
    /// # Errors
    /// Fails if `text` is empty or longer than a message may be.
    pub fn new(text: impl AsRef<str> + Into<Arc<str>>) -> Result<Self, TextError> {
        match text.as_ref().len() {
            0 => Err(TextError::Empty),
            len if len > crate::MAX_TEXT_BYTES => Err(TextError::TooLong(len)),
            _ => Ok(Self(text.into())),
        }
    }

    /// Returns the text. It has to be made harmless before it is shown on a terminal.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        /// Reads a text directly from the line, without a copy in between.
        struct Borrowed;
        impl de::Visitor<'_> for Borrowed {
            type Value = Text;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Text, E> {
                Text::new(text).map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Borrowed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> UserName {
        text.parse().unwrap()
    }

    #[test]
    fn names_of_every_script_are_accepted_and_other_texts_are_refused() {
        for good in ["anna", "Ännä", "李雷", "анна", "हिन्दी", "a.b-c_d", "7", &"x".repeat(32)]
        {
            assert!(good.parse::<UserName>().is_ok(), "{good}");
        }
        for bad in [
            "",
            " ",
            "an na",
            "an\u{1b}[2J",
            "a\u{202e}b",
            "a,b",
            "a/b",
            "\u{301}a",
            "\u{345}a",
            "\u{5b0}a",
            "\u{64b}a",
            "\u{93e}a",
            &"x".repeat(33),
        ] {
            assert!(bad.parse::<UserName>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn names_are_compared_after_nfc_and_case_folding() {
        assert_eq!(name("ANNA"), name("anna"));
        assert_eq!(name("Straße"), name("STRASSE"));
        assert_eq!(name("e\u{301}va"), name("\u{c9}VA"));
        assert_ne!(name("anna"), name("anna_2"));
        assert_eq!(name("Anna").as_str(), "Anna");
    }

    #[test]
    fn invisible_characters_are_allowed_only_in_names_from_an_old_log() {
        for hidden in [
            '\u{34f}',
            '\u{115f}',
            '\u{3164}',
            '\u{ffa0}',
            '\u{fe00}',
            '\u{fe0f}',
            '\u{e0100}',
            '\u{17b4}',
            '\u{16fe4}',
            '\u{1107f}',
            '\u{2d7f}',
            '\u{13440}',
            '\u{13441}',
            '\u{13442}',
        ] {
            let beside_anna = format!("anna{hidden}");
            for bad in [&beside_anna, &hidden.to_string(), &format!("a{hidden}b")] {
                assert_eq!(bad.parse::<UserName>(), Err(NameError::Invisible(hidden)), "{bad:?}");
                assert!(serde_json::from_str::<UserName>(&format!("\"{bad}\"")).is_err());
            }
            let kept = UserName::kept(&beside_anna).unwrap();
            assert_eq!(kept.as_str(), beside_anna, "its bytes are hashed");
            assert_eq!(kept.visible().as_str(), format!("anna_u{:x}", hidden as u32));
            assert!(kept.visible().as_str().parse::<UserName>().is_ok());
        }
        let long = UserName::kept(&"a\u{fe00}".repeat(16)).unwrap().visible();
        assert!(long.as_str().parse::<UserName>().is_ok(), "{long}");
        assert_eq!(name("anna").visible(), name("anna"));
    }

    #[test]
    fn a_stacker_is_allowed_in_a_name_only_between_letters_of_its_script() {
        // The names are Mandalay in Burmese and a king's name in Khmer.
        for stacked in ["မန္တလေး", "សីហនុ", "ព្រះ"] {
            assert_eq!(name(stacked).visible().as_str(), stacked);
        }
        for hidden in ('\0'..=char::MAX).filter(|&c| is_stacker(c)) {
            for bad in [format!("anna{hidden}"), format!("a{hidden}b"), format!("日{hidden}本")] {
                assert_eq!(bad.parse::<UserName>(), Err(NameError::Invisible(hidden)), "{bad:?}");
            }
            let kept = UserName::kept(&format!("anna{hidden}")).unwrap();
            assert_eq!(kept.visible().as_str(), format!("anna_u{:x}", hidden as u32));
        }
        for bad in ["မန္", "မ္္န", "ព្"] {
            assert!(matches!(bad.parse::<UserName>(), Err(NameError::Invisible(_))), "{bad:?}");
        }
        let long = name(&"န္တ".repeat(10));
        for number in [2, 20, 200] {
            let numbered = long.numbered(number);
            assert!(numbered.as_str().parse::<UserName>().is_ok(), "{numbered}");
        }
    }

    #[test]
    fn a_numbered_name_is_still_a_name() {
        assert_eq!(name("anna").numbered(2).as_str(), "anna_2");
        let long = name(&"ü".repeat(32)).numbered(1000);
        assert_eq!(long.as_str().chars().count(), 32);
        assert!(long.as_str().parse::<UserName>().is_ok());
    }

    #[test]
    fn keys_are_read_from_base64url_of_exactly_their_length() {
        let key = PublicKey::new([7; 32]);
        assert_eq!(key.to_string().len(), 43);
        assert_eq!(key.to_string().parse(), Ok(key));
        assert!("short".parse::<PublicKey>().is_err());
        assert!(format!("{key}A").parse::<PublicKey>().is_err());
        assert!(key.fingerprint().to_string().starts_with("SHA256:"));
    }

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

    #[test]
    fn a_candidate_has_a_host_and_a_port() {
        for good in ["127.0.0.1:5", "[::1]:99", "chat.example.org:43210"] {
            assert_eq!(good.parse::<Candidate>().unwrap().as_str(), good);
        }
        for bad in ["", "host", "host:", ":5", "host:0", "127.0.0.1:0", "a b:5", "host:70000", "::1:\u{1b}"] {
            assert!(bad.parse::<Candidate>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_text_is_refused_if_it_is_empty_or_has_too_many_bytes() {
        assert!(Text::new("x".repeat(crate::MAX_TEXT_BYTES)).is_ok());
        assert_eq!(Text::new("x".repeat(16385)), Err(TextError::TooLong(16385)));
        assert_eq!(Text::new(""), Err(TextError::Empty));
    }
}
