//! `\fork NAME`: a private session with somebody in the lobby.

use hobnob_protocol::message::ClientMessage;
use hobnob_protocol::name::UserName;

use super::{Argument, Command, CommandError, Group, Leads, Progress, Traits};
use crate::client::State;
use crate::client::questions::Question;
use crate::session::{LinkState, Mode, PeerSession, SessionId};
use crate::show::{Notice, failing};

pub(super) const FORK: Command = Command {
    name: "fork",
    aliases: &[],
    usage: "\\fork NAME",
    about: "a private session with NAME, from lobby or room",
    argument: Argument::User,
    optional: false,
    group: Group::People,
    examples: &["\\fork bobby"],
    traits: Traits { leads: Leads::ToUser, ..Traits::NONE },
    run,
};

fn run(state: &mut State, args: &str) -> Result<Progress, CommandError> {
    state.require_in_lobby()?;
    let name = state.parse_name(args)?;
    if let Some(session) = state.sessions.with_name(&name) {
        state.require_lobby_up()?;
        return Err(failing::Private::AlreadyForked { session, name: &name }.into());
    }
    check(state, &name)?;
    let session = add(state, &name);
    // At once: what is typed from now on is meant for the peer and must not reach the lobby.
    state.sessions.switch(session);
    open(state, session, name, FORK.name);
    Ok(Progress::Opening(session))
}

/// Whether a session with somebody who has none yet may be asked for.
pub(super) fn check(state: &State, name: &UserName) -> Result<(), CommandError> {
    state.require_lobby_up()?;
    if *name == state.me.name {
        return Err(failing::Private::Yourself.into());
    }
    if state.trust.pin_of(name).is_ok_and(|pin| pin.is_some_and(|pin| pin.refused)) {
        return Err(failing::Verification::KeyRefused(name).into());
    }
    Ok(())
}

/// Adds a session with somebody; it has no link yet.
pub(super) fn add(state: &mut State, name: &UserName) -> SessionId {
    let session = state.sessions.add(PeerSession {
        peer: name.clone(),
        key: None,
        mode: Mode::A,
        state: LinkState::Connecting,
        verified: false,
        path: None,
        unread: 0,
    });
    state.emit(Notice::Forking { session, peer: name.clone() });
    session
}

/// Asks for the link of a session that was added, for the command of this name.
pub(super) fn open(state: &mut State, session: SessionId, name: UserName, command: &'static str) {
    state.private_links.opens_for(session, command);
    // Who waits for an answer has it by that: the server knows that both want the same.
    state.knocks.take(&name);
    // The other is opening a session with this user already: it is the one.
    if state.join_inbound(session, &name) {
        return;
    }
    state.ask_after(&name);
    let question = Question::Pair(session);
    state.ask(question, command, |request| ClientMessage::Pair { request, name, session: None });
}
