//! Sentences about the user's own programs, and sentences of these programs.

use std::fmt;

use super::Saying;

/// What is told if there is no program. It names both places in which programs are looked for.
const NO_PROGRAM: &str =
    "there is no program hobnob-NAME, neither in commands/ of the config directory nor on the PATH";

/// A sentence about or of one of the user's own programs.
#[derive(Debug)]
pub(crate) enum Plugin<'a> {
    /// A program shows this, and only the user sees it.
    Shows {
        /// The program's own words.
        text: &'a str,
    },
    /// A program says something in the user's name.
    Speaks {
        /// The command, without the backslash.
        command: &'a str,
        /// The text that is said.
        text: &'a str,
    },
    /// The user has just allowed a program something.
    Allowed {
        /// The command, without the backslash.
        command: &'a str,
        /// What it may do, in words.
        wants: &'a str,
    },
    /// The user took back the rights of a program.
    Disallowed {
        /// The command, without the backslash.
        command: &'a str,
    },
    /// The list of programs.
    All {
        /// Each command and, in words, what it may do; `None` if it is not allowed yet.
        programs: &'a [(String, Option<String>)],
    },
}

impl Saying for Plugin<'_> {}

impl fmt::Display for Plugin<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Shows { text } => f.write_str(text),
            Self::Speaks { command, text } => write!(f, "\\{command} says for you: {text}"),
            Self::Allowed { command, wants } => write!(f, "\\{command} may {wants} now"),
            Self::Disallowed { command } => {
                write!(
                    f,
                    "\\{command} is not allowed to do anything any more; \\allow {command} allows it again"
                )
            }
            Self::All { programs } => write_programs(f, programs),
        }
    }
}

/// Writes the programs, one in each line.
fn write_programs(f: &mut fmt::Formatter<'_>, programs: &[(String, Option<String>)]) -> fmt::Result {
    if programs.is_empty() {
        return f.write_str(NO_PROGRAM);
    }
    for (index, (name, wants)) in programs.iter().enumerate() {
        if index > 0 {
            f.write_str("\n")?;
        }
        match wants {
            Some(wants) => write!(f, "\\{name} may {wants}; \\disallow {name} takes it back")?,
            None => write!(f, "\\{name} is not allowed yet")?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_program_is_listed_with_what_it_may_do() {
        let told = |programs| Plugin::All { programs }.to_string();
        assert_eq!(told(&[]), NO_PROGRAM);
        let programs = [("roll".to_owned(), Some("run dice".to_owned())), ("x".to_owned(), None)];
        assert_eq!(
            told(&programs),
            "\\roll may run dice; \\disallow roll takes it back\n\\x is not allowed yet"
        );
    }
}
