//! Lines that are texts by the grammar, and whose author probably meant a command: the sign before the word is that of
//! another keyboard, or a command was typed behind the beginning of a line that was still in the editor. What such lines
//! contain may be private, so they are not said. The same holds for the text of a command that many hear. This file
//! knows no commands: it asks the vocabulary.

use super::invisible::is_invisible;
use super::vocabulary::{Habit, Vocabulary};

/// Signs that keyboards have in the place of `\` or `/`, or that look like one of them.
const SIGNS: &[char] = &['¥', '₩', '￥', '￦', '＼', '／', '﹨', '∖', '⧵', '∕', '⁄'];

/// Returns the length of the sign and of the word at the beginning of `text`, if they were meant as a command.
pub(super) fn other_sign(text: &str, words: &dyn Vocabulary) -> Option<(usize, usize)> {
    let rest = text.strip_prefix(SIGNS)?;
    let word = rest.split(char::is_whitespace).next().unwrap_or_default();
    visible_habit(word, words)?;
    Some((text.len() - rest.len(), word.len()))
}

/// Returns the meaning of a word without the invisible characters in it.
pub(super) fn visible_habit(word: &str, words: &dyn Vocabulary) -> Option<Habit> {
    match word.contains(is_invisible) {
        true => words.habit(&word.replace(is_invisible, "")),
        false => words.habit(word),
    }
}

/// Returns the meaning of two commands in one line, the first of which begins with `/`, such as `list\msg`,
/// `names/part` or `list, \msg bob`; `None` if the line holds only one. `line` is what follows the first sign, and
/// `word` is the first word of it. A `/WORD` that is refused stays in the editor, and a command may then be typed behind
/// it unnoticed. Its words would be said to everybody if the whole were a text. A path with a backslash somewhere behind
/// it (`/mnt/c is C:\users`) is a text.
pub(super) fn two_commands(word: &str, line: &str, words: &dyn Vocabulary) -> Option<Habit> {
    let first = word.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
    let is_refused_alone = words.habit(first).is_some();
    glued(word, words).or_else(|| command_later(if is_refused_alone { line } else { word }, words))
}

/// Returns the command that is glued to a word of `text`, such as `msg` in `hi\msg bob x`; `None` if there is none. It
/// was typed behind a text that was still in the editor. A path (`C:\users`, `src\msg\x`) is a part of the text.
pub(crate) fn glued_command<'t>(text: &'t str, words: &dyn Vocabulary) -> Option<&'t str> {
    text.split_whitespace()
        .find_map(|part| Some(led_word(part, words)?).filter(|(before, _)| !before.is_empty()))
        .map(|(_, word)| word)
}

/// Whether a word of `text` is a command, or ends with one that is glued to it. A path is none.
pub(super) fn has_command(text: &str, words: &dyn Vocabulary) -> bool {
    text.split_whitespace().any(|part| led_word(part, words).is_some())
}

/// Returns the command in a word, and what stands before its backslash.
fn led_word<'t>(part: &'t str, words: &dyn Vocabulary) -> Option<(&'t str, &'t str)> {
    let (before, word) = part.split_once('\\')?;
    let is_drive = before.len() == 2 && before.ends_with(':');
    (!is_drive && visible_habit(word, words).is_some()).then_some((before, word))
}

/// Signs that stand beside the backslash on some keyboards, or where another layout has it. `+`, `<` and `#` begin many texts
/// of their own (`#fork the repo`, `<msg id=1>`), so they are not among them.
const NEIGHBOURS: &[char] = &['ß', 'º', '´'];

/// How many characters may have slipped in before a backslash: a neighbour of it, or the rest of a key's sequence.
const MOST_SLIPPED: usize = 2;

/// How long a word is at least that is taken for a command without its backslash. `+m` may be anything.
const SHORTEST_WITHOUT_BACKSLASH: usize = 3;

/// Returns the length of what stands before a word and of the word, if the author's finger slipped: `q\msg bob x`,
/// `[A\msg bob x`, `/ msg bob x`, `ßmsg bob x`. Only commands that say something to one user or lead to him, and have a
/// name behind them, are read so; what else looks like this is more often a text.
pub(super) fn slip(text: &str, words: &dyn Vocabulary) -> Option<(usize, usize)> {
    let word_at = |start: usize| {
        let rest = text.get(start..)?;
        let word = rest.split(char::is_whitespace).next().unwrap_or_default();
        let is_meant = !rest[word.len()..].trim().is_empty() && words.is_private(word);
        is_meant.then_some((start, word.len()))
    };
    let slipped = text.find('\\').filter(|at| {
        let before = &text[..*at];
        let is_drive = before.ends_with(':') && before.len() == 2;
        (1..=MOST_SLIPPED).contains(&before.chars().count())
            && !is_drive
            && !before.contains(char::is_whitespace)
    });
    let spaced = text.strip_prefix("/ ").map(|rest| text.len() - rest.trim_start().len());
    let neighbour = text.strip_prefix(NEIGHBOURS).map(|rest| text.len() - rest.len());
    let starts = [slipped.map(|at| at + 1), spaced];
    let is_long = |(_, word): &(usize, usize)| *word >= SHORTEST_WITHOUT_BACKSLASH;
    let without_backslash = || neighbour.and_then(word_at).filter(is_long);
    starts.into_iter().flatten().find_map(word_at).or_else(without_backslash)
}

fn glued(word: &str, words: &dyn Vocabulary) -> Option<Habit> {
    let (first, second) = word.split_once(['\\', '/'])?;
    let second_is_command = word.as_bytes().get(first.len()) == Some(&b'\\')
        || words.habit(second.split(['\\', '/']).next().unwrap_or_default()).is_some();
    let both = words.habit(first).is_some() && second_is_command;
    both.then(|| Habit::Other("a line holds one command; Ctrl-C clears the line".to_owned()))
}

fn command_later(line: &str, words: &dyn Vocabulary) -> Option<Habit> {
    let first_row = line.lines().next().unwrap_or_default();
    let mut later = first_row.split('\\').skip(1);
    let word = later.find_map(|rest| {
        let word = rest.split(char::is_whitespace).next().unwrap_or_default();
        visible_habit(word, words).map(|_| word)
    })?;
    Some(Habit::Other(format!(
        "the command \\{word} is behind it, and a line holds one command; Ctrl-C clears the line"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Words;

    impl Vocabulary for Words {
        fn habit(&self, word: &str) -> Option<Habit> {
            matches!(word, "msg" | "users").then(|| Habit::Same(word.to_owned()))
        }

        fn is_private(&self, word: &str) -> bool {
            word == "msg"
        }
    }

    #[test]
    fn a_command_before_which_something_slipped_in_is_found_and_a_path_is_none() {
        for (text, before) in [
            ("q\\msg bob x", 2),
            ("[A\\msg bob x", 3),
            ("/ msg bob x", 2),
            ("/  msg bob x", 3),
            ("ßmsg bob x", 2),
            ("ºmsg bob x", 2),
        ] {
            assert_eq!(slip(text, &Words), Some((before, 3)), "{text}");
        }
        for text in [
            "C:\\msg bob x",
            "src\\msg bob x",
            "q\\msg",
            "q\\users bob",
            "/ users bob",
            "msg bob x",
            "+1 msg bob",
            "a b\\msg bob x",
            "+msg bob x",
            "<msg id=1>",
            "#msg the bob",
            "\\msg bob x",
        ] {
            assert_eq!(slip(text, &Words), None, "{text}");
        }
    }

    #[test]
    fn a_command_among_words_is_found_and_a_path_is_none() {
        for text in [" \\msg bob x", "hi \\msg bob", "hi\\msg bob"] {
            assert!(has_command(text, &Words), "{text}");
        }
        for text in ["hi", " C:\\users", " src\\msg\\x", " \\nothing"] {
            assert!(!has_command(text, &Words), "{text}");
        }
    }

    #[test]
    fn a_command_that_is_glued_to_a_word_is_found_and_a_path_is_none() {
        for text in ["hi\\msg bob x", "says: hi!\\msg", "a\\m\u{200b}sg bob"] {
            assert!(glued_command(text, &Words).is_some(), "{text}");
        }
        for text in ["hi \\msg bob x", "C:\\users", "src\\msg\\x", "a\\b", "a\\\\msg", "\\msg", ""] {
            assert_eq!(glued_command(text, &Words), None, "{text}");
        }
    }
}
