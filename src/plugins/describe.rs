//! How a program describes itself when it is called with `--describe`: with one JSON object. This file owns the form of
//! the description and its limits. A description that exceeds them is refused, and whatever is shown of a description
//! is one harmless line.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::rights::Right;
use crate::show::harmless::is_hostile;

/// The longest usage or description, in characters.
const MAX_LINE: usize = 200;

/// How many words for completion a program may name.
const MAX_WORDS: usize = 100;

/// The longest word for completion, in characters.
const MAX_WORD: usize = 64;

/// A program's description of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Description {
    /// How the program is called as a command, for example `\roll [DICE]`.
    #[serde(default)]
    pub usage: String,
    /// What the program does, in a few words.
    #[serde(default)]
    pub about: String,
    /// Words that completion offers after the command.
    #[serde(default)]
    pub words: Vec<String>,
    /// The rights that the program asks for.
    #[serde(default)]
    pub rights: Vec<Right>,
}

/// What is wrong with a program's description of itself.
#[derive(Debug, Error)]
pub enum WrongDescription {
    /// The output does not begin like a JSON object.
    #[error("what it answers to --describe is no description")]
    NotAnObject,
    /// The output is not JSON, or the object has unknown members.
    #[error("what it answers to --describe is no description: {0}")]
    NotJson(serde_json::Error),
    /// The usage is too long, has hostile characters, or does not begin with the command's own name.
    #[error("its usage is not one line that begins with \\{name}")]
    Usage {
        /// The name with which the usage has to begin, without the backslash.
        name: String,
    },
    /// The text about what the program does is too long or has hostile characters.
    #[error("its about is not one line of at most {MAX_LINE} characters")]
    About,
    /// There are too many words for completion, or one of them is not a word.
    #[error("its words are more than {MAX_WORDS}, or no words")]
    Words,
}

/// Reads the description that the program `name` wrote.
///
/// # Errors
/// Fails if the description is not valid.
pub(crate) fn parse(name: &str, output: &str) -> Result<Description, WrongDescription> {
    if !output.trim_start().starts_with('{') {
        return Err(WrongDescription::NotAnObject);
    }
    let mut description: Description =
        serde_json::from_str(output.trim()).map_err(WrongDescription::NotJson)?;
    if description.usage.is_empty() {
        description.usage = format!("\\{name}");
    }
    description.rights.sort_unstable();
    description.rights.dedup();
    description.check(name)?;
    Ok(description)
}

impl Description {
    fn check(&self, name: &str) -> Result<(), WrongDescription> {
        let line = |text: &str| text.chars().count() <= MAX_LINE && !text.chars().any(is_hostile);
        let own = self.usage.strip_prefix('\\').and_then(|usage| usage.split(' ').next());
        if !line(&self.usage) || own != Some(name) {
            return Err(WrongDescription::Usage { name: name.to_owned() });
        }
        if !line(&self.about) {
            return Err(WrongDescription::About);
        }
        let word = |word: &String| {
            (1..=MAX_WORD).contains(&word.chars().count())
                && !word.chars().any(|c| is_hostile(c) || c.is_whitespace())
        };
        if self.words.len() > MAX_WORDS || !self.words.iter().all(word) {
            return Err(WrongDescription::Words);
        }
        Ok(())
    }

    /// Whether the program has this right.
    #[must_use]
    pub fn may(&self, right: Right) -> bool {
        self.rights.contains(&right)
    }

    /// Returns what the program wants to do, in words for the user.
    #[must_use]
    pub fn wants(&self) -> String {
        match &self.rights[..] {
            [] => "show you notices".to_owned(),
            rights => rights.iter().map(|right| right.about()).collect::<Vec<_>>().join(", "),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_description_is_read_with_its_defaults() {
        let full =
            r#"{"usage":"\\roll [DICE]","about":"dice","words":["2d6"],"rights":["say","recent","say"]}"#;
        let description = parse("roll", full).unwrap();
        assert_eq!(description.rights, [Right::Recent, Right::Say]);
        assert!(description.may(Right::Say) && !description.may(Right::Command));
        let least = parse("roll", "{}\n").unwrap();
        assert_eq!((least.usage.as_str(), least.wants().as_str()), ("\\roll", "show you notices"));
    }

    #[test]
    fn a_description_that_breaks_a_rule_is_refused() {
        for bad in [
            "",
            "[]",
            r#"{"rights":["root"]}"#,
            r#"{"right":["say"]}"#,
            r#"{"usage":"\\quit now"}"#,
            r#"{"usage":"roll"}"#,
            r#"{"about":"two\nlines"}"#,
            r#"{"about":"\u001b[2J"}"#,
            r#"{"words":["a b"]}"#,
            r#"{"words":[""]}"#,
        ] {
            assert!(parse("roll", bad).is_err(), "{bad}");
        }
        let words: Vec<String> = (0..101).map(|n| n.to_string()).collect();
        assert!(parse("roll", &serde_json::json!({ "words": words }).to_string()).is_err());
    }
}
