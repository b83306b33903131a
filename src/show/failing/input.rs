//! Failures of what is typed or read: lines, commands and requests that cannot be understood, and broken input or
//! output.

use hobnob_protocol::MAX_TEXT_BYTES;
use hobnob_protocol::name::UserName;
use hobnob_protocol::room::RoomName;
use thiserror::Error;

use super::Failing;
use crate::session::SessionId;
use crate::show::unsent::Unsent;
use crate::show::{ErrorCode, room};

/// A failure of what is typed or read.
#[derive(Debug, Error)]
pub(crate) enum Input<'a> {
    /// A text is longer than a message may be.
    #[error("a message has at most {MAX_TEXT_BYTES} bytes, this one has {0}; it was not sent")]
    TooLong(u64),
    /// A line is not UTF-8.
    #[error("line {0} of the input is not UTF-8; it was not sent")]
    NotUtf8(u64),
    /// No more lines can be read.
    #[error("the input cannot be read: {0}")]
    Unreadable(&'a str),
    /// The terminal cannot be read any more.
    #[error("the terminal cannot be read: {0}")]
    TerminalUnreadable(&'a str),
    /// A command that acts on the session in which it was typed was not carried out.
    #[error("nothing was done ({0})")]
    OfAnotherSession(&'a Unsent<'a>),
    /// What is shown cannot be written any more.
    #[error("standard output cannot be written any more; leaving")]
    OutputClosed,
    /// The user's external editor failed.
    #[error("{0}")]
    EditorFailed(&'a str),
    /// A pasted text has several lines and begins with a command.
    #[error("a command is one line; nothing of this paste was done or sent")]
    CommandAndMore,
    /// An invisible character stands before a command or in its word.
    #[error(
        "a blank or something invisible stands before this command or in its word; nothing was done or sent"
    )]
    Hidden,
    /// The line is `/WORD`, which is a command in other chats.
    #[error("/{word} was not sent: {instead}; //{word} says it as text")]
    Habit {
        /// The word after the slash.
        word: &'a str,
        /// What does the same in hobnob.
        instead: &'a str,
    },
    /// The line would be a command if it began with the right sign.
    #[error(
        "{sign}{word} was not sent: a command begins with a backslash, \\{word}, or with a slash, /{word}; not with {sign}"
    )]
    OtherSign {
        /// The sign with which the line begins.
        sign: &'a str,
        /// The word after the sign.
        word: &'a str,
    },
    /// Something stands before a command, or in the place of its backslash.
    #[error(
        "{before}{word} was not sent: \\{word} is a command only at the beginning of a line; with a blank before it, the line is text"
    )]
    Slipped {
        /// What stands before the word.
        before: &'a str,
        /// The word of the command.
        word: &'a str,
    },
    /// Another command is glued to the text of a command that many hear.
    #[error(
        "\\{word} was not sent: the command \\{behind} is behind it, and a line holds one command; Ctrl-C clears the line, and with a blank before it \\{behind} is text"
    )]
    CommandGlued {
        /// The word of the command.
        word: &'a str,
        /// The word of the other command.
        behind: &'a str,
    },
    /// The word is a command in other chats.
    #[error("there is no command \\{word}: {instead}; nothing was sent")]
    OtherChats {
        /// The word after the backslash.
        word: &'a str,
        /// What does the same in hobnob.
        instead: &'a str,
    },
    /// The word is nearly that of a command.
    #[error("there is no command \\{word}; did you mean \\{near}? nothing was sent")]
    NearlyCommand {
        /// The word after the backslash.
        word: &'a str,
        /// The command that was probably meant.
        near: &'a str,
    },
    /// The word is not that of a command.
    #[error("there is no command \\{0}; \\help lists them, \\\\{0} says it as text")]
    NoCommand(&'a str),
    /// Help was asked for a word that is not a command.
    #[error("there is no command \\{0}; \\help lists them")]
    NoHelp(&'a str),
    /// A command was called with the wrong arguments.
    #[error("usage: {usage}{}", example.map(|it| format!(", such as {it}")).unwrap_or_default())]
    Usage {
        /// How the command is written.
        usage: &'a str,
        /// An example, as a line to type.
        example: Option<&'a str>,
    },
    /// A command that answers somebody who asks for a private session was called without a name.
    #[error("usage: {usage}; {}", who_asks(waiting, *more))]
    WhoAsks {
        /// How the command is written.
        usage: &'a str,
        /// The users who wait and of whom this user was told.
        waiting: &'a [UserName],
        /// How many others wait.
        more: usize,
    },
    /// A word that stands where a duration may stand looks like one and is not valid.
    #[error(
        "{0} is no duration, such as 10m, 2h or 7d; nothing was done (before a reason that begins with a digit, give a duration)"
    )]
    NoDuration(&'a str),
    /// A word is an address, and a user in the lobby has it as his name.
    #[error(
        "{0} is an address, and somebody here has it for a name; nothing was done: give the fingerprint (\\whois tells it), or the address as {0}/32"
    )]
    NameOrAddress(&'a str),
    /// `\wait` was called with the wrong arguments. This says more than the table's usage, which is narrow for `\help`.
    #[error(
        "usage: \\wait [SECONDS], or \\wait message FROM, \\wait opened, \\wait joined ROOM or \\wait users N, each \
             with [SECONDS] after which it fails (30)"
    )]
    WaitUsage,
    /// The run was ended before some commands had their turn.
    #[error(
        "the run was ended before {count} {} that had been read could run",
        if *count == 1 { "command" } else { "commands" }
    )]
    CommandsNotRun {
        /// The number of these commands.
        count: usize,
    },
    /// The run was ended, and standard input may still have had more lines.
    #[error("standard input was not read to its end; the rest of it was neither run nor sent")]
    NotReadToItsEnd,
    /// An editor was asked for, and there is no terminal.
    #[error("an editor needs a terminal")]
    NoTerminalToEdit,
    /// The screen is to be emptied, and there is no screen.
    #[error("there is no screen to empty on a pipe")]
    NoScreen,
}

/// Returns a sentence that says who waits for this user's answer.
fn who_asks(waiting: &[UserName], more: usize) -> String {
    let names: Vec<&str> = waiting.iter().map(UserName::as_str).collect();
    let who = match names.as_slice() {
        [] if more == 0 => return "nobody waits for your answer now".to_owned(),
        [] if more == 1 => {
            return "one user waits for your answer, and you are told who in a moment".to_owned();
        }
        [] => return format!("{more} users wait for your answer, and you are told of them in a moment"),
        [name] => format!("{name} waits for your answer"),
        [before @ .., last] => format!("{} and {last} wait for your answer", before.join(", ")),
    };
    if more == 0 { who } else { format!("{who}, and {more} more of whom you are told in a moment") }
}

impl Failing for Input<'_> {
    fn code(&self) -> ErrorCode {
        match self {
            Self::TooLong(_) => ErrorCode::TooLong,
            Self::OtherChats { .. } | Self::NearlyCommand { .. } | Self::NoCommand(_) | Self::NoHelp(_) => {
                ErrorCode::UnknownCommand
            }
            Self::OfAnotherSession(_) => ErrorCode::NoSuchSession,
            Self::CommandsNotRun { .. } | Self::NotReadToItsEnd => ErrorCode::Refused,
            _ => ErrorCode::Usage,
        }
    }
}

/// What a script waited for and what did not happen.
#[derive(Debug, Error)]
pub(crate) enum Wait<'a> {
    /// No user of this name said anything.
    #[error("no message from {from} came within {seconds} s")]
    NoMessage {
        /// The user whose message was waited for.
        from: &'a UserName,
        /// How long it was waited for, in seconds.
        seconds: f64,
    },
    /// No private session was opened.
    #[error("no private session opened within {seconds} s")]
    NothingOpened {
        /// How long it was waited for, in seconds.
        seconds: f64,
    },
    /// This client did not join the room.
    #[error("{} was not joined within {seconds} s", room::label(room))]
    NotJoined {
        /// The room that was waited for.
        room: &'a RoomName,
        /// How long it was waited for, in seconds.
        seconds: f64,
    },
    /// There were fewer users in the lobby.
    #[error("there were never {at_least} users in the lobby within {seconds} s")]
    FewUsers {
        /// How many users were waited for.
        at_least: usize,
        /// How long it was waited for, in seconds.
        seconds: f64,
    },
}

impl Failing for Wait<'_> {
    fn code(&self) -> ErrorCode {
        ErrorCode::Refused
    }
}

/// Why the request of a program is not carried out.
#[derive(Debug, Error)]
pub(crate) enum Request {
    /// The request asks to say an empty text.
    #[error("there is nothing to say")]
    NothingToSay,
    /// The request names a session that does not exist.
    #[error("there is no session {0}")]
    NoSession(SessionId),
    /// The run ended before the request was finished.
    #[error("the client ended before this was finished")]
    RunEnded,
}

impl Failing for Request {
    fn code(&self) -> ErrorCode {
        match self {
            Self::NothingToSay => ErrorCode::Usage,
            Self::NoSession(_) => ErrorCode::NoSuchSession,
            Self::RunEnded => ErrorCode::Refused,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_who_answers_nobody_by_name_is_told_who_waits() {
        let told = |names: &[&str], more| {
            let waiting: Vec<UserName> = names.iter().map(|name| name.parse().unwrap()).collect();
            Input::WhoAsks { usage: "\\accept NAME", waiting: &waiting, more }.to_string()
        };
        let usage = "usage: \\accept NAME";
        assert_eq!(told(&[], 0), format!("{usage}; nobody waits for your answer now"));
        assert_eq!(told(&["bobby"], 0), format!("{usage}; bobby waits for your answer"));
        assert_eq!(
            told(&["bobby", "carl", "dora"], 2),
            format!(
                "{usage}; bobby, carl and dora wait for your answer, and 2 more of whom you are told in a moment"
            )
        );
    }
}
