//! `\unalias NAME`: takes an alias back.

use super::{Argument, Command, CommandError, Group, Progress, Traits, alias};
use crate::client::State;
use crate::show::{ErrorCode, Saying};

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
        let text = format!("there is no alias {name}; \\alias lists them");
        return Err(CommandError::new(ErrorCode::Usage, text));
    }
    state.user.aliases.set(name, None).map_err(|err| alias::not_kept(&err))?;
    state.emit(Saying::AliasRemoved { name }.into());
    Ok(Progress::Done)
}
