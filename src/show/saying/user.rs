//! Sentences about what a user has set: aliases, settings, ignored users, and whether he is away.

use std::fmt;
use std::path::Path;

use hobnob_protocol::name::UserName;

use super::Saying;
use crate::session::SessionId;

/// A sentence about what a user has set.
#[derive(Debug)]
pub(crate) enum User<'a> {
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
    /// The user said that he is back, and was not away.
    WasNotAway,
    /// The list of ignored users.
    Ignored {
        /// Their names; empty if nobody is ignored.
        names: &'a [&'a str],
    },
    /// The user ignores another user from now on.
    IgnoredNow {
        /// The name of the ignored user.
        name: &'a UserName,
        /// The open private session with that user, if there is one.
        open: Option<SessionId>,
    },
    /// The user talks to an ignored user, or reads what was said with him.
    PeerIsIgnored {
        /// The name of the ignored user.
        name: &'a UserName,
    },
    /// The user does not ignore a user any more.
    Unignored {
        /// The name that was given.
        name: &'a UserName,
    },
    /// A setting, its value, and what it is for.
    Setting {
        /// The name of the setting.
        key: &'a str,
        /// Its value, as it is typed.
        value: &'a str,
        /// What the setting is for.
        about: &'a str,
        /// The values it takes, in words.
        choices: &'a str,
    },
    /// The settings were written into the config file.
    SettingsSaved {
        /// The path of the config file.
        path: &'a Path,
    },
}

impl Saying for User<'_> {}

impl fmt::Display for User<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Alias { name, text } => write!(f, "\\{name} stands for: {text}"),
            Self::NoAliases => f.write_str("there are no aliases; \\alias NAME TEXT makes one"),
            Self::AliasRemoved { name } => write!(f, "\\{name} stands for nothing now"),
            Self::Away => f.write_str("you are away; \\back when you are here again"),
            Self::Back => f.write_str("you are back"),
            Self::WasNotAway => f.write_str("you were not away"),
            Self::Ignored { names: [] } => f.write_str("nobody is ignored"),
            Self::Ignored { names } => write!(f, "ignored: {}", names.join(" ")),
            Self::IgnoredNow { name, open } => {
                write!(
                    f,
                    "what {name} says is not shown any more, and private sessions of theirs are refused; \\unignore \
                     {name} takes it back"
                )?;
                open.map_or(Ok(()), |session| write!(f, "; session {session} stays open, \\leave ends it"))
            }
            Self::PeerIsIgnored { name } => {
                write!(f, "you ignore {name}: what {name} says is not shown until you type \\unignore {name}")
            }
            Self::Unignored { name } => write!(
                f,
                "what {name} says is shown again, and {name} may open private sessions; \\history shows what was \
                 hidden"
            ),
            Self::Setting { key, value, about, choices } => {
                write!(f, "{key} = {value}  ({about}: {choices})")
            }
            Self::SettingsSaved { path } => write!(f, "saved in {}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ignored_users_are_listed_and_an_empty_list_is_named_as_such() {
        assert_eq!(User::Ignored { names: &[] }.to_string(), "nobody is ignored");
        assert_eq!(User::Ignored { names: &["anna", "bobby"] }.to_string(), "ignored: anna bobby");
    }
}
