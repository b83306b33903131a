//! Notices as a person at a terminal reads them: local times, coloured names, mentions, marks for replayed messages,
//! and rows that break between words. Each notice passes the gate first. This folder reads no clock and asks no
//! terminal; it is told both.

mod attention;
mod kept;
pub mod links;
mod message;
mod names;
pub mod own;
mod tables;
pub mod title;
mod unread;
pub mod wrap;

use hobnob_protocol::name::UserName;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use nu_ansi_term::{Color, Style};

use self::unread::Rest;
use super::gate::passed;
use super::harmless::{harmless, harmless_line};
use super::human::{PROGRAM_VOICE, Shown, failure_text, told, whois};
use super::{ClosedReason, Message, MessageKind, Notice, unsent};
use crate::config::preferences::Preferences;

/// Rows are laid out for at least this many columns, whatever a terminal says of its width.
const NARROWEST: usize = 20;

/// How many rows the message of the day may take when a user joins.
const MOTD_ROWS: usize = 3;

/// What to do in a lobby, for users who have never been in one.
const NEXT: &str = "type to talk; \\users: who is here, \\fork NAME: in private, \\help: the rest";

/// The same in fewer words, for narrow terminals.
const NEXT_NARROW: &str = "type to talk; \\help: commands";

/// Shows notices to a person.
#[derive(Debug)]
pub struct TerminalForm {
    color: bool,
    zone: TimeZone,
    /// The name of the reader.
    own: Option<UserName>,
    /// What the reader has set for the terminal.
    pub preferences: Preferences,
    /// Whether the terminal is known to accept links.
    pub takes_links: bool,
    /// Whether the terminal is known to accept a title.
    pub takes_titles: bool,
    /// The address of the lobby, known since the welcome.
    server: Option<String>,
    /// The day of the last message that was shown.
    day: Option<Date>,
    /// The day this run began.
    today: Date,
}

impl TerminalForm {
    /// Makes a form with the colours and times of this terminal. A message of `today` gets no line with the day.
    #[must_use]
    pub fn new(color: bool, zone: TimeZone, preferences: Preferences, today: jiff::Timestamp) -> Self {
        let today = today.to_zoned(zone.clone()).date();
        Self {
            color,
            zone,
            own: None,
            preferences,
            takes_links: false,
            takes_titles: false,
            server: None,
            day: Some(today),
            today,
        }
    }

    /// Notes the name of the reader, so that messages that name him stand out.
    pub fn know_own(&mut self, name: &UserName) {
        self.own = Some(name.clone());
    }

    /// Whether a message is meant to be noticed by a person who is not looking.
    #[must_use]
    pub fn wants_attention(&self, message: &Message) -> bool {
        let by_oneself = self.own.as_ref() == Some(&message.from);
        !message.replayed
            && !message.ignored
            && !by_oneself
            && (message.kind == MessageKind::Peer || self.is_named(message))
    }

    /// Returns `notice` as whole rows of at most `columns`.
    pub fn show(&mut self, notice: &Notice, columns: usize) -> Shown {
        let columns = columns.max(NARROWEST);
        let notice = &passed(notice);
        match notice {
            Notice::Message(message) if message.ignored => Shown::Nothing,
            Notice::Message(message) => Shown::Out(self.message(message, columns)),
            Notice::Error(failure) => {
                Shown::Err(self.program_voice(Color::Red.normal(), &failure_text(failure), columns))
            }
            Notice::Unsent { text, reason, .. } => {
                let line = unsent::line(&harmless_line(reason), &harmless(text, ""));
                Shown::Err(self.program_voice(Color::Red.normal(), &line, columns))
            }
            Notice::Sent { .. } | Notice::Answer(_) | Notice::Switched { .. } | Notice::Forking { .. } => {
                Shown::Nothing
            }
            // A failure tells why the link does not come back.
            Notice::Link { for_good: true, .. } => Shown::Nothing,
            // The error before this has said so, and the session did not exist yet.
            Notice::Closed { reason: ClosedReason::Failed, .. } => Shown::Nothing,
            Notice::RoomClosed(closed) if closed.reason == ClosedReason::Failed => Shown::Nothing,
            Notice::Whois { since, .. } => {
                Shown::Out(self.say(&whois(notice, &since.minute(&self.zone)), columns))
            }
            Notice::Missed { room, count, mentions, since, .. } => {
                let said = self.missed(room.as_ref(), *count, *mentions, *since);
                Shown::Out(self.program_voice(Style::new().bold(), &said, columns))
            }
            Notice::Unread { session, room, count, is_over, reads_on } => {
                let rest = match (is_over, reads_on) {
                    (true, _) => Rest::Gone,
                    (false, true) => Rest::Missed,
                    (false, false) => Rest::History,
                };
                Shown::Out(self.unread_line(*session, room.as_ref(), (*count, rest), columns))
            }
            Notice::Act(act) if act.replayed => Shown::Nothing,
            Notice::Motd { text } => Shown::Out(self.say(&first_rows(text, columns), columns)),
            Notice::Kept(kept) => Shown::Out(self.kept(kept, columns)),
            Notice::Help { commands } => Shown::Out(self.help(commands, columns)),
            Notice::Sessions { sessions } => Shown::Out(self.sessions(sessions, columns)),
            Notice::Welcome { name, server, hosted, .. } => {
                self.know_own(name);
                self.server = Some(server.clone());
                Shown::Out(self.welcome(name, server, *hosted, columns))
            }
            other => Shown::Out(self.say(&told(other), columns)),
        }
    }

    /// Returns a sentence of hobnob's own as rows.
    #[must_use]
    pub fn say(&self, text: &str, columns: usize) -> String {
        self.program_voice(Style::new().dimmed(), text, columns)
    }

    /// Returns a line as it stood behind its prompt when it was typed. It breaks where the editor broke it, at the edge
    /// of the terminal.
    #[must_use]
    pub fn typed(&self, prompt: &str, color: Color, text: &str) -> String {
        format!("{}{}\n", self.paint(color.bold(), prompt), harmless(text, ""))
    }

    fn welcome(&self, name: &UserName, server: &str, hosted: bool, columns: usize) -> String {
        let how = if hosted { "host" } else { "are in" };
        let line = format!("{name}, you {how} the lobby at {}", harmless_line(server));
        let mut shown = self.program_voice(Color::Green.normal(), &line, columns);
        if self.preferences.banner {
            let fits = PROGRAM_VOICE.len() + NEXT.len() <= columns;
            shown.push_str(&self.say(if fits { NEXT } else { NEXT_NARROW }, columns));
        }
        shown
    }

    fn program_voice(&self, style: Style, text: &str, columns: usize) -> String {
        let room = columns - PROGRAM_VOICE.len();
        let rows = text.split('\n').flat_map(|line| match self.preferences.wrap {
            // There may be lists of names among it, and in some scripts the only spaces are those between the names.
            true => wrap::words(line, room),
            false => vec![line.to_owned()],
        });
        rows.map(|row| format!("{}\n", self.paint(style, &format!("{PROGRAM_VOICE}{row}")))).collect()
    }

    /// Returns one line of text as rows, or unchanged if the reader wants no wrapping.
    fn rows(&self, line: &str, first: usize, rest: usize) -> Vec<String> {
        if self.preferences.wrap { wrap::wrap(line, first, rest) } else { vec![line.to_owned()] }
    }

    fn paint(&self, style: Style, text: &str) -> String {
        if self.color && !text.is_empty() { style.paint(text).to_string() } else { text.to_owned() }
    }
}

/// Returns as much of a message of the day as fits into three rows. An ellipsis shows that something was cut off.
fn first_rows(text: &str, columns: usize) -> String {
    let room = columns - PROGRAM_VOICE.len();
    let mut rows = text.split('\n').flat_map(|line| wrap::words(line, room));
    let mut shown: Vec<String> = rows.by_ref().take(MOTD_ROWS).collect();
    if rows.next().is_some()
        && let Some(last) = shown.last_mut()
    {
        // If the last row is full, its last word is removed.
        while !last.is_empty() && wrap::words(&format!("{last} …"), room).len() > 1 {
            last.truncate(last.rfind(' ').unwrap_or(0));
        }
        last.push_str(" …");
    }
    shown.join("\n")
}

#[cfg(test)]
mod tests;
