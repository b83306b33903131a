//! `\leave`: ends the current private session, or leaves the current room.

use super::{Argument, Command, CommandError, Group, Progress, Traits};
use crate::client::State;
use crate::session::SessionId;
use crate::show::{Notice, failing};

pub(super) const LEAVE: Command = Command {
    name: "leave",
    aliases: &[],
    usage: "\\leave",
    about: "end this private session, or leave this room",
    argument: Argument::None,
    optional: false,
    group: Group::Sessions,
    examples: &[],
    traits: Traits { of_session: true, ..Traits::NONE },
    run,
};

fn run(state: &mut State, _args: &str) -> Result<Progress, CommandError> {
    match state.sessions.current() {
        Some(session) if session != SessionId::LOBBY => {
            // The user is told at once: telling the other side may take a moment, and nothing more is to be said in the
            // session.
            state.emit(Notice::Switched { session: SessionId::LOBBY });
            state.fall_back_to_lobby();
            match state.sessions.room(session) {
                Some(_) => state.leave_room(session),
                None => state.leave(session),
            }
            Ok(Progress::Ending(session))
        }
        _ => Err(failing::Sessions::NothingToLeave.into()),
    }
}
