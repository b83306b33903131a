//! Messages from the history as lines: local date and time, where it was said, by whom, and the text. The form is the
//! same for the lobby, rooms and private talk. Everything that came from the network passes [`harmless`] here.

use std::borrow::Cow;
use std::ops::Range;

use hobnob_protocol::key::PublicKey;
use hobnob_protocol::name::UserName;
use hobnob_protocol::room::RoomName;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::harmless::{harmless, harmless_line};
use crate::timestamp::Timestamp;

/// A message of any run that was kept on this machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptMessage {
    /// Where it was said: `"lobby"`, `"room"` or `"peer"`.
    pub kind: Cow<'static, str>,
    /// The room, if it was said in one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub room: Option<RoomName>,
    /// The other user, if it was said in private.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer: Option<UserName>,
    /// The name of the author.
    #[serde(deserialize_with = "hobnob_protocol::name::deserialize_shown")]
    pub from: UserName,
    /// What the author said.
    pub text: String,
    /// When it was said.
    pub at: Timestamp,
    /// The number of the message, in the lobby and in rooms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
    /// The key of the author.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<PublicKey>,
    /// The words by which it was found, which a terminal marks.
    #[serde(skip)]
    pub words: Vec<String>,
}

impl KeptMessage {
    /// Returns when and where it was said, such as `2026-11-25 18:02 [lobby] `.
    #[must_use]
    pub fn head(&self, zone: &TimeZone) -> String {
        let at = self.at.minute(zone);
        match (&self.room, &self.peer) {
            (Some(room), _) => format!("{at} [#{room}] "),
            (None, Some(peer)) => format!("{at} [{peer}] "),
            (None, None) => format!("{at} [lobby] "),
        }
    }

    /// Returns the whole message on one line, without a newline.
    #[must_use]
    pub fn line(&self, zone: &TimeZone) -> String {
        format!("{}{}: {}", self.head(zone), self.from, harmless_line(&self.text))
    }

    /// Returns the text, with each line after the first indented.
    #[must_use]
    pub fn text(&self, indent: &str) -> Cow<'_, str> {
        harmless(&self.text, indent)
    }
}

/// Returns the places in `text` where one of `words` begins a word, in upper or lower case; in order, none twice.
#[must_use]
pub fn find_word_beginnings(text: &str, words: &[String]) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    let mut before = None;
    for (at, c) in text.char_indices() {
        let begins = before.is_none_or(|before: char| !before.is_alphanumeric() || !before.is_ascii());
        before = Some(c);
        if !begins || found.last().is_some_and(|last| at < last.end) {
            continue;
        }
        let longest = words.iter().filter_map(|word| length_of(&text[at..], word)).max();
        found.extend(longest.map(|length| at..at + length));
    }
    found
}

/// Returns how many bytes at the beginning of `text` are `word`; `None` if it does not begin with it.
fn length_of(text: &str, word: &str) -> Option<usize> {
    let mut wanted = word.chars().flat_map(char::to_lowercase).peekable();
    wanted.peek()?;
    for (at, c) in text.char_indices() {
        for lower in c.to_lowercase() {
            if wanted.next() != Some(lower) {
                return None;
            }
        }
        if wanted.peek().is_none() {
            return Some(at + c.len_utf8());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(text: &str) -> KeptMessage {
        KeptMessage {
            kind: "lobby".into(),
            room: None,
            peer: None,
            from: "bobby".parse().unwrap(),
            text: text.to_owned(),
            at: Timestamp(1_700_000_000_000),
            seq: Some(7),
            key: None,
            words: Vec::new(),
        }
    }

    #[test]
    fn kept_messages_of_every_place_have_the_same_form() {
        let zone = TimeZone::fixed(jiff::tz::offset(1));
        assert_eq!(kept("hi").line(&zone), "2023-11-14 23:13 [lobby] bobby: hi");
        let peer = KeptMessage { peer: Some("Carol".parse().unwrap()), ..kept("a\nb\u{1b}[2J") };
        assert_eq!(peer.line(&zone), "2023-11-14 23:13 [Carol] bobby: a␤b␛[2J");
        let room = KeptMessage { room: Some("tea".parse().unwrap()), ..kept("hi") };
        assert_eq!(room.line(&zone), "2023-11-14 23:13 [#tea] bobby: hi");
    }

    #[test]
    fn searched_words_are_found_at_the_beginning_of_words_in_any_case() {
        let check = |text: &str, words: &[&str], expected: &[&str]| {
            let words: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
            let found: Vec<&str> =
                find_word_beginnings(text, &words).into_iter().map(|place| &text[place]).collect();
            assert_eq!(found, expected, "{words:?} in {text:?}");
        };
        check("The release, prerelease", &["RELEASE", "the"], &["The", "release"]);
        check("rel release", &["rel", "release"], &["rel", "release"]);
        check("東京に", &["京"], &["京"]);
        check("İstanbul ÄRGER", &["ärger"], &["ÄRGER"]);
        check("x", &[""], &[]);
    }
}
