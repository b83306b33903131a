//! `\last [N]`: shows the last messages that named this user, from all runs. Used again, it shows those before them.

use super::{Argument, Command, CommandError, Group, Progress, Traits, usage};
use crate::client::State;
use crate::show::{Notice, failing, saying};

/// How many messages are shown at once at most.
const MOST: usize = 1_000;

pub(super) const LAST: Command = Command {
    name: "last",
    aliases: &[],
    usage: "\\last [N]",
    about: "the last N that mentioned you; again: before that",
    argument: Argument::Text,
    optional: true,
    group: Group::Reading,
    examples: &["\\last", "\\last 10"],
    traits: Traits::NONE,
    run,
};

fn run(state: &mut State, args: &str) -> Result<Progress, CommandError> {
    let count = match args {
        "" => 1,
        args => args.parse().ok().filter(|count| *count > 0).ok_or_else(|| usage(&LAST))?,
    };
    // With a number it begins with the newest messages; without one, it goes on from where it was.
    let walk = state.user.mentions.take().filter(|_| args.is_empty());
    let before = walk.is_some();
    let (found, walk) = state.mentions_before(walk.unwrap_or_default(), MOST.min(count));
    let found = found.map_err(failing::History::Unsearchable)?;
    state.user.mentions = Some(walk);
    if found.is_empty() {
        state.emit(saying::History::NotMentioned { before }.into());
        return Ok(Progress::Done);
    }
    found.into_iter().for_each(|message| state.emit(Notice::Kept(message)));
    if state.screen.is_terminal() && !before {
        state.emit(saying::History::Mentioned.into());
    }
    Ok(Progress::Done)
}
