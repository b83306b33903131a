//! `\quit`: ends every session, tells the others, and leaves.

use super::{Argument, Command, CommandError, Group, Progress, Traits};
use crate::client::State;

pub(super) const QUIT: Command = Command {
    name: "quit",
    aliases: &["q"],
    usage: "\\quit",
    about: "end every session, tell the others, leave",
    argument: Argument::None,
    optional: false,
    group: Group::Program,
    examples: &[],
    traits: Traits { ends_run: true, moves_no_mark: true, ..Traits::NONE },
    run,
};

#[expect(clippy::unnecessary_wraps, reason = "every command has this signature")]
fn run(_state: &mut State, _args: &str) -> Result<Progress, CommandError> {
    Ok(Progress::Quit)
}
