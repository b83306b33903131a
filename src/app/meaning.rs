//! Finds out what a line is to do: it takes the grammar's result and resolves the user's aliases, the commands that
//! stand for a text, and the habits of other chats. It changes nothing.

use hobnob_protocol::name::UserName;

use crate::commands;
use crate::data::word_table::Table;
use crate::input::aliases;
use crate::input::line::{self, Call, Habit, Line, Source};
use crate::input::mistaken::glued_command;
use crate::input::traits::Traits;
use crate::show::failing;

/// What a line is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Meaning {
    /// The line is blank and does nothing.
    Blank,
    /// The line says this text.
    Text(String),
    /// The line runs this command.
    Command {
        /// The word after the backslash.
        word: String,
        /// What follows the word, without the blanks around it.
        args: String,
    },
    /// The line does nothing, because its purpose is not certain.
    Unclear(Unclear),
}

/// Why a line is neither run nor said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Unclear {
    /// The line has several lines and begins with a command.
    CommandAndMore,
    /// An invisible character stands before a command or in its word.
    Hidden,
    /// The line is `/WORD`, and hobnob has something that does what WORD does in other chats.
    Habit {
        /// The word after the slash.
        word: String,
        /// What to type in hobnob instead.
        instead: String,
    },
    /// Another command is glued to the text of a command that many hear.
    Glued {
        /// The word of the command.
        word: String,
        /// The word of the other command.
        behind: String,
    },
    /// A sign of another keyboard stands before a word that would be a command.
    OtherSign {
        /// The sign that was typed in the place of a backslash or a slash.
        sign: String,
        /// The word after the sign.
        word: String,
    },
    /// Something stands before a command, or in the place of its backslash, as if a finger had slipped.
    Slipped {
        /// What stands before the word.
        before: String,
        /// The word of the command.
        word: String,
    },
}

impl Unclear {
    /// Returns the error message for the user who typed the line.
    pub(super) fn failing(&self) -> failing::Input<'_> {
        match self {
            Self::CommandAndMore => failing::Input::CommandAndMore,
            Self::Hidden => failing::Input::Hidden,
            Self::Habit { word, instead } => failing::Input::Habit { word, instead },
            Self::Glued { word, behind } => failing::Input::CommandGlued { word, behind },
            Self::OtherSign { sign, word } => failing::Input::OtherSign { sign, word },
            Self::Slipped { before, word } => failing::Input::Slipped { before, word },
        }
    }
}

/// Finds out what a line is to do, for the user with this name and these aliases.
pub(super) fn of(line: &str, source: Source<'_>, aliases: &Table, own: &UserName) -> Meaning {
    let parsed = line::parse(line, source);
    let is_command = |call: &Call<'_>| commands::find(call.word).is_some();
    match &parsed {
        // A command stays a command, even if an earlier version of hobnob let an alias take its word.
        Line::Command(call) if !is_command(call) => match aliases::expand(call, aliases) {
            Some(line) => plain(line::parse(&line, source), source, own),
            None => plain(parsed, source, own),
        },
        Line::Slash(call, Habit::Same(word)) => {
            let call = Call { word, ..call.clone() };
            match aliases::expand(&call, aliases).filter(|_| !is_command(&call)) {
                Some(line) => plain(line::parse(&line, source), source, own),
                None => command(&call, source, own),
            }
        }
        _ => plain(parsed, source, own),
    }
}

/// Returns the meaning of a line in which no alias is looked up.
fn plain(line: Line<'_>, source: Source<'_>, own: &UserName) -> Meaning {
    match line {
        Line::Blank => Meaning::Blank,
        Line::Text { said, .. } => Meaning::Text(said.to_owned()),
        Line::Command(call) => command(&call, source, own),
        Line::Slash(call, Habit::Same(word)) => command(&Call { word: &word, ..call }, source, own),
        Line::Slash(call, Habit::Other(instead)) => {
            Meaning::Unclear(Unclear::Habit { word: call.word.to_owned(), instead })
        }
        Line::CommandAndMore => Meaning::Unclear(Unclear::CommandAndMore),
        Line::Hidden { .. } => Meaning::Unclear(Unclear::Hidden),
        Line::OtherSign { sign, word, is_slip, .. } => {
            let (sign, word) = (sign.to_owned(), word.to_owned());
            Meaning::Unclear(match is_slip {
                true => Unclear::Slipped { before: sign, word },
                false => Unclear::OtherSign { sign, word },
            })
        }
    }
}

fn command(call: &Call<'_>, source: Source<'_>, own: &UserName) -> Meaning {
    let traits = commands::find(call.word).map_or(Traits::NONE, |command| command.traits);
    if let Source::Terminal(words) = source
        && traits.heard_by_many
        && let Some(behind) = glued_command(call.args, words)
    {
        let (word, behind) = (call.word.to_owned(), behind.to_owned());
        return Meaning::Unclear(Unclear::Glued { word, behind });
    }
    let says = traits.says;
    match says.filter(|_| !call.args.is_empty()) {
        Some(text) => Meaning::Text(text(own, call.args)),
        None => Meaning::Command { word: call.word.to_owned(), args: call.args.to_owned() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::completion::Completion;
    use crate::repl::EditorWords;

    fn meaning(line: &str, words: Option<&EditorWords>) -> Meaning {
        let mut aliases = Table::default();
        for (name, text) in [
            ("brb", "be right back"),
            ("wave", "\\me waves"),
            ("wi", "\\whois $*"),
            ("fork", "to the lobby!"),
        ] {
            aliases.set(name, Some(text)).unwrap();
        }
        let source = words.map_or(Source::Pipe, |words| Source::Terminal(words));
        of(line, source, &aliases, &"anna".parse().unwrap())
    }

    fn text(text: &str) -> Meaning {
        Meaning::Text(text.to_owned())
    }

    fn command(word: &str, args: &str) -> Meaning {
        Meaning::Command { word: word.to_owned(), args: args.to_owned() }
    }

    #[test]
    fn aliases_and_actions_are_expanded_and_never_replace_a_command() {
        for (line, expected) in [
            ("\\brb", text("be right back")),
            ("\\me waves", text("* anna waves")),
            ("\\me a\\\\", text("* anna a\\\\")),
            ("\\me", command("me", "")),
            ("\\wave back", text("* anna waves back")),
            ("\\wi bobby", command("whois", "bobby")),
            ("\\fork bobby", command("fork", "bobby")),
            ("\\\\brb", text("\\brb")),
            ("\\brb\nsecret", Meaning::Unclear(Unclear::CommandAndMore)),
            (" \\brb", Meaning::Unclear(Unclear::Hidden)),
            ("/msg bobby secret", text("/msg bobby secret")),
            ("\\me hi\\msg bobby x", text("* anna hi\\msg bobby x")),
        ] {
            assert_eq!(meaning(line, None), expected, "{line:?}");
        }
    }

    #[test]
    fn a_command_typed_with_a_slash_at_a_terminal_is_run_or_refused() {
        let (completion, _words) = Completion::new();
        let words = completion.words();
        for (line, expected) in [
            ("/msg bobby secret", command("msg", "bobby secret")),
            ("/MSG bobby secret", command("msg", "bobby secret")),
            ("/m bobby secret", command("msg", "bobby secret")),
            ("/users", command("users", "")),
            ("/me waves", text("* anna waves")),
            ("//msg bobby", text("/msg bobby")),
            ("/etc/hosts", text("/etc/hosts")),
            ("/", text("/")),
            ("/ msg", text("/ msg")),
            ("/ users", text("/ users")),
            (" q\\msg bobby x", text(" q\\msg bobby x")),
            ("C:\\msg bobby x", text("C:\\msg bobby x")),
            ("say \\msg bobby x", text("say \\msg bobby x")),
            ("\\me says \\msg bobby", text("* anna says \\msg bobby")),
            ("\\msg bobby hi\\msg eve x", command("msg", "bobby hi\\msg eve x")),
        ] {
            assert_eq!(meaning(line, Some(&words)), expected, "{line:?}");
        }
        for line in [
            "/query bobby",
            "/w bobby secret",
            "/nick x",
            "/Exit",
            "/q bobby",
            " /msg bobby secret",
            "/ns identify secret",
            "/t bobby secret",
            "/m\u{200b}sg bobby secret",
            "¥msg bobby secret",
            "q\\msg bobby secret",
            "[A\\m bobby secret",
            "x\\fork bobby",
            "/ msg bobby secret",
            "ßmsg bobby secret",
            "／MSG bobby secret",
            "/list,\\msg bobby secret",
            "/l\\msg bobby secret",
            "\\me hi\\msg bobby secret",
            "/me hi\\msg bobby secret",
            "\\wave hi\\msg bobby secret",
            "\\topic tea\\msg bobby secret",
            "\\away lunch\\fork bobby",
            "\\kick eve spam\\msg bobby secret",
        ] {
            assert!(matches!(meaning(line, Some(&words)), Meaning::Unclear(_)), "{line:?}");
        }
    }
}
