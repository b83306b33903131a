//! What this user said, as it stands on a terminal afterwards: with its time and name as others' messages
//! have them, and in private or in a room with whom it is for. Broken at the terminal's edge, as the editor broke it.

use hobnob_protocol::name::UserName;
use hobnob_protocol::room::RoomName;
use nu_ansi_term::{Color, Style};

use super::super::Mode;
use super::super::harmless::harmless;
use super::TerminalForm;
use crate::config::preferences::Times;
use crate::session::SessionId;
use crate::show::room;
use crate::timestamp::Timestamp;

/// How times are written, as `strftime` takes it; nothing where none are wanted.
#[must_use]
pub const fn time_form(times: Times) -> Option<&'static str> {
    match times {
        Times::Off => None,
        Times::Short => Some("%H:%M"),
        Times::Long => Some("%H:%M:%S"),
    }
}

/// For whom a text of this user's is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum To<'a> {
    /// For everybody in the lobby.
    Lobby,
    /// For everybody in this room.
    Room(&'a RoomName),
    /// For this user alone; the mode says who forked.
    Peer(Mode, &'a str),
}

impl To<'_> {
    /// The prompt of a session without what it counts, and its colour.
    #[must_use]
    pub fn prompt(self, session: SessionId) -> (String, Color) {
        match self {
            Self::Lobby => ("lobby".to_owned(), Color::Green),
            Self::Room(room) => (format!("{session} {}", room::label(room)), Color::Blue),
            Self::Peer(mode, peer) => (format!("{session} {} {peer}", mode.prefix()), Color::Magenta),
        }
    }
}

/// What stands between the time and the text, without colour and with it.
#[must_use]
pub fn head(own: &UserName, to: To<'_>) -> (String, String) {
    let styled = Style::new().bold().paint(own.as_str());
    match to {
        To::Lobby => (format!("{own}: "), format!("{styled}: ")),
        To::Room(room) => {
            let before = format!("{} ", room::label(room));
            (format!("{before}{own}: "), format!("{}{styled}: ", Color::Blue.bold().paint(before)))
        }
        To::Peer(mode, peer) => {
            let (to, private) = (format!("{} {peer} <", mode.prefix()), Color::Magenta.bold());
            (format!("{to}{own}> "), format!("{}{styled}{}", private.paint(to.as_str()), private.paint("> ")))
        }
    }
}

impl TerminalForm {
    /// A text of this user's that was said then; nothing before it is known who that is.
    #[must_use]
    pub fn said(&self, to: To<'_>, text: &str, at: Option<Timestamp>) -> Option<String> {
        let (raw, styled) = head(self.own.as_ref()?, to);
        let time = match (time_form(self.preferences.times), at) {
            (Some(form), Some(at)) => format!("{} ", self.local(at).strftime(form)),
            _ => String::new(),
        };
        let head = if self.color { styled } else { raw };
        Some(format!("{}{head}{}\n", self.paint(Style::new().dimmed(), &time), harmless(text, "")))
    }
}
