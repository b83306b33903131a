//! `\whois NAME`: shows who a user in the lobby is.

use hobnob_protocol::message::ClientMessage;

use super::{Argument, Command, CommandError, Group, Progress, Traits};
use crate::client::State;
use crate::client::questions::Question;

pub(super) const WHOIS: Command = Command {
    name: "whois",
    aliases: &[],
    usage: "\\whois NAME",
    about: "key, seen first, pinned; here since; away",
    argument: Argument::User,
    optional: false,
    group: Group::People,
    examples: &["\\whois bobby"],
    traits: Traits::NONE,
    run,
};

fn run(state: &mut State, args: &str) -> Result<Progress, CommandError> {
    let name = state.parse_name(args)?;
    state.require_lobby_up()?;
    let request = state.ask(Question::Whois, WHOIS.name, |request| ClientMessage::Whois { request, name });
    Ok(Progress::Answer(request))
}
