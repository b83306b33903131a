//! `\users`: who is in the lobby.

use hobnob_protocol::message::ClientMessage;

use super::{Argument, Command, CommandError, Group, Progress, Traits};
use crate::client::State;
use crate::client::questions::Question;

pub(super) const USERS: Command = Command {
    name: "users",
    aliases: &[],
    usage: "\\users",
    about: "who is in the lobby (in the lobby only)",
    argument: Argument::None,
    optional: false,
    group: Group::People,
    examples: &[],
    traits: Traits::NONE,
    run,
};

fn run(state: &mut State, _args: &str) -> Result<Progress, CommandError> {
    state.require_in_lobby()?;
    state.require_lobby_up()?;
    let question = Question::Users { names: Vec::new(), away: Vec::new(), shown: true };
    let request = state.ask(question, USERS.name, |request| ClientMessage::Users { request, room: None });
    Ok(Progress::Answer(request))
}
