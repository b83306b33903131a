//! Sentences about private sessions: those of strangers, what was said in earlier ones, and keys that are forgotten.

use std::fmt;

use hobnob_protocol::key::Fingerprint;
use hobnob_protocol::name::UserName;

use super::Saying;
use crate::data::history::HistoryError;
use crate::session::SessionId;

/// A sentence about private sessions.
#[derive(Debug)]
pub(crate) enum Private<'a> {
    /// A stranger's session was ended to make room for a newer one.
    SessionGaveWay {
        /// The session that was ended.
        session: SessionId,
    },
    /// A session was opened through the server.
    Relayed {
        /// The number of the session.
        session: SessionId,
    },
    /// This user forked somebody with whom there is a session already, which is current now.
    IsThereAlready {
        /// The number of the session.
        session: SessionId,
        /// The name of the other user.
        name: &'a UserName,
        /// Whether the session was open before, or else is still being opened.
        is_open: bool,
    },
    /// Another key came to the lobby with the name of a session's user.
    NameTaken {
        /// The name of both users: of the one in the session and of the one in the lobby.
        name: &'a UserName,
        /// The session with the user who had the name before.
        session: SessionId,
        /// The key of that user.
        former: Fingerprint,
        /// The key that has the name now.
        now: Fingerprint,
    },
    /// Strangers cannot open sessions, because as many are open as may be.
    StrangersRefused,
    /// The user has left two sessions of this peer, so further ones are refused.
    SentAway {
        /// The peer who is refused.
        name: &'a UserName,
    },
    /// The other user is being asked whether he wants a session.
    IsAsked {
        /// The name of the user who is asked.
        name: &'a UserName,
    },
    /// A command that answers users who wait tells who they are, for the help.
    AloneTellsWhoWaits {
        /// The name of the command to which the help belongs, without the backslash.
        command: &'a str,
    },
    /// This user has declined a user who asked for a private session.
    Declined {
        /// The name of the user who was declined.
        name: &'a UserName,
    },
    /// A user has waited for an answer for too long.
    WaitedInVain {
        /// The name of the user.
        name: &'a UserName,
    },
    /// A user was let in, and no session with him has begun.
    HasNotCome {
        /// The name of the user.
        name: &'a UserName,
    },
    /// Some users asked for a private session and left before this user was told.
    AskedAndLeft {
        /// How many users asked and left.
        count: u64,
    },
    /// A user who was refused may open sessions again.
    RefusedNoMore {
        /// The name of the user.
        name: &'a UserName,
    },
    /// A key was forgotten.
    Forgotten {
        /// The name of the user.
        name: &'a UserName,
        /// The fingerprint of the forgotten key.
        fingerprint: Fingerprint,
    },
    /// Private talk of earlier sessions cannot be shown.
    EarlierNotShown {
        /// The name of the other user.
        name: &'a UserName,
        /// Why the history cannot be read.
        reason: &'a HistoryError,
    },
    /// Private talk was removed.
    TalkRemoved {
        /// The name of the other user.
        name: &'a UserName,
    },
    /// The question whether private talk is to be removed, too.
    ShallTalkGo {
        /// The name of the other user.
        name: &'a UserName,
    },
    /// Private talk is not removed.
    TalkKept {
        /// The name of the other user.
        name: &'a UserName,
        /// The command that removes it.
        remover: &'a str,
    },
}

impl Saying for Private<'_> {}

impl fmt::Display for Private<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SessionGaveWay { session } => write!(
                f,
                "session {session} gives way to a newer one: you have not answered in it for ten minutes"
            ),
            Self::Relayed { session } => {
                write!(f, "session {session} is relayed: it pauses while the server is down")
            }
            Self::IsThereAlready { session, name, is_open } => {
                let how = if *is_open { "was open already" } else { "is being opened already" };
                write!(f, "session {session} with {name} {how}; it is current now")
            }
            Self::NameTaken { name, session, former, now } => write!(
                f,
                "the {name} in the lobby is another user now, with the key {now}; session {session} is with the one who \
                 had the name before, whose key is {former}"
            ),
            Self::StrangersRefused => f.write_str(
                "private sessions of people you have not answered yet are refused, for as many are open as \
                 may be: \\ss lists them, \\leave ends one",
            ),
            Self::SentAway { name } => write!(
                f,
                "you have left two sessions of {name}, so further ones are refused until you leave the lobby; \
                 \\forget {name} allows them again"
            ),
            Self::IsAsked { name } => {
                write!(f, "{name} is asked whether to talk in private; that may take two minutes")
            }
            Self::AloneTellsWhoWaits { command } => {
                write!(f, "\\{command} alone tells who waits for your answer")
            }
            Self::Declined { name } => write!(f, "{name} is declined, and may ask again in ten minutes"),
            Self::WaitedInVain { name } => {
                write!(f, "{name} has waited for two minutes and is declined; \\fork {name} opens a session")
            }
            Self::HasNotCome { name } => write!(
                f,
                "no private session with {name} has begun yet; if none begins, \\fork {name} asks {name} for one"
            ),
            Self::AskedAndLeft { count } => {
                let who =
                    if *count == 1 { "one more user".to_owned() } else { format!("{count} more users") };
                write!(f, "{who} asked to talk in private, and left before you were told")
            }
            Self::RefusedNoMore { name } => {
                write!(f, "private sessions of {name} are not refused any more")
            }
            Self::Forgotten { name, fingerprint } => write!(
                f,
                "{name}'s key {fingerprint} is forgotten in this lobby: {name} is a stranger again, and the key \
                 that {name} has when you next talk in private is the one you will trust; \\verify {name} checks it then"
            ),
            Self::EarlierNotShown { name, reason } => {
                write!(f, "what was said with {name} earlier is not shown: {reason}")
            }
            Self::TalkRemoved { name } => write!(f, "what was said with {name} in private is removed here"),
            Self::ShallTalkGo { name } => {
                write!(f, "what was said with {name} in private is kept; shall it go, too?")
            }
            Self::TalkKept { name, remover } => {
                write!(f, "what was said with {name} in private is kept; {remover} removes it")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forgotten_key_is_told_with_what_follows_and_how_to_check_the_next_one() {
        let name = "bobby".parse().unwrap();
        let fingerprint = hobnob_protocol::key::PublicKey::new([1; 32]).fingerprint();
        let told = Private::Forgotten { name: &name, fingerprint }.to_string();
        assert!(told.contains("bobby is a stranger again") && told.contains("\\verify bobby"), "{told}");
    }
}
