//! `\wait`: lets a script go on after a time, or when something has happened.

use std::time::Duration;

use hobnob_protocol::room::RoomName;
use tokio::time::Instant;

use super::{Argument, Command, CommandError, Group, Progress, Traits};
use crate::client::State;
use crate::client::waiting::Condition;
use crate::show::failing::Worded;
use crate::show::{ErrorCode, failing};

/// The longest wait, in seconds: a day.
const LONGEST: f64 = 86_400.0;

/// How long a condition is waited for if no time is given.
const PATIENCE: Duration = Duration::from_secs(30);

pub(super) const WAIT: Command = Command {
    name: "wait",
    aliases: &[],
    usage: "\\wait [SECONDS]",
    about: "scripts: a time, or until something happens",
    argument: Argument::Text,
    optional: true,
    group: Group::Program,
    examples: &["\\wait 2", "\\wait message bobby", "\\wait opened", "\\wait joined tea", "\\wait users 2"],
    traits: Traits { for_scripts: true, not_for_programs: true, ..Traits::NONE },
    run,
};

/// What a script wants to wait for.
#[derive(Debug, PartialEq)]
enum Wait {
    Time(Duration),
    For(Condition, Duration),
}

fn run(state: &mut State, args: &str) -> Result<Progress, CommandError> {
    match parse(args)? {
        Wait::Time(time) => Ok(Progress::Until(Instant::now() + time)),
        Wait::For(condition, patience) => Ok(match state.watch_for(condition, patience) {
            true => Progress::Watched,
            false => Progress::Done,
        }),
    }
}

fn parse(args: &str) -> Result<Wait, CommandError> {
    let words: Vec<&str> = args.split_whitespace().collect();
    match words[..] {
        [] => Ok(Wait::Time(Duration::from_secs(1))),
        ["message", from, ref rest @ ..] => {
            let from = from.parse().map_err(|err| Worded::new(ErrorCode::BadName, err))?;
            Ok(Wait::For(Condition::Message { from }, patience(rest)?))
        }
        ["opened", ref rest @ ..] => Ok(Wait::For(Condition::Opened, patience(rest)?)),
        ["joined", room, ref rest @ ..] => {
            let room = RoomName::typed(room).map_err(failing::Room::NoName)?;
            Ok(Wait::For(Condition::Joined { room }, patience(rest)?))
        }
        ["users", number, ref rest @ ..] => {
            let at_least = number.parse().map_err(|_| misused())?;
            Ok(Wait::For(Condition::Users { at_least }, patience(rest)?))
        }
        [number] => Ok(Wait::Time(seconds(number)?)),
        _ => Err(misused()),
    }
}

fn patience(rest: &[&str]) -> Result<Duration, CommandError> {
    match rest {
        [] => Ok(PATIENCE),
        [number] => seconds(number),
        _ => Err(misused()),
    }
}

fn seconds(number: &str) -> Result<Duration, CommandError> {
    let seconds: Option<f64> = number.parse().ok();
    let seconds = seconds.filter(|seconds| (0.0..=LONGEST).contains(seconds)).ok_or_else(misused)?;
    Ok(Duration::from_secs_f64(seconds))
}

fn misused() -> CommandError {
    failing::Input::WaitUsage.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_conditions_of_a_wait_are_distinguished() {
        let second = Duration::from_secs(1);
        assert_eq!(parse("").unwrap(), Wait::Time(second));
        assert_eq!(parse("2").unwrap(), Wait::Time(2 * second));
        assert_eq!(parse("opened").unwrap(), Wait::For(Condition::Opened, PATIENCE));
        let from = "7".parse().unwrap();
        assert_eq!(parse("message 7").unwrap(), Wait::For(Condition::Message { from }, PATIENCE));
        assert_eq!(parse("users  3  1").unwrap(), Wait::For(Condition::Users { at_least: 3 }, second));
        for bad in [
            "soon",
            "-1",
            "nan",
            "1e9",
            "1 2",
            "message",
            "users",
            "users x",
            "joined",
            "opened x",
            "opened 1 2",
        ] {
            assert_eq!(parse(bad).unwrap_err().code(), ErrorCode::Usage, "{bad}");
        }
        assert_eq!(parse("message a/b").unwrap_err().code(), ErrorCode::BadName);
    }
}
