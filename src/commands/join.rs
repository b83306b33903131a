//! `\join ROOM`: joins a room, which is a lobby beside the lobby. The first user who joins a room makes it.

use hobnob_protocol::room::RoomName;

use super::{Argument, Command, CommandError, Group, Leads, Progress, Traits};
use crate::client::State;
use crate::client::rooms::JOIN as NAME;
use crate::show::failing;

pub(super) const JOIN: Command = Command {
    name: NAME,
    aliases: &["j"],
    usage: "\\join ROOM",
    about: "a room, which is made where there is none",
    argument: Argument::Room,
    optional: false,
    group: Group::Sessions,
    examples: &["\\join tea", "\\j #tea"],
    traits: Traits { leads: Leads::ToRoom, ..Traits::NONE },
    run,
};

/// If this user is in the room already, this is the same as switching to it.
fn run(state: &mut State, args: &str) -> Result<Progress, CommandError> {
    let room = RoomName::typed(args).map_err(failing::Room::NoName)?;
    if let Some(session) = state.sessions.with_room(&room) {
        state.switch(session)?;
        return Ok(Progress::Opening(session));
    }
    state.require_lobby_up()?;
    Ok(Progress::Opening(state.join_room(room)))
}
