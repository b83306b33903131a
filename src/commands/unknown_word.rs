//! What is meant by a word that is not a command: a command of other chats, or a command that is spelled nearly so.
//! From this come the hint that the user is given, and where the lines after it were meant to go. This file runs
//! nothing.

use super::{COMMANDS, find, habits};
use crate::input::traits::Leads;
use crate::show::{Failure, failing};

/// Returns where the command leads that was probably meant by this word: the command itself, or its meaning in other
/// chats, or else the command that is spelled nearly so (`\frok`, `\Fork`) or with which the word begins
/// (`\forkbobby`).
#[must_use]
pub fn probably_leads(word: &str) -> Leads {
    if let Some(command) = find(word) {
        return command.traits.leads;
    }
    if let Some(habit) = habits::find(word) {
        return habit.leads;
    }
    let begun = || {
        let lower = word.to_lowercase();
        COMMANDS.iter().find(|it| it.traits.leads != Leads::Nowhere && lower.starts_with(it.name))
    };
    nearest(word).and_then(find).or_else(begun).map_or(Leads::Nowhere, |command| command.traits.leads)
}

/// Returns the failure for a word that is not a command. It says what does the same here as the word does in other
/// chats, or names the nearest command.
pub(super) fn failure(word: &str) -> Failure {
    let near = nearest(word);
    let failing = match (habits::find(word), near) {
        (Some(habit), _) => failing::Input::OtherChats { word, instead: habit.instead },
        (None, Some(near)) => failing::Input::NearlyCommand { word, near },
        (None, None) => failing::Input::NoCommand(word),
    };
    Failure::from(failing).of_command(word)
}

fn nearest(word: &str) -> Option<&'static str> {
    let word = word.to_lowercase();
    let words = COMMANDS.iter().flat_map(|command| std::iter::once(&command.name).chain(command.aliases));
    let (distance, near) =
        words.map(|candidate| (strsim::damerau_levenshtein(&word, candidate), *candidate)).min()?;
    // One slip is allowed in a short word and two in a longer one; anything else would be a guess.
    (distance <= if word.chars().count() <= 4 { 1 } else { 2 }).then_some(near)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::show::ErrorCode;

    #[test]
    fn a_command_of_another_chat_is_answered_with_the_command_of_hobnob() {
        for (word, instead) in [
            ("exit", "\\quit"),
            ("nick", "--name"),
            ("Names", "\\users"),
            ("channel", "\\join"),
            ("w", "\\msg"),
        ] {
            let failure = failure(word);
            assert_eq!(failure.code, ErrorCode::UnknownCommand);
            assert!(failure.text.contains(instead), "{}", failure.text);
        }
        assert!(failure("frok").text.contains("did you mean \\fork?"));
    }

    #[test]
    fn a_mistyped_command_leads_where_the_correct_one_would() {
        for word in ["fork", "frok", "Fork", "FORK", "forkbobby", "forkx", "query", "fo\u{301}rk"] {
            assert_eq!(probably_leads(word), Leads::ToUser, "{word}");
        }
        for word in ["sw", "swich", "SWITCH", "switch2"] {
            assert_eq!(probably_leads(word), Leads::ToSession, "{word}");
        }
        for word in ["", "nonsense", "lobbby", "msg", "nick", "users2"] {
            assert_eq!(probably_leads(word), Leads::Nowhere, "{word}");
        }
    }

    #[test]
    fn a_mistyped_command_suggests_the_nearest_one() {
        assert_eq!(nearest("frok"), Some("fork"));
        assert_eq!(nearest("histroy"), Some("history"));
        assert_eq!(nearest("bobby"), Some("lobby"));
        assert_eq!(nearest("carmen"), None);
        assert_eq!(nearest("SET"), Some("set"));
    }
}
