//! The user's own words for texts and commands, which are called aliases: which words may be one, and what an alias
//! stands for. This file knows neither which commands there are nor what the result of an expansion means.

use thiserror::Error;

use super::line::Call;
use crate::data::word_table::Table;

/// How many characters an alias may have.
const LONGEST: usize = 32;

/// In the text of an alias, this stands for what the user types after the alias.
const ARGUMENTS: &str = "$*";

/// The error for a word that cannot be an alias.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("an alias is 1 to {LONGEST} letters, digits, _ or -")]
pub struct NotAnAlias;

/// Checks whether a word may be used as an alias.
///
/// # Errors
/// Fails if the word is empty or too long, or has a character that an alias may not have.
pub fn check(name: &str) -> Result<(), NotAnAlias> {
    let is_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-');
    if name.is_empty() || name.chars().count() > LONGEST || !name.chars().all(is_word) {
        return Err(NotAnAlias);
    }
    Ok(())
}

/// Returns the line that `call` stands for, or `None` if its word is not an alias. The result is not expanded again:
/// the text of an alias may begin with a command, but not with another alias.
#[must_use]
pub fn expand(call: &Call<'_>, aliases: &Table) -> Option<String> {
    let text = aliases.get(call.word)?;
    Some(match (text.contains(ARGUMENTS), call.args) {
        (true, args) => text.replace(ARGUMENTS, args),
        (false, "") => text.to_owned(),
        (false, args) => format!("{text} {args}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::line::{Line, Source, parse};

    #[track_caller]
    fn check_line(line: &str, expected: Option<&str>) {
        let mut aliases = Table::default();
        for (name, text) in [
            ("brb", "be right back"),
            ("greet", "hello $*, welcome"),
            ("w", "\\whois $*"),
            ("loop", "\\loop"),
            ("wave", "\\me waves"),
        ] {
            aliases.set(name, Some(text)).unwrap();
        }
        let Line::Command(call) = parse(line, Source::Pipe) else { panic!("{line} is no command") };
        assert_eq!(expand(&call, &aliases).as_deref(), expected, "{line}");
    }

    #[test]
    fn an_alias_is_expanded_only_once() {
        check_line("\\brb", Some("be right back"));
        check_line("\\brb  soon ", Some("be right back soon"));
        check_line("\\greet bobby", Some("hello bobby, welcome"));
        check_line("\\w bobby", Some("\\whois bobby"));
        check_line("\\loop", Some("\\loop"));
        check_line("\\wave back", Some("\\me waves back"));
        check_line("\\fork bobby", None);
        check_line("\\nothing", None);
    }

    #[test]
    fn an_alias_is_one_word_of_letters_and_digits() {
        for bad in ["", "a b", "\\x", "a\nb"] {
            assert!(check(bad).is_err(), "{bad:?}");
        }
        check("brb").unwrap();
        check("日本").unwrap();
    }
}
