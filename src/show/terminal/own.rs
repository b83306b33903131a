//! What this user said, as it stays on the terminal afterwards: with the time and the name, like the messages of
//! others, and with the receiver if it is for a room or in private. It breaks at the edge of the terminal, as the
//! editor broke it.

use hobnob_protocol::name::UserName;
use hobnob_protocol::room::RoomName;
use nu_ansi_term::{Color, Style};

use super::super::Mode;
use super::super::harmless::harmless;
use super::super::message::action;
use super::TerminalForm;
use crate::config::preferences::Times;
use crate::session::SessionId;
use crate::show::room;
use crate::timestamp::Timestamp;

/// Returns how times are written, in the format of `strftime`; `None` if no times are wanted.
#[must_use]
pub const fn time_form(times: Times) -> Option<&'static str> {
    match times {
        Times::Off => None,
        Times::Short => Some("%H:%M"),
        Times::Long => Some("%H:%M:%S"),
    }
}

/// The receiver of a text of this user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum To<'a> {
    /// Everybody in the lobby.
    Lobby,
    /// Everybody in this room.
    Room(&'a RoomName),
    /// Only this user; the mode says who forked.
    Peer(Mode, &'a str),
}

impl To<'_> {
    /// Returns the prompt of a session without its counts, and its colour.
    #[must_use]
    pub fn prompt(self, session: SessionId) -> (String, Color) {
        match self {
            Self::Lobby => ("lobby".to_owned(), Color::Green),
            Self::Room(room) => (format!("{session} {}", room::label(room)), Color::Blue),
            Self::Peer(mode, peer) => (format!("{session} {} {peer}", mode.prefix()), Color::Magenta),
        }
    }
}

/// A text of this user without its time, in the two parts of a row.
#[derive(Debug, PartialEq, Eq)]
pub struct OwnRow<'t> {
    /// What stands between the time and the text, without colour.
    pub raw: String,
    /// The same with colour.
    pub styled: String,
    /// The text behind it.
    pub text: &'t str,
}

/// Returns a text of this user as a row. The text of a `\me` begins with the name already.
#[must_use]
pub fn row<'t>(own: &UserName, to: To<'_>, text: &'t str) -> OwnRow<'t> {
    let action = action(text, own);
    let (open, close) = match (action, to) {
        (Some(_), _) => ("* ", " "),
        (None, To::Lobby | To::Room(_)) => ("", ": "),
        (None, To::Peer(..)) => ("<", "> "),
    };
    let before = match to {
        To::Lobby => open.to_owned(),
        To::Room(room) => format!("{} {open}", room::label(room)),
        To::Peer(mode, peer) => format!("{} {peer} {open}", mode.prefix()),
    };
    let name = Style::new().bold().paint(own.as_str());
    let styled = match to {
        To::Lobby => format!("{before}{name}{close}"),
        To::Room(_) => format!("{}{name}{close}", Color::Blue.bold().paint(before.as_str())),
        To::Peer(..) => {
            let private = Color::Magenta.bold();
            format!("{}{name}{}", private.paint(before.as_str()), private.paint(close))
        }
    };
    OwnRow { raw: format!("{before}{own}{close}"), styled, text: action.unwrap_or(text) }
}

impl TerminalForm {
    /// Returns a text of this user that was said at that time; `None` while this user's name is not known.
    #[must_use]
    pub fn said(&self, to: To<'_>, text: &str, at: Option<Timestamp>) -> Option<String> {
        let OwnRow { raw, styled, text } = row(self.own.as_ref()?, to, text);
        let time = match (time_form(self.preferences.times), at) {
            (Some(form), Some(at)) => format!("{} ", self.local(at).strftime(form)),
            _ => String::new(),
        };
        let head = if self.color { styled } else { raw };
        Some(format!("{}{head}{}\n", self.paint(Style::new().dimmed(), &time), harmless(text, "")))
    }
}
