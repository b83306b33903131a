//! One message as rows: time, mark and name, with the text hanging beside them.

use std::ops::Range;

use jiff::Zoned;
use nu_ansi_term::{Color, Style};

use super::super::harmless::harmless;
use super::super::message::action;
use super::super::{Message, MessageKind, Mode, room};
use super::own::time_form;
use super::wrap::width;
use super::{TerminalForm, links, names};
use crate::config::preferences::{Links, Times};
use crate::show::mention;
use crate::timestamp::Timestamp;

/// The mark before a replayed message, on each of its rows. On the first row of a message that names the reader,
/// [`MENTION`] takes its place.
const REPLAYED: &str = "│";

/// The mark before a message that names the reader, also if it is replayed.
const MENTION: &str = "!";

/// The text hangs beside the name only if the name, with what stands before it, takes at most the width of a row
/// divided by this number.
const TEXT_SHARE: usize = 2;

/// A part of a row that belongs to an address.
#[derive(Clone)]
struct Linked {
    place: Range<usize>,
    address: String,
}

/// What stands before the text of a message.
struct Head {
    /// The time and the mark.
    lead: String,
    /// The sign of a private session, the name, and what follows the name.
    before: String,
    name: String,
    after: &'static str,
}

impl TerminalForm {
    pub(super) fn message(&mut self, message: &Message, columns: usize) -> String {
        let at = self.local(message.at);
        let mut shown = self.day_line(&at);
        let mentioned = self.is_mentioned(message);
        let (head, text) = self.head(message, &at, mentioned);
        let lead_width = width(&head.lead);
        let head_width = lead_width + width(&head.before) + width(&head.name) + width(head.after);
        // A message without a time must still not look like two messages.
        let hang = if head_width * TEXT_SHARE <= columns { head_width } else { lead_width.max(2) + 2 };
        let text = harmless(text, "");
        let mut first = columns.saturating_sub(head_width);
        let room = columns - hang;
        let mut rows = Vec::new();
        for line in text.split('\n') {
            let broken = self.rows(line, first, room);
            let linked = self.linked(line, &broken);
            rows.extend(broken.into_iter().zip(linked));
            first = room;
        }
        let hidden = self.cut(&mut rows);
        let margin = self.margin(message, lead_width, hang);
        for (number, (row, links)) in rows.iter().enumerate() {
            match number {
                0 => shown.push_str(&self.painted_head(message, &head, mentioned)),
                _ if row.is_empty() => shown.push_str(margin.trim_end()),
                _ => shown.push_str(&margin),
            }
            shown.push_str(&self.painted_row(message, row, links));
            shown.push('\n');
        }
        if hidden > 0 {
            let told = format!("… {hidden} more rows: \\set rows 0, then \\history, shows all");
            for row in self.rows(&told, room, room) {
                shown.push_str(&format!("{margin}{}\n", self.paint(Style::new().dimmed(), &row)));
            }
        }
        shown
    }

    /// Cuts a message to as many rows as this user wants of a message. Returns how many rows were cut off.
    fn cut<T>(&self, rows: &mut Vec<T>) -> usize {
        let most = usize::from(self.preferences.rows);
        let hidden = rows.len().saturating_sub(most);
        // A row that says that one row is hidden is no shorter than that row.
        if most == 0 || hidden <= 1 {
            return 0;
        }
        rows.truncate(most);
        hidden
    }

    /// Returns for each row of a line where in it parts of addresses are that were cut by the breaks.
    fn linked(&self, line: &str, rows: &[String]) -> Vec<Vec<Linked>> {
        let takes = match self.preferences.links {
            Links::Auto => self.takes_links,
            Links::On => true,
            Links::Off => false,
        };
        if !takes || rows.len() < 2 {
            return vec![Vec::new(); rows.len()];
        }
        let found = links::find(line);
        let places = links::places(line, rows);
        let within =
            |outer: &Range<usize>, inner: &Range<usize>| outer.start <= inner.start && inner.end <= outer.end;
        places
            .iter()
            .map(|place| {
                let cut = found.iter().filter(|address| !places.iter().any(|place| within(place, address)));
                let here = cut.filter(|address| address.start < place.end && place.start < address.end);
                here.map(|address| Linked {
                    place: address.start.max(place.start) - place.start
                        ..address.end.min(place.end) - place.start,
                    address: line[address.clone()].to_owned(),
                })
                .collect()
            })
            .collect()
    }

    fn painted_row(&self, message: &Message, row: &str, links: &[Linked]) -> String {
        let (mut shown, mut from) = (String::new(), 0);
        for Linked { place, address } in links {
            shown.push_str(&self.painted_text(message, &row[from..place.start]));
            let text = self.painted_text(message, &row[place.clone()]);
            shown.push_str(&links::part(address, &text));
            from = place.end;
        }
        shown + &self.painted_text(message, &row[from..])
    }

    /// Returns a line with the day, if the day is not that of the message before.
    fn day_line(&mut self, at: &Zoned) -> String {
        let day = at.date();
        if self.preferences.times == Times::Off || self.day.replace(day) == Some(day) {
            return String::new();
        }
        let line = format!("── {} ──", at.strftime("%A, %-d %B %Y"));
        format!("{}\n", self.paint(Style::new().dimmed(), &line))
    }

    pub(super) fn local(&self, at: Timestamp) -> Zoned {
        at.instant().to_zoned(self.zone.clone())
    }

    /// Whether a message is marked as one that names the reader, also when it is shown again.
    fn is_mentioned(&self, message: &Message) -> bool {
        self.own.as_ref() != Some(&message.from) && self.is_named(message)
    }

    pub(super) fn is_named(&self, message: &Message) -> bool {
        self.own.as_ref().is_some_and(|own| mention::is_in(&message.text, own))
            || !mention::find_whole_words(&message.text, self.preferences.highlight.words()).is_empty()
    }

    /// Returns where a row has the reader's name, or a word that the reader highlights; in order, none twice.
    fn noticed(&self, row: &str) -> Vec<Range<usize>> {
        let mut places = self.own.as_ref().map_or_else(Vec::new, |own| mention::find(row, own));
        places.extend(mention::find_whole_words(row, self.preferences.highlight.words()));
        places.sort_by_key(|place| place.start);
        let mut end = 0;
        places.retain(|place| {
            let is_free = place.start >= end;
            end = if is_free { place.end } else { end };
            is_free
        });
        places
    }

    /// Returns what stands before the text, and the text that is left.
    fn head<'m>(&self, message: &'m Message, at: &Zoned, mentioned: bool) -> (Head, &'m str) {
        let time = time_form(self.preferences.times).map(|form| at.strftime(form).to_string());
        let time = time.unwrap_or_default();
        let mark = match (message.replayed, mentioned) {
            (_, true) => MENTION,
            (true, false) => REPLAYED,
            (false, false) if time.is_empty() => "",
            (false, false) => " ",
        };
        let name = message.from.to_string();
        let prefix = match (message.kind, message.mode) {
            (MessageKind::Lobby | MessageKind::Room, _) => room::before(message),
            (MessageKind::Peer, mode) => format!("{} ", mode.unwrap_or(Mode::B).prefix()),
        };
        let (before, after, text) = match (action(&message.text, &message.from), message.kind) {
            (Some(action), _) => (format!("{prefix}* "), " ", action),
            (None, MessageKind::Lobby | MessageKind::Room) => (prefix, ": ", message.text.as_str()),
            (None, MessageKind::Peer) => (format!("{prefix}<"), "> ", message.text.as_str()),
        };
        (Head { lead: time + mark, before, name, after }, text)
    }

    fn painted_head(&self, message: &Message, head: &Head, mentioned: bool) -> String {
        let Head { lead, before, name, after } = head;
        let lead_style = if mentioned { Color::Red.bold() } else { Style::new().dimmed() };
        if message.replayed {
            let rest = self.paint(Style::new().dimmed(), &format!("{before}{name}{after}"));
            return self.paint(lead_style, lead) + &rest;
        }
        let session_style = match message.kind {
            MessageKind::Lobby => Style::new(),
            MessageKind::Room => Color::Blue.bold(),
            MessageKind::Peer => Color::Magenta.bold(),
        };
        let name_style = match (self.own.as_ref() == Some(&message.from), self.preferences.names_colour) {
            (true, _) => Style::new().bold(),
            (false, true) => names::color(&message.from, message.key.as_ref()).normal(),
            (false, false) => Style::new(),
        };
        [(lead_style, lead.as_str()), (session_style, before), (name_style, name), (session_style, after)]
            .into_iter()
            .map(|(style, text)| self.paint(style, text))
            .collect()
    }

    /// Returns what stands before the rows after the first.
    fn margin(&self, message: &Message, lead: usize, hang: usize) -> String {
        match (message.replayed, lead) {
            (false, _) | (_, 0) => " ".repeat(hang),
            (true, lead) => {
                let mark = self.paint(Style::new().dimmed(), REPLAYED);
                format!("{}{mark}{}", " ".repeat(lead - 1), " ".repeat(hang - lead))
            }
        }
    }

    fn painted_text(&self, message: &Message, row: &str) -> String {
        if message.replayed {
            return self.paint(Style::new().dimmed(), row);
        }
        let by_oneself = self.own.as_ref() == Some(&message.from);
        let places = if self.color && !by_oneself { self.noticed(row) } else { Vec::new() };
        let mut shown = String::new();
        let mut from = 0;
        for place in places {
            shown.push_str(&row[from..place.start]);
            shown.push_str(&self.paint(Style::new().bold().reverse(), &row[place.clone()]));
            from = place.end;
        }
        shown + &row[from..]
    }
}
