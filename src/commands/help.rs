//! `\help [COMMAND]`: shows all commands, or one of them.

use super::verify::VERIFY;
use super::{Argument, COMMANDS, Command, CommandError, Group, Progress, Traits, find, help_rows};
use crate::client::State;
use crate::show::{Notice, failing, saying};

pub(super) const HELP: Command = Command {
    name: "help",
    aliases: &["h", "?"],
    usage: "\\help [COMMAND]",
    about: "the list, or one command's usage",
    argument: Argument::Command,
    optional: true,
    group: Group::Program,
    examples: &["\\help fork"],
    traits: Traits::NONE,
    run,
};

fn run(state: &mut State, args: &str) -> Result<Progress, CommandError> {
    let commands = match args.trim_start_matches('\\') {
        "" => {
            // If a program has the name of one of hobnob's own commands, hobnob's command wins.
            let own = state.plugins.rows().into_iter().filter(|row| find(&row.name).is_none());
            let shown: Vec<Command> = COMMANDS
                .iter()
                .filter(|it| it.group != Group::Operators || state.is_operator)
                .copied()
                .collect();
            help_rows(&shown).into_iter().chain(own).collect()
        }
        word => match find(word) {
            Some(command) => help_rows(std::slice::from_ref(command)),
            None if state.plugins.has(word) => {
                state.plugins.rows().into_iter().filter(|row| row.name == word).collect()
            }
            None => return Err(failing::Input::NoHelp(word).into()),
        },
    };
    state.emit(Notice::Help { commands });
    if let Some(command) = find(args.trim_start_matches('\\')) {
        tell_more(state, command);
    }
    Ok(Progress::Done)
}

/// Tells what the row of a command has no room for.
fn tell_more(state: &mut State, command: &Command) {
    if command.traits.answers_askers {
        state.emit(saying::Private::AloneTellsWhoWaits { command: command.name }.into());
    }
    if command.name == VERIFY.name {
        state.emit(saying::Verification::AfterNo.into());
    }
}
