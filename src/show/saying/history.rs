//! Sentences about what is kept: the history of this machine, what is found in it, what was missed, and recordings.

use std::fmt;
use std::io;

use hobnob_protocol::room::RoomName;

use super::Saying;
use crate::show::room;

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
    /// None of the missed messages are kept here.
    MissedNotKept {
        /// How many messages were missed.
        count: u64,
    },
    /// The oldest of the missed messages are not kept here.
    OldestMissedNotKept {
        /// How many of them are not kept.
        count: u64,
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
        /// How many messages are still to be read.
        count: u64,
    },
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
            Self::NothingMissed => f.write_str("nothing that you missed is left to be read"),
            Self::MissedNotKept { count } => {
                let are = if count == 1 { "is" } else { "are" };
                write!(f, "{} that you missed {are} not kept on this machine", messages(count))
            }
            Self::OldestMissedNotKept { count } => {
                let earlier = if count == 1 { "earlier message is" } else { "earlier messages are" };
                write!(f, "{count} {earlier} not kept on this machine")
            }
            Self::MoreMissed { room, count } => {
                let place = room.map_or_else(String::new, |room| format!(" in {}", room::label(room)));
                write!(f, "{count} more{place}: \\missed")
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
    fn one_message_is_told_in_the_singular() {
        let told = |count| History::OldestMissedNotKept { count }.to_string();
        assert_eq!(told(1), "1 earlier message is not kept on this machine");
        assert_eq!(told(2), "2 earlier messages are not kept on this machine");
    }
}
