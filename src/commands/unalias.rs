//! `\unalias NAME`: removes an alias.

use super::{Argument, Command, CommandError, Group, Progress, Traits};
use crate::client::State;
use crate::show::{failing, saying};

pub(super) const UNALIAS: Command = Command {
    name: "unalias",
    aliases: &[],
    usage: "\\unalias NAME",
    about: "take an alias back",
    argument: Argument::Alias,
    optional: false,
    group: Group::Yours,
    examples: &["\\unalias brb"],
    traits: Traits::NONE,
    run,
};

fn run(state: &mut State, args: &str) -> Result<Progress, CommandError> {
    let name = args.trim_start_matches('\\');
    if state.user.aliases.get(name).is_none() {
        return Err(failing::User::NoAliasToRemove(name).into());
    }
    state.user.aliases.set(name, None).map_err(failing::User::NotKept)?;
    state.emit(saying::User::AliasRemoved { name }.into());
    Ok(Progress::Done)
}
