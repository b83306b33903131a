//! `\history [N] [NAME]`: shows old messages of the current session, as far as they are kept; or of private talk with a
//! user, who need not be online. Where several users had one name, the beginning of a fingerprint says which of them.

use hobnob_protocol::key::PublicKey;
use hobnob_protocol::message::ClientMessage;
use hobnob_protocol::name::UserName;

use super::{Argument, Command, CommandError, Group, Progress, Traits, usage};
use crate::client::State;
use crate::client::found::Search;
use crate::client::old_messages::{OldMessages, Wanted};
use crate::client::questions::Question;
use crate::data::history::ReadUntil;
use crate::data::history::question::{In, Question as Kept};
use crate::session::{LinkState, SessionId};
use crate::show::{Notice, failing, saying};

/// How many messages are shown if no number is given.
const DEFAULT_COUNT: u32 = 20;

/// How a fingerprint begins, and no name.
const FINGERPRINT: &str = "SHA256:";

/// What people call session 0.
const LOBBY: &str = "lobby";

pub(super) const HISTORY: Command = Command {
    name: "history",
    aliases: &["hist"],
    usage: "\\history [N NAME]",
    about: "the last N messages here, or with NAME in private",
    argument: Argument::Text,
    optional: true,
    group: Group::Reading,
    examples: &["\\hist", "\\hist 100", "\\hist 50 bobby"],
    traits: Traits::NONE,
    run,
};

/// With whom private talk was.
#[derive(Debug, PartialEq, Eq)]
enum Whom {
    /// With the user of this name.
    Named(UserName),
    /// With the user whose key has a fingerprint that begins so.
    Key(String),
}

fn run(state: &mut State, args: &str) -> Result<Progress, CommandError> {
    let (count, whom) = parse(args)?;
    match whom {
        Some(Whom::Named(name)) => return with_name(state, count as usize, &name),
        Some(Whom::Key(beginning)) => return with_key(state, count as usize, &beginning),
        None => {}
    }
    let Some(session) = state.sessions.current() else {
        return Err(failing::Sessions::NothingToShow.into());
    };
    if state.sessions.is_log(session) && state.sessions.state(session) == LinkState::Up {
        return Ok(Progress::Answer(ask(state, session, count)));
    }
    if !state.show_recent(session, count as usize) {
        state.emit(saying::History::OlderNotAtHand.into());
    }
    Ok(Progress::Done)
}

/// Reads a number, a user, or both.
fn parse(args: &str) -> Result<(u32, Option<Whom>), CommandError> {
    let count = |text: &str| text.parse().ok().filter(|count| *count > 0);
    let words: Vec<&str> = args.split_whitespace().collect();
    match words.as_slice() {
        [] => Ok((DEFAULT_COUNT, None)),
        [word] => match count(word) {
            Some(count) => Ok((count, None)),
            None if word.bytes().all(|it| it.is_ascii_digit()) => Err(usage(&HISTORY)),
            None => Ok((DEFAULT_COUNT, Some(whom(word)?))),
        },
        [number, word] => Ok((count(number).ok_or_else(|| usage(&HISTORY))?, Some(whom(word)?))),
        _ => Err(usage(&HISTORY)),
    }
}

/// Reads a user's name, or the beginning of a fingerprint. Whoever names a room is told where its messages are shown.
fn whom(word: &str) -> Result<Whom, CommandError> {
    if word.strip_prefix(FINGERPRINT).is_some_and(|beginning| !beginning.is_empty()) {
        return Ok(Whom::Key(word.to_owned()));
    }
    if let Some(Ok(room)) = word.strip_prefix('#').map(str::parse) {
        return Err(failing::History::OfRoom(&room).into());
    }
    word.parse().map(Whom::Named).map_err(|_| usage(&HISTORY))
}

/// Returns the failure for a name of which no private talk is kept.
fn no_talk(state: &State, name: &UserName) -> CommandError {
    let room = name.as_str().parse().ok().filter(|room| state.sessions.with_room(room).is_some());
    match room {
        Some(room) => failing::History::OfRoom(&room).into(),
        None if name.folded() == LOBBY => failing::History::OfLobby.into(),
        None => failing::History::NoTalk(name).into(),
    }
}

/// Shows private talk with the user of this name, from all runs. The key decides which user that is.
fn with_name(state: &mut State, count: usize, name: &UserName) -> Result<Progress, CommandError> {
    let open = state.session_named(name)?;
    if let Some(session) = open.filter(|_| !state.keeping.history.is_on()) {
        state.show_recent(session, count);
        return Ok(Progress::Done);
    }
    let Some(key) = state.key_in_private(name).map_err(failing::History::Unreadable)? else {
        return Err(no_talk(state, name));
    };
    state.tell_of_unheard(name, &key);
    show_talk(state, count, key)
}

/// Shows private talk with the user whose key has a fingerprint that begins so.
fn with_key(state: &mut State, count: usize, beginning: &str) -> Result<Progress, CommandError> {
    let talk = state.keeping.history.talk_with_key(beginning).map_err(failing::History::Unreadable)?;
    let (key, name) = talk.ok_or_else(|| usage(&HISTORY))?;
    state.tell_of_unheard(&name, &key);
    show_talk(state, count, key)
}

fn show_talk(state: &mut State, count: usize, key: PublicKey) -> Result<Progress, CommandError> {
    let failed = failing::History::Unreadable;
    let search = Search::new(Kept { place: In::WithKey(key), ..Kept::default() });
    let (said, _) = state.search(search, count).map_err(failed)?;
    let of_other = said.iter().filter(|it| it.key == Some(key)).count() as u64;
    said.into_iter().for_each(|message| state.emit(Notice::Kept(message)));
    if state.screen.is_terminal() {
        // What was not shown stays unread.
        let talks = state.keeping.history.unread_talks().map_err(failed)?;
        match talks.iter().find(|talk| talk.key == key).filter(|talk| talk.count > of_other) {
            Some(talk) => state.tell_unread_of(talk),
            None => state.keeping.history.read_talk(key, ReadUntil::Now),
        }
    }
    Ok(Progress::Done)
}

/// Asks the server for the newest messages, until `count` of them are texts.
fn ask(state: &mut State, session: SessionId, count: u32) -> u32 {
    let (newest, room) = (state.heads.of(session), state.room_of(session));
    let (old, Wanted { limit, before }) = OldMessages::last(session, count, newest);
    let question = Question::History(Box::new(old));
    state.ask(question, HISTORY.name, |request| ClientMessage::History { request, limit, room, before })
}
