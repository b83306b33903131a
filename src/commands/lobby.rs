//! `\lobby`: makes the lobby current.

use super::{Argument, Command, CommandError, Group, Progress, Traits};
use crate::client::State;
use crate::session::SessionId;

pub(super) const LOBBY: Command = Command {
    name: "lobby",
    aliases: &["lob"],
    usage: "\\lobby",
    about: "the same as \\sw 0",
    argument: Argument::None,
    optional: false,
    group: Group::Sessions,
    examples: &[],
    traits: Traits::NONE,
    run,
};

fn run(state: &mut State, _args: &str) -> Result<Progress, CommandError> {
    state.switch(SessionId::LOBBY)?;
    Ok(Progress::Done)
}
