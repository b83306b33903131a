//! `\users`: lists who is in the lobby or in the current room.

use hobnob_protocol::message::ClientMessage;

use super::{Argument, Command, CommandError, Group, Progress, Traits};
use crate::client::State;
use crate::client::questions::Question;

pub(super) const USERS: Command = Command {
    name: "users",
    aliases: &[],
    usage: "\\users",
    about: "who is here: in the lobby, or in the room",
    argument: Argument::None,
    optional: false,
    group: Group::People,
    examples: &[],
    traits: Traits::NONE,
    run,
};

fn run(state: &mut State, _args: &str) -> Result<Progress, CommandError> {
    let session = state.require_in_lobby()?;
    state.require_lobby_up()?;
    let room = state.room_of(session);
    let question = Question::users(session, true);
    let request = state.ask(question, USERS.name, |request| ClientMessage::Users { request, room });
    Ok(Progress::Answer(request))
}
