//! Who hears what is typed under a prompt, and what stands before such a text once it is said. This file does not know
//! whether a line is said.

use tokio::time::Instant;

use crate::client::State;
use crate::config::preferences::Links;
use crate::repl::terminal::takes_links;
use crate::repl::{Prompt, Said};
use crate::session::SessionId;
use crate::show::terminal::own::{self, To};

/// Returns who hears what is said in a session; `None` if the session is over.
pub(super) fn to(session: SessionId, state: &State) -> Option<To<'_>> {
    match (state.sessions.peer(session), state.sessions.room(session)) {
        (Some(peer), _) => Some(To::Peer(peer.mode, peer.peer.as_str())),
        (None, Some(room)) => Some(To::Room(&room.room)),
        (None, None) => (session == SessionId::LOBBY).then_some(To::Lobby),
    }
}

/// Returns what stands before this user's own texts on the screen: the same as before the texts of others, and the
/// receiver `to` if it is not the lobby. A line that is refused because it is finished before `settled` does not look as
/// if it was said.
pub(super) fn shown_as_said(to: To<'_>, state: &State, settled: Option<Instant>) -> Said {
    let preferences = &state.user.preferences;
    let (raw, styled) = own::head(&state.me.name, to);
    let time = own::time_form(preferences.times);
    let links = match preferences.links {
        Links::Auto => takes_links(),
        Links::On => true,
        Links::Off => false,
    };
    let most_lines = preferences.paste_ask.into();
    let from = settled.map(Instant::into_std);
    Said { time, name: Prompt::styled(&raw, &styled), from, links, most_lines }
}
