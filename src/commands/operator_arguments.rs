//! The arguments of the operators' commands: a user by name or by fingerprint, or addresses; for how long, and why.
//! This file owns how they are read, and knows nothing of what is done with them.

use hobnob_protocol::content::{ActTarget, ShortText};
use hobnob_protocol::key::Fingerprint;
use hobnob_protocol::name::UserName;

use super::CommandError;
use crate::client::State;
use crate::input::{address, duration};
use crate::show::failing;

/// Returns the first word, and what follows it.
pub(super) fn first_word(args: &str) -> (&str, &str) {
    args.split_once(char::is_whitespace).map_or((args, ""), |(word, rest)| (word, rest.trim()))
}

/// Reads a user's name, a fingerprint or addresses. A word that can be read as an address is one, although a name could
/// be written in the same way. If a user in the lobby has that name, it is not certain which is meant, and the word is
/// refused: otherwise a stranger could take somebody's address as his name, and have that person banned.
pub(super) fn name_or_target(
    state: &State,
    word: &str,
) -> Result<(Option<UserName>, Option<ActTarget>), CommandError> {
    if address::is_address(word) && word.parse().is_ok_and(|name| state.known_names.contains(&name)) {
        return Err(failing::Input::NameOrAddress(word).into());
    }
    if address::is_address(word) || word.parse::<Fingerprint>().is_ok() {
        return Ok((None, target(word)));
    }
    state.parse_name(word).map(|name| (Some(name), None))
}

/// Reads the target of an act that is not a name.
pub(super) fn target(text: &str) -> Option<ActTarget> {
    ActTarget::new(text).ok()
}

/// Reads for how many seconds an act holds, and why. The first word is a duration if it can be read as one. A first
/// word that begins with a digit and is no duration (`10min`, `5x`) is refused: it was meant as a duration, and if it
/// were taken as the reason, an act that was meant for minutes would hold for good.
pub(super) fn term(rest: &str) -> Result<(Option<u64>, Option<ShortText>), CommandError> {
    let (word, after) = first_word(rest);
    match duration::parse(word) {
        Some(seconds) => Ok((Some(seconds), reason(after)?)),
        None if word.starts_with(|first: char| first.is_ascii_digit()) => {
            Err(failing::Input::NoDuration(word).into())
        }
        None => Ok((None, reason(rest)?)),
    }
}

/// Reads the reason; `None` if there is none.
pub(super) fn reason(text: &str) -> Result<Option<ShortText>, CommandError> {
    if text.is_empty() {
        return Ok(None);
    }
    Ok(Some(ShortText::new(text).map_err(failing::Room::NoTopic)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_before_the_reason_is_not_part_of_the_reason() {
        let read = |rest| {
            let (seconds, why) = term(rest).unwrap();
            (seconds, why.map(|why| why.as_str().to_owned()))
        };
        assert_eq!(read(""), (None, None));
        assert_eq!(read("2h"), (Some(7200), None));
        assert_eq!(read("10m too loud"), (Some(600), Some("too loud".to_owned())));
        assert_eq!(read("too loud for 10m"), (None, Some("too loud for 10m".to_owned())));
        assert!(term(&"x".repeat(401)).is_err());
        for slip in ["5x", "10min flood", "1h30m", "0m", "7 days"] {
            assert!(term(slip).is_err(), "{slip}");
        }
    }

    #[test]
    fn the_first_word_ends_at_the_first_blank() {
        assert_eq!(first_word("carl"), ("carl", ""));
        assert_eq!(first_word("carl   2h  spam"), ("carl", "2h  spam"));
    }
}
