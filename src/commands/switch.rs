//! `\switch N`: makes another session current.

use hobnob_protocol::room::RoomName;

use super::{Argument, Command, CommandError, Group, Leads, Progress, Traits};
use crate::client::State;
use crate::session::SessionId;
use crate::show::failing;

pub(crate) const SWITCH: Command = Command {
    name: "switch",
    aliases: &["sw"],
    usage: "\\switch N",
    about: "make session N current; takes a name, too",
    argument: Argument::Session,
    optional: false,
    group: Group::Sessions,
    examples: &["\\sw 1", "\\sw bobby", "\\sw #tea"],
    traits: Traits { leads: Leads::ToSession, ..Traits::NONE },
    run,
};

fn run(state: &mut State, args: &str) -> Result<Progress, CommandError> {
    let session = find(state, args)?;
    let is_by_number = args.parse() == Ok(session.0);
    // Another user may have the name by now. A number is certain.
    if !is_by_number
        && state.sessions.peer(session).is_some()
        && let Ok(name) = args.parse()
    {
        state.session_named(&name)?;
    }
    state.switch(session)?;
    Ok(Progress::Done)
}

/// Finds the session that the arguments name. A number is the number of a session, even if a user has it as his name. A
/// name is that of a user before it is that of a room, unless `#` stands before it. `lobby` is the lobby, unless a user
/// has that name.
pub(super) fn find(state: &State, args: &str) -> Result<SessionId, CommandError> {
    let by_number = args.parse().ok().map(SessionId).filter(|id| state.sessions.contains(*id));
    let by_name = || args.parse().ok().and_then(|name| state.sessions.with_name(&name));
    let by_room = || RoomName::typed(args).ok().and_then(|room| state.sessions.with_room(&room));
    let lobby = || args.eq_ignore_ascii_case("lobby").then_some(SessionId::LOBBY);
    by_number
        .or_else(by_name)
        .or_else(by_room)
        .or_else(lobby)
        .ok_or_else(|| failing::Sessions::NoSuch(args).into())
}
