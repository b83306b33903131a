//! `\fork NAME`: asks for a private session with a user in the lobby.

use hobnob_protocol::message::ClientMessage;
use hobnob_protocol::name::UserName;

use super::{Argument, Command, CommandError, Group, Leads, Progress, Traits};
use crate::client::State;
use crate::client::questions::Question;
use crate::session::{LinkState, Mode, PeerSession, SessionId};
use crate::show::{Notice, failing, saying};

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
    let name = state.parse_name(args);
    // A person who forks a user means the next line for that user, whoever of the two forked first. A script learns by
    // an error that its session is not the one that it asked for.
    if state.screen.is_terminal()
        && let Ok(name) = &name
        && let Some(session) = state.session_named(name)?
    {
        return go_to(state, session);
    }
    state.require_in_lobby()?;
    let name = name?;
    if let Some(session) = state.session_named(&name)? {
        state.require_lobby_up()?;
        return Err(failing::Private::AlreadyForked { session, name: &name }.into());
    }
    check(state, &name)?;
    let session = add(state, &name);
    // The session is current at once, because a text typed from now on is meant for the peer and must not reach the
    // lobby.
    state.sessions.switch(session);
    open(state, session, name, FORK.name);
    Ok(Progress::Opening(session))
}

/// Makes a session current that was there before the user was forked.
fn go_to(state: &mut State, session: SessionId) -> Result<Progress, CommandError> {
    if let Some(peer) = state.sessions.peer(session) {
        let (name, is_open) = (peer.peer.clone(), peer.state != LinkState::Connecting);
        state.emit(saying::Private::IsThereAlready { session, name: &name, is_open }.into());
    }
    state.switch(session)?;
    Ok(Progress::Done)
}

/// Checks whether a session may be asked for, with a user with whom there is none yet.
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

/// Adds a session with a user; it has no link yet.
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
    // If that user waits for an answer, this is the answer: the server knows that both want the same.
    state.knocks.answered_by_fork(&name);
    // If the other user is already opening a session with this user, that session is used.
    if state.join_inbound(session, &name) {
        return;
    }
    state.ask_after(&name);
    let question = Question::Pair(session);
    state.ask(question, command, |request| ClientMessage::Pair { request, name, session: None });
}
