//! `\last`: the last message that named this user, in whatever run it came.

use super::{Argument, Command, CommandError, Group, Progress, Traits};
use crate::client::State;
use crate::show::{Notice, failing, saying};

pub(super) const LAST: Command = Command {
    name: "last",
    aliases: &[],
    usage: "\\last",
    about: "the last message that mentioned you",
    argument: Argument::None,
    optional: false,
    group: Group::Reading,
    examples: &[],
    traits: Traits::NONE,
    run,
};

fn run(state: &mut State, _args: &str) -> Result<Progress, CommandError> {
    let last = state.last_mention().map_err(failing::History::Unsearchable)?;
    state.emit(match last {
        Some(message) => Notice::Kept(message),
        None => saying::History::NotMentioned.into(),
    });
    Ok(Progress::Done)
}
