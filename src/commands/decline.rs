//! `\decline NAME`: declines a user who asks for a private session.

use super::{Argument, Command, CommandError, Group, Progress, Traits};
use crate::client::State;

pub(super) const DECLINE: Command = Command {
    name: "decline",
    aliases: &[],
    usage: "\\decline NAME",
    about: "do not let NAME talk in private now",
    argument: Argument::User,
    optional: false,
    group: Group::People,
    examples: &["\\decline bobby"],
    traits: Traits { answers_askers: true, ..Traits::NONE },
    run,
};

fn run(state: &mut State, args: &str) -> Result<Progress, CommandError> {
    let name = state.parse_name(args)?;
    state.decline(&name)?;
    Ok(Progress::Done)
}
