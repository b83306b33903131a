//! Fuzzes the types that are made from text: names, keys, tokens, addresses and texts. Such a value was checked once,
//! when it was made, so everything that is made from it must pass the same check.

use std::fmt::{Debug, Display};
use std::str::FromStr;

use hobnob_protocol::away::AwayText;
use hobnob_protocol::candidate::Candidate;
use hobnob_protocol::chain::{ChainHash, LogId};
use hobnob_protocol::content::ShortText;
use hobnob_protocol::ids::{PairToken, RunId};
use hobnob_protocol::key::PublicKey;
use hobnob_protocol::name::UserName;
use hobnob_protocol::room::RoomName;
use hobnob_protocol::text::Text;

/// Checks that a value, written as text, is read as the same value again, and that a name with a number added is still
/// a name.
///
/// # Panics
/// Panics if this does not hold.
pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(name) = text.parse::<UserName>() {
        let again: UserName = name.as_str().parse().expect("the written form of a name is a name");
        assert_eq!((name.as_str(), name.folded()), (again.as_str(), again.folded()));
        for number in [2, 10, u32::MAX] {
            let numbered = name.numbered(number);
            let again: UserName = numbered.as_str().parse().expect("a name with a number is a name");
            assert_eq!((numbered.as_str(), numbered.folded()), (again.as_str(), again.folded()));
        }
    }
    if let Ok(room) = RoomName::typed(text) {
        let again: RoomName =
            room.as_str().parse().expect("the name of a room is valid without its sign, too");
        assert_eq!((room.as_str(), room.folded()), (again.as_str(), again.folded()));
    }
    if let Ok(topic) = ShortText::new(text) {
        let json = serde_json::to_vec(&topic).expect("a topic is JSON");
        assert_eq!(serde_json::from_slice::<ShortText>(&json).expect("and read again"), topic);
    }
    shown_as_read::<Candidate>(text);
    for bytes in [
        shown_as_read::<PublicKey>(text),
        shown_as_read::<ChainHash>(text),
        shown_as_read::<LogId>(text),
        shown_as_read::<PairToken>(text),
        shown_as_read::<RunId>(text),
    ] {
        // The same bytes can be written in only one form, so that two texts can be compared instead of the bytes.
        assert!(bytes.is_none_or(|shown| shown == text));
    }
    if let Ok(said) = Text::new(text) {
        let json = serde_json::to_vec(&said).expect("a text is JSON");
        assert_eq!(serde_json::from_slice::<Text>(&json).expect("and read again"), said);
    }
    if let Ok(away) = AwayText::new(text) {
        let json = serde_json::to_vec(&away).expect("a text is JSON");
        assert_eq!(serde_json::from_slice::<AwayText>(&json).expect("and read again"), away);
    }
}

/// Returns the written form of the value that `text` stands for, and checks that it is read as the same value.
fn shown_as_read<T: FromStr<Err: Debug> + Display + PartialEq + Debug>(text: &str) -> Option<String> {
    let value: T = text.parse().ok()?;
    let shown = value.to_string();
    let again: T = shown.parse().expect("what is shown of a value can be read");
    assert_eq!(again, value);
    Some(shown)
}
