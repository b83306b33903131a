//! Who hears what is typed under a prompt, and how such a text is shown once it is said. This file does not know whether
//! a line is said.

use nu_ansi_term::{Color, Style};

use crate::client::State;
use crate::config::preferences::Links;
use crate::repl::terminal::takes_links;
use crate::repl::{AsSaid, Prompt};
use crate::session::{SessionId, Sessions};
use crate::show::terminal::own::{self, OwnRow, To};

/// Returns who hears what is said in a session; `None` if the session is over.
pub(super) fn to(session: SessionId, sessions: &Sessions) -> Option<To<'_>> {
    match (sessions.peer(session), sessions.room(session)) {
        (Some(peer), _) => Some(To::Peer(peer.mode, peer.peer.as_str())),
        (None, Some(room)) => Some(To::Room(&room.room)),
        (None, None) => (session == SessionId::LOBBY).then_some(To::Lobby),
    }
}

/// Returns the prompt of a session without its counts, and its colour, which is red while nobody hears what is typed
/// there.
pub(super) fn prompt(session: SessionId, sessions: &Sessions) -> (String, Color) {
    let Some(to) = to(session, sessions) else { return (format!("{session} (over)"), Color::Red) };
    let (prompt, color) = to.prompt(session);
    (prompt, if sessions.is_down(session) { Color::Red } else { color })
}

/// Returns how a text of this user is shown on the screen once it is said: like the texts of others, and with the
/// receiver `to` if it is not the lobby.
pub(super) fn as_said(to: To<'_>, state: &State, text: &str) -> AsSaid {
    let preferences = &state.user.preferences;
    let OwnRow { raw, styled, text } = own::row(&state.me.name, to, text);
    let time =
        own::time_form(preferences.times).map(|form| format!("{} ", jiff::Zoned::now().strftime(form)));
    let time = time.unwrap_or_default();
    let dimmed = if time.is_empty() { String::new() } else { Style::new().dimmed().paint(&time).to_string() };
    let links = match preferences.links {
        Links::Auto => takes_links(),
        Links::On => true,
        Links::Off => false,
    };
    let before = Prompt::styled(&format!("{time}{raw}"), &format!("{dimmed}{styled}"));
    AsSaid { before, text: text.to_owned(), links }
}
