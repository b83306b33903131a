//! `\accept NAME`: lets in a user who asks for a private session.

use super::{Argument, Command, CommandError, Group, Progress, Traits};
use crate::client::State;

pub(super) const ACCEPT: Command = Command {
    name: "accept",
    aliases: &[],
    usage: "\\accept NAME",
    about: "let NAME, who asks for it, talk in private",
    argument: Argument::User,
    optional: false,
    group: Group::People,
    examples: &["\\accept bobby"],
    traits: Traits { answers_askers: true, opens_beside: true, ..Traits::NONE },
    run,
};

fn run(state: &mut State, args: &str) -> Result<Progress, CommandError> {
    let name = state.parse_name(args)?;
    state.accept(&name)?;
    Ok(Progress::Done)
}
