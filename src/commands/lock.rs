//! `\lock [DURATION|always]`: lets in, and lets speak, only users whose names are older than an hour, and users whom an
//! operator admitted.

use super::{Argument, Command, CommandError, Group, Progress, Traits, usage};
use crate::client::State;
use crate::client::operators::Doing;
use crate::input::duration;

pub(super) const LOCK: Command = Command {
    name: "lock",
    aliases: &[],
    usage: "\\lock [DURATION|always]",
    about: "only names older than 1h join or speak, for 1h",
    argument: Argument::Text,
    optional: true,
    group: Group::Operators,
    examples: &["\\lock 2h", "\\lock always"],
    traits: Traits::NONE,
    run,
};

/// How long a lock holds if no duration is given, in seconds. It ends by itself, even if the operator who locked the
/// lobby forgets it.
const AN_HOUR: u64 = 3600;

fn run(state: &mut State, args: &str) -> Result<Progress, CommandError> {
    let lasts = match args {
        "" => Some(AN_HOUR),
        "always" => None,
        other => Some(duration::parse(other).ok_or_else(|| usage(&LOCK))?),
    };
    state.operate(Doing { lasts, ..Doing::of("lock") }, LOCK.name).map(Progress::Acted)
}
