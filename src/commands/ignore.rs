//! `\ignore [NAME]`: hides everything that a user says, in the lobby and in private, and lets him open no private
//! session. Without a name, it lists the ignored users.

use hobnob_protocol::message::ClientMessage;

use super::{Argument, Command, CommandError, Group, Progress, Traits};
use crate::client::State;
use crate::client::questions::Question;
use crate::show::{failing, saying};

pub(super) const IGNORE: Command = Command {
    name: "ignore",
    aliases: &[],
    usage: "\\ignore [NAME]",
    about: "hear no more of NAME; alone, list them",
    argument: Argument::User,
    optional: true,
    group: Group::People,
    examples: &["\\ignore bobby", "\\ignore"],
    traits: Traits::NONE,
    run,
};

fn run(state: &mut State, args: &str) -> Result<Progress, CommandError> {
    if args.is_empty() {
        list(state);
        return Ok(Progress::Done);
    }
    let name = state.parse_name(args)?;
    if name == state.me.name {
        return Err(failing::User::IgnoreYourself.into());
    }
    if let Some(key) = state.met_key(&name)? {
        state.ignore(&name, &key)?;
        return Ok(Progress::Done);
    }
    state.require_lobby_up()?;
    let request = state.ask(Question::Ignore, IGNORE.name, |request| ClientMessage::Whois { request, name });
    Ok(Progress::Answer(request))
}

fn list(state: &mut State) {
    let names: Vec<&str> = state.user.ignored.iter().map(|(_, name)| name).collect();
    let list = saying::User::Ignored { names: &names }.into();
    state.emit(list);
}
