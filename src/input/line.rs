//! What a typed line means: a text, a command, or nothing. The only parser of input; knows neither
//! which commands there are nor where a text goes.

/// A line, understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// Nothing to do.
    Empty,
    /// Something to say, as it is to be said.
    Text(String),
    /// A command: the word after the backslash, and what follows it, trimmed.
    Command {
        /// The word.
        name: String,
        /// The rest.
        args: String,
    },
    /// Several lines that begin with a command: neither can be meant safely, so neither is done.
    CommandAndMore,
}

/// Reads a line, or the several lines of a paste.
#[must_use]
pub fn parse(line: &str) -> Input {
    if line.trim().is_empty() {
        return Input::Empty;
    }
    let Some(rest) = line.strip_prefix('\\') else {
        return Input::Text(line.to_owned());
    };
    if rest.starts_with('\\') {
        return Input::Text(rest.to_owned());
    }
    let rest = rest.trim_end();
    if rest.contains('\n') {
        return Input::CommandAndMore;
    }
    let (name, args) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    Input::Command { name: name.to_owned(), args: args.trim().to_owned() }
}

/// Whether a message goes on in the next line.
#[must_use]
pub fn continues(line: &str) -> bool {
    line.ends_with('\\') && (!line.starts_with('\\') || line.starts_with("\\\\") && line.len() > 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn command(line: &str, name: &str, args: &str) {
        assert_eq!(parse(line), Input::Command { name: name.to_owned(), args: args.to_owned() });
    }

    #[test]
    fn a_backslash_begins_a_command_and_two_a_text() {
        command("\\fork bobby", "fork", "bobby");
        command("\\sw   2  ", "sw", "2");
        command("\\?", "?", "");
        command("\\", "", "");
        assert_eq!(parse("\\\\fork bobby"), Input::Text("\\fork bobby".to_owned()));
        assert_eq!(parse(" \\fork bobby"), Input::Text(" \\fork bobby".to_owned()));
    }

    #[test]
    fn a_word_is_a_command_only_whole() {
        command("\\switchfoo", "switchfoo", "");
        command("\\forkx y", "forkx", "y");
    }

    #[test]
    fn blank_lines_say_nothing() {
        for blank in ["", "  ", "\t", "\n\n"] {
            assert_eq!(parse(blank), Input::Empty);
        }
    }

    #[test]
    fn a_paste_that_begins_with_a_command_is_neither() {
        assert_eq!(parse("\\quit\nsecret"), Input::CommandAndMore);
        assert_eq!(parse("one\n\\quit"), Input::Text("one\n\\quit".to_owned()));
    }

    #[test]
    fn a_trailing_backslash_goes_on_but_not_after_a_command() {
        assert!(continues("and then\\"));
        assert!(continues("\\\\text\\"));
        assert!(!continues("\\fork bobby\\"));
        assert!(!continues("\\"));
        assert!(!continues("\\\\"));
        assert!(!continues("plain"));
    }
}
