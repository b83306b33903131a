//! What is said to a person at a terminal about what was typed there.

use std::fmt;

use super::{Saying, listed};
use crate::session::SessionId;

/// What is said to a person at a terminal about what was typed there.
#[derive(Debug)]
pub(crate) enum Terminal<'a> {
    /// The user asked to leave, hosts the lobby, and these users would lose it.
    LeavingEndsLobby {
        /// Their names; at least one.
        others: &'a [&'a str],
    },
    /// The lines typed in this run cannot be written for the next one.
    TypedLinesLost {
        /// What the system said.
        reason: &'a str,
    },
    /// The terminal sent a byte that is not UTF-8.
    NotUtf8 {
        /// The first such byte.
        byte: u8,
    },
    /// The user did not confirm that something is to be removed.
    NotRemoved,
    /// A long paste is sent only if the user confirms it.
    LongPaste {
        /// How many lines it has.
        lines: usize,
        /// The name of the receiver; empty for the lobby.
        to: &'a str,
        /// The beginning of its first line.
        first: &'a str,
    },
    /// Ctrl-C was pressed once, which does not end the program.
    HowToLeave {
        /// Whether the lobby ends when the user leaves.
        hosts: bool,
        /// The names of the other users in the lobby.
        others: &'a [&'a str],
    },
    /// A text was typed while its session's link is down.
    WaitsForLink {
        /// The session of the text.
        session: SessionId,
    },
    /// A command was typed that is useful only in scripts.
    ForScripts {
        /// The command, without the backslash.
        command: &'a str,
    },
}

impl Saying for Terminal<'_> {}

impl fmt::Display for Terminal<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::LeavingEndsLobby { others } => {
                write!(f, "you host this lobby, and it ends with you; in it: {}", listed(others))
            }
            Self::TypedLinesLost { reason } => {
                write!(f, "what is typed is not kept for the next run: {reason}")
            }
            Self::NotUtf8 { byte } => write!(
                f,
                "the terminal sent the byte {byte:02X}, which is not UTF-8; it is shown as \u{fffd}, and a line \
                 that has one is not sent. Is this terminal set to UTF-8?"
            ),
            Self::NotRemoved => f.write_str("it stays"),
            Self::LongPaste { lines, to, first } => {
                write!(
                    f,
                    "{lines} lines to {to}, beginning: {first}\ny sends them, Enter keeps them in the input line"
                )
            }
            Self::HowToLeave { hosts, others } => {
                f.write_str("Ctrl-C again, Ctrl-D or \\quit to leave")?;
                match others {
                    [_, ..] if hosts => {
                        write!(
                            f,
                            "; you host this lobby: when you leave, it ends for {}, too",
                            listed(others)
                        )
                    }
                    _ => Ok(()),
                }
            }
            Self::WaitsForLink { session: SessionId::LOBBY } => {
                f.write_str("the lobby is down: this waits, and goes out when it is back")
            }
            Self::WaitsForLink { session } => {
                write!(f, "the link of session {session} is down: this waits, and goes out when it is back")
            }
            Self::ForScripts { command } => {
                write!(f, "\\{command} is for scripts; at a terminal nothing waits")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_question_about_a_long_paste_names_who_would_get_it() {
        let question = "beginning: one\ny sends them, Enter keeps them in the input line";
        let paste = |to| Terminal::LongPaste { lines: 12, to, first: "one" }.to_string();
        assert_eq!(paste("anna"), format!("12 lines to anna, {question}"));
        assert_eq!(paste("the lobby"), format!("12 lines to the lobby, {question}"));
    }

    #[test]
    fn the_notice_of_a_waiting_text_names_the_link_that_is_down() {
        let rest = "is down: this waits, and goes out when it is back";
        let waits = |session| Terminal::WaitsForLink { session }.to_string();
        assert_eq!(waits(SessionId::LOBBY), format!("the lobby {rest}"));
        assert_eq!(waits(SessionId(3)), format!("the link of session 3 {rest}"));
    }

    #[test]
    fn a_host_is_told_for_whom_else_the_lobby_ends() {
        let how = "Ctrl-C again, Ctrl-D or \\quit to leave";
        let others = ["anna", "bobby"];
        let told = |hosts, others| Terminal::HowToLeave { hosts, others }.to_string();
        assert_eq!((told(false, &others), told(true, &[])), (how.to_owned(), how.to_owned()));
        let ends = "; you host this lobby: when you leave, it ends for anna and bobby, too";
        assert_eq!(told(true, &others), format!("{how}{ends}"));
    }
}
