//! `\fork NAME`: a private session with somebody in the lobby.

use hobnob_protocol::message::ClientMessage;

use super::{Argument, Command, CommandError, Group, Progress};
use crate::client::State;
use crate::client::questions::Question;
use crate::session::{LinkState, Mode, PeerSession};
use crate::show::{ErrorCode, Notice};

pub(super) const FORK: Command = Command {
    name: "fork",
    aliases: &[],
    usage: "\\fork NAME",
    about: "a private session with NAME, from the lobby",
    argument: Argument::User,
    optional: false,
    group: Group::People,
    examples: &["\\fork bobby"],
    run,
};

fn run(state: &mut State, args: &str) -> Result<Progress, CommandError> {
    state.require_in_lobby()?;
    let name = state.parse_name(args)?;
    state.require_lobby_up()?;
    if name == state.me.name {
        return Err(CommandError::new(
            ErrorCode::SelfFork,
            "that is you; a session takes two, \\users shows who else is here",
        ));
    }
    if let Some(session) = state.sessions.with_name(&name) {
        let text = format!("session {session} with {name} is there already: \\sw {session}");
        return Err(CommandError::new(ErrorCode::AlreadyForked, text));
    }
    let session = state.sessions.add(PeerSession {
        peer: name.clone(),
        key: None,
        mode: Mode::A,
        state: LinkState::Connecting,
        unread: 0,
    });
    state.emit(Notice::Forking { session, peer: name.clone() });
    // At once: what is typed from now on is meant for the peer and must not reach the lobby.
    state.sessions.switch(session);
    // The other is opening a session with this user already: it is the one.
    if state.join_inbound(session, &name) {
        return Ok(Progress::Opening(session));
    }
    state.ask(Question::Pair(session), FORK.name, |request| ClientMessage::Pair {
        request,
        name,
        session: None,
    });
    Ok(Progress::Opening(session))
}
