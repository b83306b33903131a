//! `\unignore NAME`: shows again what a user says.

use super::{Argument, Command, CommandError, Group, Progress, Traits};
use crate::client::State;
use crate::show::{failing, saying};

pub(super) const UNIGNORE: Command = Command {
    name: "unignore",
    aliases: &[],
    usage: "\\unignore NAME",
    about: "show again what NAME says",
    argument: Argument::Ignored,
    optional: false,
    group: Group::People,
    examples: &["\\unignore bobby"],
    traits: Traits::NONE,
    run,
};

fn run(state: &mut State, args: &str) -> Result<Progress, CommandError> {
    let name = state.parse_name(args)?;
    // The key is looked up as well, because an ignored user may have another name by now.
    // Which of two users of one name was ignored, the list itself tells.
    let key = state.met_key(&name).ok().flatten().map(|key| key.to_string());
    let found: Vec<String> = state
        .user
        .ignored
        .iter()
        .filter(|(ignored, known)| {
            key.as_deref() == Some(*ignored) || known.parse().is_ok_and(|it| name == it)
        })
        .map(|(ignored, _)| ignored.to_owned())
        .collect();
    if found.is_empty() {
        return Err(failing::User::NotIgnored(&name).into());
    }
    for key in found {
        state.user.ignored.set(&key, None).map_err(failing::User::NotKept)?;
    }
    state.emit(saying::User::Unignored { name: &name }.into());
    Ok(Progress::Done)
}
