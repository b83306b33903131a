//! The sentences hobnob says on its own account, one variant for each. Whoever has something to say picks a variant and
//! fills in the facts; how it is worded is decided here, in one place. Knows neither who says it nor when.

use std::fmt;
use std::path::Path;

use hobnob_protocol::name::UserName;

use super::Notice;
use crate::session::SessionId;

/// Names that one sentence spells out; beyond these it counts the others.
pub(crate) const NAMED: usize = 4;

/// What hobnob has to say, as facts. [`fmt::Display`] words it, and [`Notice::from`] makes a notice of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Saying<'a> {
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
        /// To whom it would go; nobody for the lobby.
        to: Option<&'a UserName>,
        /// How its first line begins.
        first: &'a str,
    },
    /// Ctrl-C was pressed once, which does not end the program.
    HowToLeave,
    /// A text was typed while its session's link is down.
    WaitsForLink {
        /// The session of the text.
        session: SessionId,
    },
    /// One of the user's own programs shows this to the user alone.
    OfPlugin {
        /// The program's own words.
        text: &'a str,
    },
    /// A stranger's session was ended to make room for a newer one.
    SessionGaveWay {
        /// The session that was ended.
        session: SessionId,
    },
    /// Strangers cannot open sessions, because as many are open as may be.
    StrangersRefused,
    /// The user has left two sessions of this peer, so further ones are refused.
    SentAway {
        /// The peer who is refused.
        name: &'a UserName,
    },
    /// The user has just allowed one of the own programs something.
    PluginAllowed {
        /// Its command, without the backslash.
        command: &'a str,
        /// What it may do, in words.
        wants: &'a str,
    },
    /// The own programs there are.
    Plugins {
        /// Each command, with what it may do, in words; nothing where it is not allowed yet.
        programs: &'a [(String, Option<String>)],
    },
    /// The user took back what a program was allowed.
    PluginDisallowed {
        /// Its command, without the backslash.
        command: &'a str,
    },
    /// One of the own programs says something in the user's name.
    PluginSpeaks {
        /// Its command, without the backslash.
        command: &'a str,
        /// The text that is said.
        text: &'a str,
    },
    /// An alias and what it stands for.
    Alias {
        /// The alias, without the backslash.
        name: &'a str,
        /// The text it is replaced by.
        text: &'a str,
    },
    /// The user has no aliases.
    NoAliases,
    /// An alias was taken back.
    AliasRemoved {
        /// The alias, without the backslash.
        name: &'a str,
    },
    /// The user is away from now on.
    Away,
    /// The user is not away any more.
    Back,
    /// The user said to be back without having been away.
    WasNotAway,
    /// Whom the user ignores.
    Ignored {
        /// Their names; none where nobody is ignored.
        names: &'a [&'a str],
    },
    /// The user does not ignore somebody any more.
    Unignored {
        /// The name that was given.
        name: &'a UserName,
    },
    /// A setting, its value, and what it is for.
    Setting {
        /// What it is called.
        key: &'a str,
        /// Its value, as it is typed.
        value: &'a str,
        /// What it is for.
        about: &'a str,
        /// The values it takes, in words.
        choices: &'a str,
    },
    /// The settings were written into the config file.
    SettingsSaved {
        /// The config file.
        path: &'a Path,
    },
    /// Others than this user may write a file of theirs, or in a folder.
    WritableByOthers {
        /// Where it is.
        path: &'a Path,
        /// Who may do what with it, as Unix writes it.
        mode: u32,
        /// Whether it is a folder.
        is_folder: bool,
    },
    /// This machine has more addresses than peers can be told.
    AddressesLeftOut {
        /// How many they are not told.
        count: usize,
    },
}

impl fmt::Display for Saying<'_> {
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
                write!(f, "{lines} lines to ")?;
                match to {
                    Some(peer) => write!(f, "{peer}")?,
                    None => f.write_str("the lobby")?,
                }
                write!(f, ", beginning: {first}\ny sends them, Enter keeps them in the editor")
            }
            Self::HowToLeave => f.write_str("Ctrl-C again, Ctrl-D or \\quit to leave"),
            Self::WaitsForLink { session: SessionId::LOBBY } => {
                f.write_str("the lobby is down: this waits, and goes out when it is back")
            }
            Self::WaitsForLink { session } => {
                write!(f, "the link of session {session} is down: this waits, and goes out when it is back")
            }
            Self::OfPlugin { text } => f.write_str(text),
            Self::SessionGaveWay { session } => write!(
                f,
                "session {session} gives way to a newer one: you have not answered in it for ten minutes"
            ),
            Self::StrangersRefused => f.write_str(
                "private sessions of people you have not answered yet are refused, for as many are open as \
                 may be: \\ss lists them, \\leave ends one",
            ),
            Self::SentAway { name } => write!(
                f,
                "{name} is refused until you leave the lobby, for you have left two of their sessions; \
                 \\forget {name} lets them again"
            ),
            Self::PluginAllowed { command, wants } => write!(f, "\\{command} may {wants} now"),
            Self::Plugins { programs } => write_programs(f, programs),
            Self::PluginDisallowed { command } => {
                write!(f, "\\{command} may do nothing any more; \\allow {command} lets it again")
            }
            Self::PluginSpeaks { command, text } => write!(f, "\\{command} says for you: {text}"),
            Self::Alias { name, text } => write!(f, "\\{name} stands for: {text}"),
            Self::NoAliases => f.write_str("there are no aliases; \\alias NAME TEXT makes one"),
            Self::AliasRemoved { name } => write!(f, "\\{name} stands for nothing now"),
            Self::Away => f.write_str("you are away; \\back when you are here again"),
            Self::Back => f.write_str("you are back"),
            Self::WasNotAway => f.write_str("you were not away"),
            Self::Ignored { names: [] } => f.write_str("nobody is ignored"),
            Self::Ignored { names } => write!(f, "ignored: {}", names.join(" ")),
            Self::Unignored { name } => write!(
                f,
                "what {name} says is shown again, and {name} may open private sessions; \\history shows what was not"
            ),
            Self::Setting { key, value, about, choices } => {
                write!(f, "{key} = {value}  ({about}: {choices})")
            }
            Self::SettingsSaved { path } => write!(f, "saved in {}", path.display()),
            Self::WritableByOthers { path, mode, is_folder } => {
                let path = path.display();
                match is_folder {
                    true => write!(
                        f,
                        "others may write in {path} (mode {mode:03o}), and so replace what is in it"
                    )?,
                    false => write!(f, "others may write {path} (mode {mode:03o})")?,
                }
                write!(f, "; make it yours alone with: chmod go-w {path}")
            }
            Self::AddressesLeftOut { count } => write!(
                f,
                "this machine has too many addresses to tell peers all; {count} are left out, --listen or \
                 --advertise chooses"
            ),
        }
    }
}

impl From<Saying<'_>> for Notice {
    fn from(saying: Saying<'_>) -> Self {
        Self::Notice { text: saying.to_string() }
    }
}

/// The own programs, one line for each.
fn write_programs(f: &mut fmt::Formatter<'_>, programs: &[(String, Option<String>)]) -> fmt::Result {
    if programs.is_empty() {
        return f.write_str("there is no program hobnob-NAME on the path");
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

/// Names as a sentence has them; of many some, and how many more.
#[must_use]
pub(crate) fn listed(names: &[&str]) -> String {
    let others = names.len().saturating_sub(NAMED);
    // One more name is no longer than a word that counts it.
    match (names, others) {
        ([one], _) => (*one).to_owned(),
        ([head @ .., last], 0 | 1) => format!("{} and {last}", head.join(", ")),
        _ => format!("{} and {others} others", names[..NAMED].join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn says(saying: Saying<'_>, text: &str) {
        assert_eq!(Notice::from(saying), Notice::Notice { text: text.to_owned() });
    }

    #[test]
    fn a_long_paste_is_asked_about_with_whoever_would_get_it() {
        let anna: UserName = "anna".parse().unwrap();
        let question = "beginning: one\ny sends them, Enter keeps them in the editor";
        let paste = |to| Saying::LongPaste { lines: 12, to, first: "one" };
        says(paste(Some(&anna)), &format!("12 lines to anna, {question}"));
        says(paste(None), &format!("12 lines to the lobby, {question}"));
    }

    #[test]
    fn what_waits_names_the_link_it_waits_for() {
        let rest = "is down: this waits, and goes out when it is back";
        says(Saying::WaitsForLink { session: SessionId::LOBBY }, &format!("the lobby {rest}"));
        says(Saying::WaitsForLink { session: SessionId(3) }, &format!("the link of session 3 {rest}"));
    }

    #[test]
    fn what_others_may_write_is_told_with_what_to_do() {
        let exposed =
            |path, mode, is_folder| Saying::WritableByOthers { path: Path::new(path), mode, is_folder };
        says(
            exposed("/x", 0o777, true),
            "others may write in /x (mode 777), and so replace what is in it; make it yours alone with: chmod go-w /x",
        );
        says(
            exposed("/x/y", 0o20, false),
            "others may write /x/y (mode 020); make it yours alone with: chmod go-w /x/y",
        );
    }

    #[test]
    fn lists_say_when_they_are_empty() {
        says(Saying::Ignored { names: &[] }, "nobody is ignored");
        says(Saying::Ignored { names: &["anna", "bobby"] }, "ignored: anna bobby");
        says(Saying::Plugins { programs: &[] }, "there is no program hobnob-NAME on the path");
        let programs = [("roll".to_owned(), Some("run dice".to_owned())), ("x".to_owned(), None)];
        says(
            Saying::Plugins { programs: &programs },
            "\\roll may run dice; \\disallow roll takes it back\n\\x is not allowed yet",
        );
    }
}
