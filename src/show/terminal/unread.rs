//! What a person has not read: how many messages were missed and since when, and the line above the first of them.

use hobnob_protocol::room::RoomName;
use jiff::ToSpan;
use nu_ansi_term::Color;

use super::TerminalForm;
use super::wrap::width;
use crate::session::SessionId;
use crate::show::room;
use crate::timestamp::Timestamp;

/// The greatest width of the line, however wide the terminal is.
const WIDEST: usize = 60;

/// Where the unread messages can be read that are not shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rest {
    /// They cannot be read, because the session ends.
    Gone,
    /// `\\missed` reads them, beginning with the first one.
    Missed,
    /// `\\history` shows them.
    History,
}

impl TerminalForm {
    /// Returns a summary such as `134 messages since yesterday 18:02, 2 name you: \missed`. The room is
    /// named; the lobby is not.
    pub(super) fn missed(
        &self,
        room: Option<&RoomName>,
        count: u64,
        mentions: u64,
        since: Option<Timestamp>,
    ) -> String {
        let place = room.map(|room| format!(" in {}", room::label(room))).unwrap_or_default();
        let messages = if count == 1 { "1 message".to_owned() } else { format!("{count} messages") };
        let since = since.map(|since| format!(" since {}", self.day_and_time(since))).unwrap_or_default();
        let mentions = match mentions {
            0 => String::new(),
            1 => ", 1 names you".to_owned(),
            many => format!(", {many} name you"),
        };
        format!("{messages}{place}{since}{mentions}: \\missed")
    }

    /// Returns a time for a reader who knows what day it is.
    fn day_and_time(&self, at: Timestamp) -> String {
        let local = self.local(at);
        let day = local.date();
        let yesterday = self.today.checked_sub(1.day()).ok();
        let format = match day {
            day if day == self.today => "%H:%M",
            day if Some(day) == yesterday => "yesterday %H:%M",
            day if day.year() == self.today.year() => "%-d %B, %H:%M",
            _ => "%-d %B %Y, %H:%M",
        };
        local.strftime(format).to_string()
    }

    /// Returns the line above unread messages. `count` says how many are unread and how many of them follow; `rest`
    /// says where the others can be read.
    pub(super) fn unread_line(
        &self,
        session: SessionId,
        room: Option<&RoomName>,
        (count, rest): (Option<(u64, u64)>, Rest),
        columns: usize,
    ) -> String {
        let text = match count {
            None => {
                room.map_or_else(|| "unread".to_owned(), |room| format!("unread in {}", room::label(room)))
            }
            Some((count, shown)) if shown < count => match rest {
                Rest::Gone => {
                    let place = room.map_or_else(|| format!("session {session}"), room::label);
                    format!("{count} unread in {place}, the newest {shown} of them")
                }
                Rest::Missed => format!("{count} unread, the newest {shown} of them; \\missed reads all"),
                Rest::History => {
                    format!("{count} unread, the newest {shown} of them; \\history N shows earlier ones")
                }
            },
            Some((count, _)) if session == SessionId::LOBBY || room.is_some() => {
                format!("{count} unread in {}", room::place(room))
            }
            Some((count, _)) => format!("{count} unread in session {session}"),
        };
        let room = columns.min(WIDEST).saturating_sub(width(&text) + 2);
        let line = format!("{} {text} {}", "─".repeat(room / 2), "─".repeat(room - room / 2));
        let rows = self.rows(line.trim_end(), columns, columns);
        rows.iter().map(|row| format!("{}\n", self.paint(Color::Yellow.normal(), row))).collect()
    }
}
