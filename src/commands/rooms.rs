//! `\rooms`: lists the rooms, with the number of users and the topic of each.

use hobnob_protocol::message::ClientMessage;

use super::{Argument, Command, CommandError, Group, Progress, Traits};
use crate::client::State;
use crate::client::questions::Question;

pub(super) const ROOMS: Command = Command {
    name: "rooms",
    aliases: &[],
    usage: "\\rooms",
    about: "the rooms there are, with how many and a topic",
    argument: Argument::None,
    optional: false,
    group: Group::Sessions,
    examples: &[],
    traits: Traits::NONE,
    run,
};

fn run(state: &mut State, _args: &str) -> Result<Progress, CommandError> {
    state.require_lobby_up()?;
    let question = Question::Rooms { rooms: Vec::new(), shown: true };
    let request = state.ask(question, ROOMS.name, |request| ClientMessage::Rooms { request });
    Ok(Progress::Answer(request))
}
