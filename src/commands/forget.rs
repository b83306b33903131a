//! `\forget NAME [--talk]`: takes back that a key was pinned, and what was refused of it.

use super::{Argument, Command, CommandError, Group, Progress, Traits};
use crate::client::State;
use crate::show::{ErrorCode, Notice};

/// What is written after the name when the kept talk is to go, too.
const TALK: &str = "--talk";

pub(super) const FORGET: Command = Command {
    name: "forget",
    aliases: &[],
    usage: "\\forget NAME",
    about: "unpin a key; --talk: your talk goes, too",
    argument: Argument::User,
    optional: false,
    group: Group::People,
    examples: &["\\forget bobby", "\\forget bobby --talk"],
    traits: Traits::NONE,
    run,
};

fn run(state: &mut State, args: &str) -> Result<Progress, CommandError> {
    let (name, with_talk) = match args.strip_suffix(TALK) {
        Some(name) if name.ends_with(char::is_whitespace) => (name.trim_end(), true),
        _ => (args, false),
    };
    let name = state.parse_name(name)?;
    let pin = state.trust.forget(&name).map_err(|err| {
        CommandError::new(ErrorCode::Refused, format!("{name}'s key could not be forgotten: {err}"))
    })?;
    let key = pin.as_ref().map(|pin| pin.key).or_else(|| state.strangers.forgotten(&name));
    let was_refused = state.strangers.forgive(&name, key.as_ref());
    if let Some(pin) = &pin {
        state.strangers.forgot(&name, pin.key);
        let fingerprint = pin.key.fingerprint();
        state.emit(Notice::say(format!("{name}'s key {fingerprint} is not pinned in this lobby any more")));
    }
    if was_refused {
        state.emit(Notice::say(format!("private sessions of {name} are not refused any more")));
    }
    let has_talk = key.as_ref().is_some_and(|key| state.keeps_talk_with(key));
    match key.filter(|_| has_talk) {
        Some(key) if with_talk => {
            if !state.forget_talk_with(&key) {
                let text =
                    format!("what was said with {name} in private could not be removed yet; try again");
                return Err(CommandError::new(ErrorCode::Refused, text));
            }
            state.emit(Notice::say(format!("what was said with {name} in private is removed here")));
        }
        Some(_) if state.screen.is_terminal() => {
            state.emit(Notice::say(format!(
                "what was said with {name} in private is kept; shall it go, too?"
            )));
            state.user.wants_yes = Some(format!("\\forget {name} {TALK}"));
        }
        Some(_) => state.emit(Notice::say(format!(
            "what was said with {name} in private is kept; \\forget {name} {TALK} removes it"
        ))),
        None if pin.is_none() && !was_refused => {
            let text = format!("no key of {name} is pinned in this lobby, and nothing of {name} is refused");
            return Err(CommandError::new(ErrorCode::NoSuchUser, text));
        }
        None => {}
    }
    Ok(Progress::Done)
}
