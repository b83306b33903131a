//! The user's own words for texts and commands: what such a word may be, and what it stands for. Pure;
//! knows neither which commands there are nor what the result of an expansion means.

use thiserror::Error;

use super::line::Call;
use crate::data::table::Table;

/// Characters an alias may have.
const LONGEST: usize = 32;

/// Stands in an alias for what is typed after it.
const ARGUMENTS: &str = "$*";

/// This word cannot be an alias.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("an alias is 1 to {LONGEST} letters, digits, _ or -")]
pub struct NotAnAlias;

/// Whether this is a word that an alias may be.
///
/// # Errors
/// When it is none.
pub fn check(name: &str) -> Result<(), NotAnAlias> {
    let is_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-');
    if name.is_empty() || name.chars().count() > LONGEST || !name.chars().all(is_word) {
        return Err(NotAnAlias);
    }
    Ok(())
}

/// The line that `call` stands for, where its word is an alias. The result is not expanded again: an
/// alias may name a command, never another alias.
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
    fn aliases_are_replaced_once() {
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
    fn an_alias_is_a_word_of_its_own() {
        for bad in ["", "a b", "\\x", "a\nb"] {
            assert!(check(bad).is_err(), "{bad:?}");
        }
        check("brb").unwrap();
        check("日本").unwrap();
    }
}
