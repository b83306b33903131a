//! Notices that others can cause again and again: a server that skips messages, users who take names that look alike,
//! or strangers who open private sessions and leave them. This file owns the sentence that stands for many notices of a
//! kind. It knows neither how many are too many nor who counts them.

use std::cmp::Ordering;

use hobnob_protocol::key::PublicKey;
use hobnob_protocol::name::UserName;

use super::{ErrorCode, Failure, Notice};

/// A kind of notice that the other end can cause as often as it likes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Repeated {
    /// Messages are no longer kept and will not be seen; the messages are counted.
    Skipped,
    /// Changes of presence were left out.
    PresenceSkipped,
    /// A message does not follow from the one before it.
    Broken,
    /// The server says that it is about to end.
    Closing,
    /// The server closes the link, or does not let this client in.
    Refused,
    /// A server at one of the lobby's addresses has another key than the lobby.
    ForeignServer,
    /// The lobby went down, or came back.
    LobbyLink,
    /// The name this user had is taken.
    Renamed,
    /// The log is not the one that was read before.
    OtherLog,
    /// A user sets the topic of the lobby or a room.
    Topic,
    /// A name looks like another, and neither is an acquaintance's.
    LookAlike,
    /// A name looks like this one, which is this user's own, or an acquaintance's. Each name is counted apart.
    LooksLike(UserName),
    /// The private session of a user was refused because the file of pinned keys cannot be used.
    ForkRefused,
    /// The private session of a user was refused because another key is pinned for his name. Each name is counted
    /// apart.
    KeyChanged(UserName),
    /// A user who wanted a private session has waited for too long.
    WaitedInVain,
    /// A stranger opened a private session.
    StrangerCame,
    /// A stranger ended a private session, or was lost.
    StrangerWent,
    /// The link of a stranger's session was lost or is back, or its texts take another path.
    StrangerLink,
    /// A stranger began a comparison of keys, or one was cancelled.
    StrangerVerifies,
    /// A user who was answered opened or ended a private session, or its link changed. Each key is counted apart.
    OfAnswered(Answered),
}

/// A user who was answered. Two are the same if their keys are, because one key may come under many names.
#[derive(Debug, Clone)]
pub(crate) struct Answered {
    /// The user's key.
    pub(crate) key: PublicKey,
    /// A name under which the key came.
    pub(crate) name: UserName,
}

impl PartialEq for Answered {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl Eq for Answered {}

impl PartialOrd for Answered {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Answered {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key.cmp(&other.key)
    }
}

impl Repeated {
    /// All kinds, for tests that try each.
    #[cfg(test)]
    pub(crate) fn all() -> [Self; 20] {
        let name: UserName = "anna".parse().expect("this is a valid name");
        [
            Self::Skipped,
            Self::PresenceSkipped,
            Self::Broken,
            Self::Closing,
            Self::Refused,
            Self::ForeignServer,
            Self::LobbyLink,
            Self::Renamed,
            Self::OtherLog,
            Self::Topic,
            Self::LookAlike,
            Self::LooksLike(name.clone()),
            Self::ForkRefused,
            Self::KeyChanged(name.clone()),
            Self::WaitedInVain,
            Self::StrangerCame,
            Self::StrangerWent,
            Self::StrangerLink,
            Self::StrangerVerifies,
            Self::OfAnswered(Answered { key: PublicKey::new([1; 32]), name }),
        ]
    }

    /// Whether each notice of this kind is an event for programs. Programs get all of them and no sum.
    #[must_use]
    pub(crate) fn is_event(&self) -> bool {
        match self {
            Self::LobbyLink
            | Self::Topic
            | Self::LookAlike
            | Self::LooksLike(_)
            | Self::StrangerCame
            | Self::StrangerWent
            | Self::StrangerLink
            | Self::StrangerVerifies
            | Self::OfAnswered(_) => true,
            Self::Skipped
            | Self::PresenceSkipped
            | Self::Broken
            | Self::Closing
            | Self::Refused
            | Self::ForeignServer
            | Self::Renamed
            | Self::OtherLog
            | Self::ForkRefused
            | Self::KeyChanged(_)
            | Self::WaitedInVain => false,
        }
    }

    /// Makes the notice that stands for `count` more of this kind that were not shown one by one.
    #[must_use]
    pub(crate) fn more(&self, count: u64) -> Notice {
        let text = self.words(count);
        match self {
            Self::Broken => Notice::Error(Failure { code: ErrorCode::Refused, text, command: None }),
            _ => Notice::Notice { text },
        }
    }

    fn words(&self, count: u64) -> String {
        match self {
            Self::Skipped => {
                format!("{count} more messages were missed and are no longer kept by the server")
            }
            Self::PresenceSkipped => {
                format!("the server left out who came and went {count} more times; \\users lists who is here")
            }
            Self::Broken => format!(
                "{count} more messages do not follow from those before them; do not rely on what is shown"
            ),
            Self::Closing => format!("the server said {count} more times that it closes down"),
            Self::Refused => format!("the server closed the link {count} more times"),
            Self::ForeignServer => {
                format!("{count} more addresses of the lobby were answered by servers with another key")
            }
            Self::LobbyLink => {
                format!("the lobby went down or came back {count} more times; \\ss tells whether it is up")
            }
            Self::Renamed => format!("the server gave you another name {count} more times"),
            Self::OtherLog => format!("a log was another than the one read before {count} more times"),
            Self::Topic => {
                format!("the topic was set {count} more times; \\topic shows it")
            }
            Self::LookAlike => {
                format!("{count} more names only look like others: \\whois tells whose key is whose")
            }
            Self::LooksLike(name) => {
                format!("{count} more names only look like {name}: \\whois tells whose key is whose")
            }
            Self::ForkRefused => {
                format!("{count} more private sessions were refused, for their keys could not be pinned")
            }
            Self::KeyChanged(name) => {
                format!("{count} more private sessions with {name} were refused, for another key is pinned")
            }
            Self::WaitedInVain => {
                format!("{count} more waited for two minutes to talk in private, and were declined")
            }
            Self::StrangerCame => {
                format!(
                    "strangers opened {count} more private sessions with you; \\ss lists those that are open"
                )
            }
            Self::StrangerWent => format!("{count} more private sessions of strangers are over"),
            Self::StrangerLink => format!(
                "the links of private sessions with strangers changed {count} more times; \\ss tells how they are"
            ),
            Self::StrangerVerifies => {
                format!("comparisons of keys with strangers began or were cancelled {count} more times")
            }
            Self::OfAnswered(Answered { name, .. }) => format!(
                "private sessions with {name} opened, ended or changed their links {count} more times; \\ss lists them"
            ),
        }
    }
}
