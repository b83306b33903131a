//! Everything that a run of the client knows, and what commands and events do to it. Only the app's loop owns the
//! [`State`], and nothing here awaits anything. Each part of the state and each kind of event has a file of its own.
//! These files know neither the commands nor the loop, which both stand above them.

pub(crate) mod acts;
mod alike_notices;
mod answers;
pub(crate) mod away;
mod beginning;
pub(crate) mod command_error;
mod consent;
mod early_texts;
mod elsewhere;
pub(crate) mod found;
pub(crate) mod heads;
pub(crate) mod ignored;
mod inbound;
pub(crate) mod keeping;
pub(crate) mod knocks;
pub(crate) mod known_names;
pub(crate) mod ledger;
mod lobby;
mod lobby_end;
pub(crate) mod look_alikes;
pub(crate) mod mentions;
pub(crate) mod missed;
mod name_holders;
pub(crate) mod old_messages;
pub(crate) mod operators;
mod peer_notices;
mod plugins;
mod private;
pub(crate) mod private_links;
pub(crate) mod questions;
mod read_marks;
pub(crate) mod recent;
mod repeats;
pub(crate) mod rooms;
mod sent_away;
pub(crate) mod stalls;
pub(crate) mod strangers;
mod summaries;
mod texts;
pub(crate) mod topics;
pub(crate) mod unread;
mod unread_private;
pub(crate) mod user;
pub(crate) mod verifications;
mod verifying;
mod wait;
pub(crate) mod waiting;

use std::collections::BTreeMap;

use hobnob_protocol::key::Fingerprint;
use hobnob_protocol::message::ClientMessage;
use hobnob_protocol::name::UserName;

use crate::client::acts::Acts;
use crate::client::away::AwayTold;
pub(crate) use crate::client::beginning::Given;
use crate::client::command_error::CommandError;
use crate::client::heads::Heads;
use crate::client::keeping::Keeping;
use crate::client::knocks::Knocks;
use crate::client::known_names::KnownNames;
use crate::client::ledger::Ledger;
use crate::client::look_alikes::LookAlikes;
use crate::client::missed::Missed;
use crate::client::name_holders::NameHolders;
use crate::client::private_links::PrivateLinks;
use crate::client::questions::{Question, Questions};
use crate::client::read_marks::Notes;
use crate::client::recent::Recent;
use crate::client::repeats::Repeats;
use crate::client::rooms::Rooms;
use crate::client::strangers::Strangers;
use crate::client::summaries::Summaries;
use crate::client::topics::Topics;
use crate::client::unread::Unread;
use crate::client::user::User;
use crate::client::verifications::Verifications;
use crate::client::waiting::Watch;
use crate::data::trust::LobbyTrust;
use crate::lobby::handle::LobbyHandle;
use crate::plugins::Plugins;
use crate::screen::Screen;
use crate::session::{LinkState, SessionId, Sessions};
use crate::show::failing::Worded;
use crate::show::unsent::LobbyEnded;
use crate::show::{ErrorCode, Failure, Message, Notice, failing, mention};
use crate::timestamp::Timestamp;

/// Who this user is in this lobby.
#[derive(Debug, Clone)]
pub struct Me {
    /// The name in the lobby.
    pub name: UserName,
    /// The short form of this user's key.
    pub fingerprint: Fingerprint,
    /// Whether this process hosts the lobby, which makes this user an operator.
    pub hosts: bool,
}

/// How the run went so far, for its exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ExitVerdict {
    /// Nothing has failed so far.
    Done,
    /// A command failed or a message was not delivered.
    Failed,
    /// An operator sent this user out of the lobby.
    SentOut,
    /// A key was not the one that was trusted.
    KeyChanged,
}

/// Everything that a run of the client knows.
#[derive(Debug)]
pub struct State {
    /// Who this user is.
    pub me: Me,
    /// The sessions there are.
    pub sessions: Sessions,
    /// The links that carry the private sessions.
    pub private_links: PrivateLinks,
    /// The handle by which the app talks to the lobby's link.
    pub lobby: LobbyHandle,
    /// Why the lobby's link has ended for good; `None` while it has not, or if this user has left.
    pub(crate) lobby_ended: Option<LobbyEnded>,
    /// The texts that nobody has answered for yet.
    pub ledger: Ledger,
    /// The questions that the server has not answered yet.
    pub questions: Questions,
    /// The newest messages of each session, for `\history`.
    pub recent: Recent,
    /// The pinned keys of this lobby's users.
    pub trust: LobbyTrust,
    /// The sessions of users whom this user has not answered.
    pub(crate) strangers: Strangers,
    /// The users who want a private session and wait for an answer.
    pub(crate) knocks: Knocks,
    /// Who holds the names of the users with whom there is a private session.
    name_holders: NameHolders,
    /// The verifications of peers' keys.
    pub(crate) verifications: Verifications,
    /// How the run went so far.
    pub verdict: ExitVerdict,
    /// The condition that a script waits for, if it does.
    pub watch: Option<Watch>,
    /// The acts that nobody has answered for yet.
    pub acts: Acts,
    /// The number of the newest message of the lobby and of each room, as far as this run knows.
    pub heads: Heads,
    /// What is known of rooms, apart from their sessions.
    pub(crate) rooms: Rooms,
    /// The topics of the lobby and of each room.
    pub(crate) topics: Topics,
    /// Whether this user is an operator of the lobby, as far as this run knows.
    pub(crate) is_operator: bool,
    /// The first failure of the command that runs; it answers the request that asked for the command.
    pub failure: Option<Failure>,
    /// What this user has set.
    pub user: User,
    /// The user's own programs that are commands.
    pub plugins: Plugins,
    pub(crate) screen: Screen,
    /// The names that may be completed.
    pub(crate) known_names: KnownNames,
    pub(crate) look_alikes: LookAlikes,
    /// The users of whom this user was told that they are away.
    pub(crate) away_told: AwayTold,
    /// Notices that others caused lately.
    repeats: Repeats,
    /// What this run keeps on this machine.
    pub(crate) keeping: Keeping,
    /// The missed messages of each log, while they come.
    pub(crate) missed: BTreeMap<SessionId, Missed>,
    /// When it was noted how far this user has read.
    pub(crate) notes: Notes,
    /// The missed messages that are still to be read.
    pub(crate) unread: BTreeMap<SessionId, Unread>,
    /// The summaries of what was missed, which are shown below the messages.
    pub(crate) summaries: Summaries,
    /// The newest number of each log when this user first came to it.
    pub(crate) backlogs: BTreeMap<SessionId, u64>,
    /// The first message of each log that came while its session was not current.
    pub(crate) first_unread: BTreeMap<SessionId, u64>,
}

impl State {
    /// Renders a notice for the user; the app's loop shows everything that was rendered.
    pub fn emit(&mut self, notice: Notice) {
        self.screen.emit(&notice);
    }

    /// Shows a failure, and remembers it for the exit code and for the running command.
    pub fn fail(&mut self, failure: impl Into<Failure>) {
        let failure = failure.into();
        let verdict = match failure.code {
            ErrorCode::KeyChanged => ExitVerdict::KeyChanged,
            ErrorCode::Kicked | ErrorCode::Banned => ExitVerdict::SentOut,
            _ => ExitVerdict::Failed,
        };
        self.verdict = self.verdict.max(verdict);
        if failure.command.is_some() {
            self.failure.get_or_insert_with(|| failure.clone());
        }
        self.emit(Notice::Error(failure));
    }

    /// Asks the server something for a command. Returns the number of the question.
    pub fn ask(
        &mut self,
        question: Question,
        command: &'static str,
        message: impl FnOnce(u32) -> ClientMessage,
    ) -> u32 {
        let request = self.questions.ask(question, Some(command));
        self.lobby.ask(message(request));
        request
    }

    /// Makes a session current, and tells the user.
    ///
    /// # Errors
    /// Returns an error if the session is the lobby and the lobby is down.
    pub fn switch(&mut self, session: SessionId) -> Result<(), CommandError> {
        if session == SessionId::LOBBY {
            self.require_lobby_up()?;
        }
        let unread = self.sessions.unread(session);
        self.sessions.switch(session);
        self.emit(Notice::Switched { session });
        if self.screen.is_terminal() {
            self.show_unread(session, unread, false);
        }
        Ok(())
    }

    /// Asks who is in the lobby, only for completion. A script completes nothing and does not ask.
    pub(crate) fn learn_names(&mut self) {
        if self.screen.is_terminal() {
            let question = Question::users(SessionId::LOBBY, false);
            let request = self.questions.ask(question, None);
            self.lobby.ask(ClientMessage::Users { request, room: None });
        }
    }

    /// Checks that the lobby or a room is current, for a command that belongs there. Returns its session.
    ///
    /// # Errors
    /// Returns an error if a private session is current.
    pub fn require_in_lobby(&self) -> Result<SessionId, CommandError> {
        match self.sessions.current() {
            // If no session is current, there is no private session to leave first.
            None => Ok(SessionId::LOBBY),
            Some(session) if self.sessions.is_log(session) => Ok(session),
            // Going to the lobby first would be refused for the same reason.
            Some(_) if self.sessions.lobby_state() != LinkState::Up => {
                self.require_lobby_up().map(|()| SessionId::LOBBY)
            }
            Some(_) => Err(failing::Lobby::NotCurrent.into()),
        }
    }

    /// Checks that the lobby's link is up, for a command that needs the server.
    ///
    /// # Errors
    /// Returns an error if the lobby's link is down.
    pub fn require_lobby_up(&self) -> Result<(), CommandError> {
        match self.sessions.lobby_state() {
            LinkState::Up => Ok(()),
            _ => Err(self.why_down().into()),
        }
    }

    /// Reads a name that a user typed.
    ///
    /// # Errors
    /// Returns an error if it is not a valid name.
    pub fn parse_name(&self, args: &str) -> Result<UserName, CommandError> {
        args.parse().map_err(|err| Worded::new(ErrorCode::BadName, err).into())
    }

    /// Shows the newest messages of a session again, as far as this run has seen them. Returns false if more were asked
    /// for and older ones had to be dropped.
    pub fn show_recent(&mut self, session: SessionId, count: usize) -> bool {
        let messages = self.recent.last(session, count);
        let all_kept = messages.len() == count || !self.recent.is_full(session);
        for message in messages {
            let message = self.marked(message);
            self.emit(Notice::Message(Message { replayed: true, ..message }));
        }
        all_kept
    }

    /// Shows an incoming message, counts it if it is unread, and keeps it for `\history`.
    pub fn show_message(&mut self, message: Message) {
        self.watch_message(&message);
        message.seq.into_iter().for_each(|seq| self.heads.reach(message.session, seq));
        if !message.ignored && !self.is_by_oneself(&message) {
            let is_mention = self.is_named(&message.text);
            if !self.was_said_before(&message) {
                self.sessions.count_unread(message.session, is_mention);
                self.note_first_unread(&message);
            }
            if is_mention {
                self.user.last_mention = Some(message.clone());
            }
        }
        if self.strangers.is_unanswered(message.session) {
            self.recent.keep_of_stranger(message.clone());
        } else {
            self.recent.keep(message.clone());
        }
        self.show_or_count(message);
    }

    /// Makes a message of a session.
    pub(crate) fn message(&self, session: SessionId, from: UserName, text: &str, at: Timestamp) -> Message {
        let mode = self.sessions.mode(session);
        Message::new(session, mode, from, text, at).in_room(self.room_of(session))
    }

    /// Whether a text names this user, by the name in the lobby or by the name under which this user's key is kept: a
    /// text to `anna` is meant for her second client, too. Words that this user highlights count as the name.
    #[must_use]
    pub(crate) fn is_named(&self, text: &str) -> bool {
        [&self.me.name, self.keeping.own_name()].iter().any(|name| mention::is_in(text, name))
            || !mention::find_whole_words(text, self.user.preferences.highlight.words()).is_empty()
    }
}
