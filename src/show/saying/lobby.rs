//! Sentences about the lobby: its link, its log, and who is in it.

use std::fmt;

use hobnob_protocol::key::Fingerprint;
use hobnob_protocol::name::UserName;
use hobnob_protocol::room::RoomName;

use super::Saying;
use crate::data::trust::TrustError;
use crate::show::room;

/// A sentence about the lobby.
#[derive(Debug)]
pub(crate) enum Lobby<'a> {
    /// The server refuses this client.
    Refused {
        /// The reason, as the link words it.
        reason: &'a str,
    },
    /// A server at one of the lobby's addresses has another key than the lobby.
    ForeignServer {
        /// The address, as `HOST:PORT`.
        address: &'a str,
        /// The fingerprint of the key that the server showed.
        key: Fingerprint,
    },
    /// The server is about to end.
    Closing,
    /// After a lost link the user has another name.
    NameTakenMeanwhile {
        /// The name that the user had.
        before: &'a UserName,
        /// The name that the user has now.
        name: &'a UserName,
    },
    /// A log is not the one that was read before.
    AnotherLog {
        /// The room; `None` for the lobby.
        room: Option<&'a RoomName>,
    },
    /// The server no longer keeps some messages.
    Missed {
        /// The room; `None` for the lobby.
        room: Option<&'a RoomName>,
        /// How many messages are missing.
        count: u64,
    },
    /// The message that `--since` names does not exist yet.
    SinceIsAhead {
        /// The room; `None` for the lobby.
        room: Option<&'a RoomName>,
        /// The number that `--since` names.
        since: u64,
        /// The number of the newest message.
        newest: u64,
    },
    /// The server no longer keeps messages that `--since` asks for.
    SinceIsGone {
        /// The number that `--since` names.
        since: u64,
        /// How many messages are missing.
        count: u64,
    },
    /// Too many users came and went to report each of them.
    PresenceSkipped {
        /// The room; `None` for the lobby.
        room: Option<&'a RoomName>,
    },
    /// A user has a key other than the pinned one.
    AnotherKeyPinned {
        /// The name of the user.
        name: &'a UserName,
        /// The fingerprint of the pinned key.
        pinned: Fingerprint,
    },
    /// It is not known whether a key is pinned.
    PinUnknown {
        /// The name of the user.
        name: &'a UserName,
        /// Why the pins cannot be read.
        reason: &'a TrustError,
    },
    /// A user to whom this user speaks is away.
    IsAway {
        /// The name of the user.
        name: &'a UserName,
        /// The reason in that user's words; may be empty.
        why: &'a str,
    },
    /// A name looks like another one.
    LooksLike {
        /// The name that was just met.
        name: &'a UserName,
        /// A character of it that the other name does not have.
        odd: Option<char>,
        /// The name that it looks like.
        other: &'a UserName,
        /// Whether that is this user's own name.
        is_own: bool,
    },
}

impl Saying for Lobby<'_> {}

impl fmt::Display for Lobby<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused { reason } => f.write_str(reason),
            Self::ForeignServer { address, key } => write!(
                f,
                "the server at {address} has another key than this lobby, {key}, so it is not a server of this lobby; \
                 nothing is sent to it, and the other addresses of the lobby are tried"
            ),
            Self::Closing => f.write_str("the server says it closes down"),
            Self::NameTakenMeanwhile { before, name } => {
                write!(f, "the name {before} is taken now; you are {name}")
            }
            Self::AnotherLog { room } => write!(
                f,
                "{}'s log is not the one read before; what was said in between is not known here",
                room::place(*room)
            ),
            Self::Missed { room, count } => {
                let place = room.map_or_else(String::new, |room| format!(" in {}", room::label(room)));
                if *count == 1 {
                    return write!(f, "1 message{place} was missed and is no longer kept by the server");
                }
                write!(f, "{count} messages{place} were missed and are no longer kept by the server")
            }
            Self::SinceIsAhead { room, since, newest } => write!(
                f,
                "{}'s newest message is {newest}; {since} is of another log, or another lobby",
                room::place(*room)
            ),
            Self::SinceIsGone { since, count } => {
                if *count == 1 {
                    return write!(f, "1 message after {since} is no longer kept by the server");
                }
                write!(f, "{count} messages after {since} are no longer kept by the server")
            }
            Self::PresenceSkipped { room } => {
                let place = room.map_or_else(String::new, |room| format!(" in {}", room::label(room)));
                write!(f, "the server left out some who came and went{place}; \\users lists who is here")
            }
            Self::AnotherKeyPinned { name, pinned } => {
                write!(f, "the key pinned for {name} is another: {pinned}")
            }
            Self::PinUnknown { name, reason } => {
                write!(f, "it is not known whether {name}'s key is pinned: {reason}")
            }
            Self::IsAway { name, why: "" } => write!(f, "{name} is away"),
            Self::IsAway { name, why } => write!(f, "{name} is away: {why}"),
            Self::LooksLike { name, odd, other, is_own } => {
                write!(f, "{name}")?;
                if let Some(odd) = odd {
                    write!(f, " (there is U+{:04X} in it)", u32::from(*odd))?;
                }
                let whose = if *is_own { "your name, " } else { "" };
                write!(f, " only looks like {whose}{other}: \\whois tells the keys of both")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_looks_like_another_is_reported_with_the_character_that_differs() {
        let (name, other) = ("\u{430}nna".parse().unwrap(), "anna".parse().unwrap());
        let told = |odd, is_own| Lobby::LooksLike { name: &name, odd, other: &other, is_own }.to_string();
        let end = "\\whois tells the keys of both";
        assert_eq!(
            told(Some('\u{430}'), true),
            format!("\u{430}nna (there is U+0430 in it) only looks like your name, anna: {end}")
        );
        assert_eq!(told(None, false), format!("\u{430}nna only looks like anna: {end}"));
    }

    #[test]
    fn notices_about_a_log_name_the_room_or_the_lobby() {
        let tea = "tea".parse().unwrap();
        for (room, place, inside) in [(None, "the lobby", ""), (Some(&tea), "#tea", " in #tea")] {
            let told = Lobby::AnotherLog { room }.to_string();
            assert!(told.starts_with(&format!("{place}'s log is not the one read before")), "{told}");
            let told = Lobby::Missed { room, count: 3 }.to_string();
            assert!(told.starts_with(&format!("3 messages{inside} were missed")), "{told}");
            let told = Lobby::PresenceSkipped { room }.to_string();
            assert!(
                told.starts_with(&format!("the server left out some who came and went{inside};")),
                "{told}"
            );
        }
    }

    #[test]
    fn the_reason_for_an_absence_is_told_if_it_is_known() {
        let name = "bobby".parse().unwrap();
        assert_eq!(Lobby::IsAway { name: &name, why: "" }.to_string(), "bobby is away");
        assert_eq!(Lobby::IsAway { name: &name, why: "lunch" }.to_string(), "bobby is away: lunch");
    }
}
