//! `\alias [NAME TEXT]`: makes a command of the user's own, which stands for a text or a command.

use super::{Argument, Command, CommandError, Group, Progress, Traits};
use crate::client::State;
use crate::input::aliases;
use crate::show::failing::Worded;
use crate::show::{ErrorCode, Notice, failing, saying};

pub(super) const ALIAS: Command = Command {
    name: "alias",
    aliases: &[],
    usage: "\\alias [NAME TEXT]",
    about: "\\NAME stands for TEXT or a command; alone, all",
    argument: Argument::Text,
    optional: true,
    group: Group::Yours,
    examples: &["\\alias brb be right back", "\\alias w \\whois $*", "\\alias hi hello $*, good to see you"],
    traits: Traits::NONE,
    run,
};

fn run(state: &mut State, args: &str) -> Result<Progress, CommandError> {
    let (name, text) = args.split_once(char::is_whitespace).unwrap_or((args, ""));
    let (name, text) = (name.trim_start_matches('\\'), text.trim());
    if name.is_empty() {
        list(state);
        return Ok(Progress::Done);
    }
    if text.is_empty() {
        return tell_one(state, name);
    }
    if let Some(command) = super::find(name) {
        return Err(failing::User::AliasIsCommand(command.name).into());
    }
    aliases::check(name).map_err(|err| Worded::new(ErrorCode::Usage, err))?;
    state.user.aliases.set(name, Some(text)).map_err(failing::User::NotKept)?;
    state.emit(saying::User::Alias { name, text }.into());
    Ok(Progress::Done)
}

fn list(state: &mut State) {
    let mut lines: Vec<Notice> =
        state.user.aliases.iter().map(|(name, text)| saying::User::Alias { name, text }.into()).collect();
    if lines.is_empty() {
        lines.push(saying::User::NoAliases.into());
    }
    lines.into_iter().for_each(|line| state.emit(line));
}

fn tell_one(state: &mut State, name: &str) -> Result<Progress, CommandError> {
    match state.user.aliases.get(name) {
        Some(text) => {
            let line = saying::User::Alias { name, text }.into();
            state.emit(line);
            Ok(Progress::Done)
        }
        None => Err(failing::User::NoAliasToShow(name).into()),
    }
}
