//! What a program says of itself when it is called with `--describe`: one JSON object. Owns its form and
//! its bounds; whatever does not fit is refused, and what is shown of it is one harmless line.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::rights::Right;
use crate::show::harmless::is_hostile;

/// The longest usage or description, in characters.
const MAX_LINE: usize = 200;

/// The most words for completion.
const MAX_WORDS: usize = 100;

/// The longest word, in characters.
const MAX_WORD: usize = 64;

/// What a program says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Description {
    /// How it is called: `\roll [DICE]`.
    #[serde(default)]
    pub usage: String,
    /// What it does, in half a line.
    #[serde(default)]
    pub about: String,
    /// Words that may follow it, for completion.
    #[serde(default)]
    pub words: Vec<String>,
    /// The rights it wants.
    #[serde(default)]
    pub rights: Vec<Right>,
}

/// What is wrong with what a program says of itself.
#[derive(Debug, Error)]
pub enum WrongDescription {
    /// It does not begin like a JSON object.
    #[error("what it answers to --describe is no description")]
    NotAnObject,
    /// It is not JSON, or has other fields.
    #[error("what it answers to --describe is no description: {0}")]
    NotJson(serde_json::Error),
    /// The usage is too long, hostile, or that of another command.
    #[error("its usage is not one line that begins with \\{name}")]
    Usage {
        /// The command it has to begin with, without the backslash.
        name: String,
    },
    /// What it does is described by too much, or by something hostile.
    #[error("its about is not one line of at most {MAX_LINE} characters")]
    About,
    /// Its words for completion are too many, or one of them is no word.
    #[error("its words are more than {MAX_WORDS}, or no words")]
    Words,
}

/// Reads what the program `name` wrote.
///
/// # Errors
/// When it is not what it must be.
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

    /// Whether it was given a right.
    #[must_use]
    pub fn may(&self, right: Right) -> bool {
        self.rights.contains(&right)
    }

    /// What it wants to do, in words.
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
    fn what_does_not_fit_is_refused() {
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
