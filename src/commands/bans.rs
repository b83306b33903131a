//! `\bans`: lists the banned users and addresses.

use hobnob_protocol::message::ClientMessage;

use super::{Argument, Command, CommandError, Group, Progress, Traits};
use crate::client::State;
use crate::client::questions::Question;

pub(super) const BANS: Command = Command {
    name: "bans",
    aliases: &[],
    usage: "\\bans",
    about: "who and what is banned, by whom, why and until when",
    argument: Argument::None,
    optional: false,
    group: Group::Operators,
    examples: &[],
    traits: Traits::NONE,
    run,
};

fn run(state: &mut State, _args: &str) -> Result<Progress, CommandError> {
    state.require_lobby_up()?;
    let request = state.ask(Question::Bans(Vec::new()), BANS.name, |request| ClientMessage::Bans { request });
    Ok(Progress::Answer(request))
}
