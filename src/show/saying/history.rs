//! Sentences about what is kept: the history of this machine, what is found in it, what was missed, and recordings.

use std::fmt;
use std::io;

use hobnob_protocol::name::UserName;
use hobnob_protocol::room::RoomName;

use super::Saying;
use crate::show::room;

/// How many users a sentence names.
const MOST_NAMED: usize = 5;

/// A sentence about what is kept.
#[derive(Debug)]
pub(crate) enum History<'a> {
    /// Messages are not written into the history.
    NotKept {
        /// Why the messages are not written.
        reason: &'a str,
    },
    /// The recording of the run cannot be written any more.
    NotRecorded {
        /// The error of the system.
        reason: &'a io::Error,
    },
    /// Fewer messages were shown than were asked for.
    OlderNotAtHand,
    /// The result of a search was shown.
    Found {
        /// How many messages were found.
        count: usize,
        /// Whether the search went on from an earlier one.
        goes_on: bool,
        /// Whether there are more messages.
        has_more: bool,
    },
    /// No message named this user.
    NotMentioned {
        /// Whether later ones were shown before.
        before: bool,
    },
    /// Messages that name this user were shown.
    Mentioned,
    /// No missed messages are unread.
    NothingMissed,
    /// Some of the missed messages were fetched, and have gone from the history of this machine.
    MissedNotKept {
        /// How many of them have gone.
        count: u64,
        /// Whether later ones are shown below.
        others_follow: bool,
    },
    /// Some of the missed messages were not fetched when this user came.
    NotFetched {
        /// How many of them were not fetched.
        count: u64,
        /// How many are fetched at most, if these were too many; `None` if the server had none of these any more.
        most: Option<u64>,
    },
    /// The sum of what was missed in rooms that have no summary of their own.
    MissedInOthers {
        /// In how many rooms something was missed.
        rooms: usize,
        /// How many messages were missed in these rooms.
        count: u64,
        /// How many of them name this user.
        mentions: u64,
    },
    /// A user said something in private that this person has not read.
    UnreadOf {
        /// Who said it.
        name: &'a UserName,
        /// How many messages there are.
        count: u64,
        /// How many of the newest messages of that talk, this user's own included, have to be shown to show them all.
        newest: u64,
    },
    /// The same of a user who had the same name as another one, whom the name finds.
    UnreadOfKey {
        /// Who said it.
        name: &'a UserName,
        /// How the fingerprint of the user's key begins.
        beginning: &'a str,
        /// How many messages there are.
        count: u64,
        /// How many of the newest messages of that talk have to be shown to show them all.
        newest: u64,
    },
    /// The same of users who have no row of their own.
    UnreadOfOthers {
        /// Who they are.
        names: Vec<&'a UserName>,
        /// How many messages there are of all of them.
        count: u64,
    },
    /// Some of the missed messages name this user.
    MentionsMissed,
    /// Messages were left out between two messages.
    LeftOut,
    /// Among messages that name this user there are those that were said before and after them.
    MentionsHaveNeighbours,
    /// More of the missed messages name this user than the screen has room for.
    MoreMentions {
        /// How many messages; `None` if they were not counted.
        count: Option<u64>,
    },
    /// All missed messages that name this user were shown.
    AllMentionsShown {
        /// Whether other missed messages are still to be read.
        has_more: bool,
    },
    /// None of the missed messages names this user.
    NoMentionMissed {
        /// Whether other missed messages are still to be read.
        has_more: bool,
    },
    /// More messages were missed than the screen has room for.
    MoreMissed {
        /// The room; `None` for the lobby.
        room: Option<&'a RoomName>,
        /// How many messages of others are still to be read; `None` if they were not counted.
        count: Option<u64>,
    },
    /// The messages below, which were missed, were shown when this user came.
    ShownAtStart,
    /// All missed messages of a log were shown.
    AllMissedShown {
        /// Where the next missed messages are to be read: `Some(None)` is the lobby, `None` is nowhere.
        next: Option<Option<&'a RoomName>>,
    },
}

impl Saying for History<'_> {}

impl fmt::Display for History<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::NotKept { reason } => {
                write!(f, "what is said is not kept on this machine: {reason}; the chat goes on")
            }
            Self::NotRecorded { reason } => write!(f, "what happens is not recorded any more: {reason}"),
            Self::OlderNotAtHand => {
                f.write_str("older messages of this session are not kept on this machine")
            }
            Self::Found { count: 0, goes_on: false, .. } => {
                f.write_str("nothing that is kept here has these words")
            }
            Self::Found { count: 0, goes_on: true, .. } => f.write_str("that was all"),
            Self::Found { count, goes_on: false, has_more: true } => {
                write!(f, "the newest {count}; \\search shows earlier ones")
            }
            Self::Found { count, goes_on: true, has_more: true } => {
                write!(f, "{count} earlier ones; \\search shows those before")
            }
            Self::Found { count, has_more: false, .. } => write!(f, "{count} found"),
            Self::NotMentioned { before: false } => {
                f.write_str("nobody has mentioned you, as far as it is kept here")
            }
            Self::NotMentioned { before: true } => {
                f.write_str("nobody has mentioned you before that, as far as it is kept here")
            }
            Self::Mentioned => f.write_str("\\last once more goes further back"),
            Self::MissedInOthers { rooms, count, mentions } => {
                let named = match mentions {
                    0 => String::new(),
                    1 => ", 1 names you".to_owned(),
                    many => format!(", {many} name you"),
                };
                write!(f, "{} in {rooms} more rooms{named}", messages(count))
            }
            Self::UnreadOf { name, count, newest } => {
                write!(f, "{} of {name} that you have not read: \\history {newest} {name}", messages(count))
            }
            Self::UnreadOfKey { name, beginning, count, newest } => {
                write!(f, "{} of another {name}, unread: \\history {newest} {beginning}", messages(count))
            }
            Self::UnreadOfOthers { ref names, count } => {
                let named: Vec<&str> = names.iter().take(MOST_NAMED).map(|name| name.as_str()).collect();
                let more = match names.len() - named.len() {
                    0 => String::new(),
                    more => format!(" and {more} more users"),
                };
                let (count, named) = (messages(count), named.join(", "));
                write!(f, "{count} of {named}{more} that you have not read: \\history NAME")
            }
            Self::MentionsMissed => f.write_str("\\missed mentions shows what names you"),
            Self::LeftOut => f.write_str("…"),
            Self::MentionsHaveNeighbours => {
                f.write_str("the lines with ! name you, the others stand beside them")
            }
            Self::MoreMentions { count: None } => {
                f.write_str("there may be more that names you: \\missed mentions")
            }
            Self::MoreMentions { count: Some(1) } => f.write_str("1 more names you: \\missed mentions"),
            Self::MoreMentions { count: Some(count) } => {
                write!(f, "{count} more name you: \\missed mentions")
            }
            Self::AllMentionsShown { has_more: false } => {
                f.write_str("no further unread message names you; \\last shows earlier ones")
            }
            // Nobody may have named this user at all.
            Self::NoMentionMissed { has_more: false } => {
                f.write_str("no further unread message names you; \\last looks for earlier ones")
            }
            Self::AllMentionsShown { has_more: true } | Self::NoMentionMissed { has_more: true } => {
                f.write_str("no further unread message names you; \\missed reads the rest")
            }
            Self::ShownAtStart => f.write_str("what follows was shown at the start, too"),
            Self::NothingMissed => f.write_str("nothing that you missed is left to be read"),
            Self::MissedNotKept { count, others_follow } => {
                let which = if others_follow { "before these" } else { "that you missed" };
                write!(f, "{} {which} {} not kept on this machine any more", messages(count), are(count))
            }
            Self::NotFetched { count, most: Some(most) } => {
                let missing = messages(count);
                write!(
                    f,
                    "{missing} {} missing here: at most {most} are fetched; \\history N asks the server for more",
                    are(count)
                )
            }
            Self::NotFetched { count, most: None } => {
                write!(f, "{} {} missing here: the server has only later ones", messages(count), are(count))
            }
            Self::MoreMissed { room, count } => {
                let place = room.map_or_else(String::new, |room| format!(" in {}", room::label(room)));
                match count {
                    Some(count) => write!(f, "{count} more{place}: \\missed"),
                    None => write!(f, "there is more{place}: \\missed"),
                }
            }
            Self::AllMissedShown { next: None } => f.write_str("that is all you missed"),
            Self::AllMissedShown { next: Some(next) } => {
                write!(f, "that is all you missed here; \\missed goes on in {}", room::place(next))
            }
        }
    }
}

fn messages(count: u64) -> String {
    if count == 1 { "1 message".to_owned() } else { format!("{count} messages") }
}

fn are(count: u64) -> &'static str {
    if count == 1 { "is" } else { "are" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_says_how_many_messages_it_found_and_how_to_see_more() {
        for (count, goes_on, has_more, text) in [
            (0, false, false, "nothing that is kept here has these words"),
            (0, true, false, "that was all"),
            (20, false, true, "the newest 20; \\search shows earlier ones"),
            (20, true, true, "20 earlier ones; \\search shows those before"),
            (3, false, false, "3 found"),
            (3, true, false, "3 found"),
        ] {
            assert_eq!(History::Found { count, goes_on, has_more }.to_string(), text);
        }
    }

    #[test]
    fn what_cannot_be_shown_is_told_with_the_reason_and_in_the_right_number() {
        let lost = |count, others_follow| History::MissedNotKept { count, others_follow }.to_string();
        assert_eq!(lost(1, true), "1 message before these is not kept on this machine any more");
        assert_eq!(lost(2, false), "2 messages that you missed are not kept on this machine any more");
        let gap = |count, most| History::NotFetched { count, most }.to_string();
        assert_eq!(gap(1, None), "1 message is missing here: the server has only later ones");
        let many =
            "500 messages are missing here: at most 10000 are fetched; \\history N asks the server for more";
        assert_eq!(gap(500, Some(10_000)), many);
    }

    #[test]
    fn unread_private_messages_are_told_with_the_command_that_shows_them() {
        let names: Vec<UserName> = ["bobby", "carol", "dave", "eve", "frank", "gina", "hugo"]
            .map(|name| name.parse().unwrap())
            .into();
        let one = History::UnreadOf { name: &names[0], count: 1, newest: 1 }.to_string();
        assert_eq!(one, "1 message of bobby that you have not read: \\history 1 bobby");
        let other =
            History::UnreadOfKey { name: &names[0], beginning: "SHA256:ctu3M2x2", count: 2, newest: 3 };
        let told = "2 messages of another bobby, unread: \\history 3 SHA256:ctu3M2x2";
        assert_eq!(other.to_string(), told);
        let of = |number: usize| {
            let names = names.iter().take(number).collect();
            History::UnreadOfOthers { names, count: 9 }.to_string()
        };
        let two = "9 messages of bobby, carol that you have not read: \\history NAME";
        assert_eq!(of(2), two);
        assert!(of(7).contains("frank and 2 more users that"));
    }

    #[test]
    fn the_rest_is_counted_or_said_to_be_there() {
        let more = |count| History::MoreMissed { room: None, count }.to_string();
        assert_eq!(more(Some(3)), "3 more: \\missed");
        assert_eq!(more(None), "there is more: \\missed");
    }
}
