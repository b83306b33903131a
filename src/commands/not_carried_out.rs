//! The meaning of a command that is not carried out: where it would have led, and which text it would have said to
//! whom. The lines after it are reported according to this. This file changes nothing.

use hobnob_protocol::room::RoomName;

use super::{find, leave, lobby, msg, switch};
use crate::client::State;
use crate::input::traits::Leads;
use crate::session::SessionId;

/// Returns the user and the text of a command that would have said a text to only one user.
#[must_use]
pub fn said_alone<'a>(word: &str, args: &'a str) -> Option<(&'a str, &'a str)> {
    let is_msg = find(word).is_some_and(|command| command.name == msg::MSG.name);
    let (name, text) = args.split_once(char::is_whitespace).filter(|_| is_msg)?;
    Some((name, text.trim_start()))
}

/// Whether a command leads to the lobby from every session.
#[must_use]
pub fn leads_to_lobby(word: &str) -> bool {
    find(word).is_some_and(|command| [lobby::LOBBY.name, leave::LEAVE.name].contains(&command.name))
}

/// Returns the session to which a command with this argument leads, if it is open.
#[must_use]
pub fn session_led_to(state: &State, leads: Leads, args: &str) -> Option<SessionId> {
    match leads {
        Leads::Nowhere => None,
        Leads::ToUser => args.parse().ok().and_then(|name| state.sessions.with_name(&name)),
        Leads::ToRoom => RoomName::typed(args).ok().and_then(|room| state.sessions.with_room(&room)),
        Leads::ToSession => switch::find(state, args).ok(),
    }
}
