//! `\last`: the last message that named this user.

use super::{Argument, Command, CommandError, Group, Progress, Traits};
use crate::client::State;
use crate::show::{Message, Notice};

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

#[expect(clippy::unnecessary_wraps, reason = "every command has this signature")]
fn run(state: &mut State, _args: &str) -> Result<Progress, CommandError> {
    let notice = match state.user.last_mention.clone() {
        Some(message) => Notice::Message(Message { replayed: true, ..message }),
        None => Notice::say("nobody has mentioned you in this run"),
    };
    state.emit(notice);
    Ok(Progress::Done)
}
