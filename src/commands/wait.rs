//! `\wait [SECONDS]`: for scripts, goes on after that time.

use std::time::Duration;

use tokio::time::Instant;

use super::{Argument, Command, CommandError, Progress, usage};
use crate::state::State;

/// The longest wait, in seconds: a day.
const LONGEST: f64 = 86_400.0;

pub(super) const WAIT: Command = Command {
    name: "wait",
    aliases: &[],
    usage: "\\wait [SECONDS]",
    about: "for scripts: go on after that time (default 1)",
    argument: Argument::Text,
    optional: true,
    run,
};

fn run(_state: &mut State, args: &str) -> Result<Progress, CommandError> {
    let seconds = match args {
        "" => 1.0,
        number => {
            number.parse().ok().filter(|it| (0.0..=LONGEST).contains(it)).ok_or_else(|| usage(&WAIT))?
        }
    };
    Ok(Progress::Until(Instant::now() + Duration::from_secs_f64(seconds)))
}
