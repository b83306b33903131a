//! `\ops`: lists the operators.

use hobnob_protocol::message::ClientMessage;

use super::{Argument, Command, CommandError, Group, Progress, Traits};
use crate::client::State;
use crate::client::questions::Question;

pub(super) const OPS: Command = Command {
    name: "ops",
    aliases: &[],
    usage: "\\ops",
    about: "who the operators are",
    argument: Argument::None,
    optional: false,
    group: Group::People,
    examples: &[],
    traits: Traits::NONE,
    run,
};

fn run(state: &mut State, _args: &str) -> Result<Progress, CommandError> {
    state.require_lobby_up()?;
    let request = state.ask(Question::Ops(Vec::new()), OPS.name, |request| ClientMessage::Ops { request });
    Ok(Progress::Answer(request))
}
