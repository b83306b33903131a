//! `\mutes`: lists the muted users.

use hobnob_protocol::message::ClientMessage;

use super::{Argument, Command, CommandError, Group, Progress, Traits};
use crate::client::State;
use crate::client::questions::Question;

pub(super) const MUTES: Command = Command {
    name: "mutes",
    aliases: &[],
    usage: "\\mutes",
    about: "who is muted, by whom, why and until when",
    argument: Argument::None,
    optional: false,
    group: Group::Operators,
    examples: &[],
    traits: Traits::NONE,
    run,
};

fn run(state: &mut State, _args: &str) -> Result<Progress, CommandError> {
    state.require_lobby_up()?;
    let request =
        state.ask(Question::Mutes(Vec::new()), MUTES.name, |request| ClientMessage::Mutes { request });
    Ok(Progress::Answer(request))
}
