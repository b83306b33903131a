//! `\allow [NAME]`: lets one of the user's own programs do what it asks for. Without a name, it lists the programs.

use super::{Argument, Command, CommandError, Group, Progress, Traits};
use crate::client::State;
use crate::show::failing::Worded;
use crate::show::{ErrorCode, failing, saying};

pub(super) const ALLOW: Command = Command {
    name: "allow",
    aliases: &[],
    usage: "\\allow [NAME]",
    about: "let program hobnob-NAME be \\NAME; alone, list them",
    argument: Argument::Program,
    optional: true,
    group: Group::Yours,
    examples: &["\\allow", "\\allow weather"],
    traits: Traits { not_for_programs: true, ..Traits::NONE },
    run,
};

fn run(state: &mut State, args: &str) -> Result<Progress, CommandError> {
    if args.is_empty() {
        list(state);
        return Ok(Progress::Done);
    }
    let name = args.trim_start_matches('\\');
    if super::find(name).is_some() {
        return Err(failing::Plugin::HobnobsOwn(name).into());
    }
    let allowed = state.plugins.allow(name);
    allowed.map(Progress::Plugin).map_err(|err| Worded::new(ErrorCode::Refused, err).into())
}

fn list(state: &mut State) {
    let programs = state.plugins.all().into_iter();
    let programs = programs.map(|(name, description)| (name, description.map(|it| it.wants())));
    let programs: Vec<(String, Option<String>)> = programs.collect();
    state.emit(saying::Plugin::All { programs: &programs }.into());
}
