//! The questions that this client has asked the server and that have no answer yet. This is plain data. It owns the
//! numbers of the questions, and how long each may stay open.

use std::collections::HashMap;
use std::time::Duration;

use hobnob_protocol::name::UserName;
use tokio::time::Instant;

use crate::client::old_messages::OldMessages;
use crate::session::SessionId;
use crate::show::RoomRow;
use crate::show::operators::{OperatorTold, RestraintTold};

/// How long a question may stay open. A user loses patience sooner than the client takes the lobby's link for dead.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// How long the server may take to find out whether a user wants a private session. The server itself waits ten seconds
/// for the other client.
const PAIR_PATIENCE: Duration = Duration::from_secs(15);

/// How long the other user may take to answer.
const CONSENT_PATIENCE: Duration = Duration::from_secs(140);

/// What was asked, with what is needed to handle the answer.
#[derive(Debug)]
pub enum Question {
    /// Who is in the lobby or a room, with the parts of the answer so far.
    Users {
        /// The session with the lobby or the room.
        session: SessionId,
        /// The names so far.
        names: Vec<UserName>,
        /// Those of the names whose users are away.
        away: Vec<UserName>,
        /// Whether the user asked, and not only completion.
        shown: bool,
    },
    /// Who a user is.
    Whois,
    /// Whether a user is away to whom this user wants to talk.
    Away,
    /// The key of a user who is to be ignored.
    Ignore,
    /// The key that holds this name, which is that of a private session's user.
    Holder(UserName),
    /// Old messages, with the parts of the answer so far.
    History(Box<OldMessages>),
    /// A room to be joined, for this session.
    Join(SessionId),
    /// Which rooms there are, with the parts of the answer so far.
    Rooms {
        /// The rooms so far.
        rooms: Vec<RoomRow>,
        /// Whether the user asked, and not only completion.
        shown: bool,
    },
    /// The bans, with the parts of the answer so far.
    Bans(Vec<RestraintTold>),
    /// The mutes, with the parts of the answer so far.
    Mutes(Vec<RestraintTold>),
    /// The operators, with the parts of the answer so far.
    Ops(Vec<OperatorTold>),
    /// An introduction, for this session.
    Pair(SessionId),
    /// Fresh addresses of a peer whose link is down; the answer comes as an introduction.
    Rebuild,
}

impl Question {
    /// Makes the question who is in the lobby or a room.
    #[must_use]
    pub fn users(session: SessionId, shown: bool) -> Self {
        Self::Users { session, names: Vec::new(), away: Vec::new(), shown }
    }
}

/// A question that has no answer yet.
#[derive(Debug)]
pub struct Open {
    /// What was asked, with the parts of the answer so far.
    pub question: Question,
    /// The command that asked, to be named in errors.
    pub command: Option<&'static str>,
    /// When the question is given up.
    pub until: Instant,
    /// Whether the question got more time, because the other user is being asked.
    is_extended: bool,
}

/// The questions that have no answer yet, by number.
#[derive(Debug, Default)]
pub struct Questions {
    last: u32,
    open: HashMap<u32, Open>,
}

impl Questions {
    /// Notes a question and gives it its number.
    pub fn ask(&mut self, question: Question, command: Option<&'static str>) -> u32 {
        self.last = self.last.wrapping_add(1);
        let patience = match question {
            Question::Pair(_) | Question::Rebuild => PAIR_PATIENCE,
            _ => PATIENCE,
        };
        self.open.insert(
            self.last,
            Open { question, command, until: Instant::now() + patience, is_extended: false },
        );
        self.last
    }

    /// Starts the time of a question anew, because it was asked again for the next part of its answer.
    pub fn asked_on(&mut self, request: u32) {
        if let Some(open) = self.open.get_mut(&request) {
            open.until = Instant::now() + PATIENCE;
        }
    }

    /// Gives a question more time because the other user is being asked, which happens once for each question for a new
    /// session. Returns the session; `None` if the question is not one of these.
    pub fn await_consent(&mut self, request: u32) -> Option<SessionId> {
        let open = self.open.get_mut(&request)?;
        let Question::Pair(session) = open.question else { return None };
        // A server that says this repeatedly gets no more time.
        if std::mem::replace(&mut open.is_extended, true) {
            return None;
        }
        open.until = Instant::now() + CONSENT_PATIENCE;
        Some(session)
    }

    /// Returns an open question, so that a part of its answer can be added.
    pub fn get_mut(&mut self, request: u32) -> Option<&mut Open> {
        self.open.get_mut(&request)
    }

    /// Removes a question that is answered or given up.
    pub fn close(&mut self, request: u32) -> Option<Open> {
        self.open.remove(&request)
    }

    /// Closes a question if the answer is one of the right kind. Otherwise the question stays open until it is answered
    /// or its time is over, so that no command waits for ever for an answer that a server has given wrongly.
    pub fn close_if(&mut self, request: u32, is_right: impl FnOnce(&Question) -> bool) -> Option<Open> {
        let is_right = self.open.get(&request).is_some_and(|open| is_right(&open.question));
        is_right.then(|| self.open.remove(&request)).flatten()
    }

    /// Whether a question is open.
    #[must_use]
    pub fn is_open(&self, request: u32) -> bool {
        self.open.contains_key(&request)
    }

    /// The number of the newest question; 0 if nothing was asked yet.
    #[must_use]
    pub fn newest(&self) -> u32 {
        self.last
    }

    /// How many questions are open that ask who holds a name.
    #[must_use]
    pub fn holders_asked(&self) -> usize {
        self.open_holders().count()
    }

    /// Whether a question is open that asks who holds a name, and that is not newer than the question with this number.
    #[must_use]
    pub fn asks_holder_up_to(&self, newest: u32) -> bool {
        self.open_holders().any(|request| request <= newest)
    }

    fn open_holders(&self) -> impl Iterator<Item = u32> {
        self.open
            .iter()
            .filter(|(_, open)| matches!(open.question, Question::Holder(_)))
            .map(|(request, _)| *request)
    }

    /// When the next question is to be given up.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Instant> {
        self.open.values().map(|open| open.until).min()
    }

    /// Removes and returns the questions whose time is over.
    pub fn overdue(&mut self, now: Instant) -> Vec<Open> {
        self.take(|open| open.until <= now)
    }

    /// Removes and returns all questions, because the link on which they were asked is lost.
    pub fn take_all(&mut self) -> Vec<Open> {
        self.take(|_| true)
    }

    fn take(&mut self, which: impl Fn(&Open) -> bool) -> Vec<Open> {
        let mut requests: Vec<u32> =
            self.open.iter().filter(|(_, open)| which(open)).map(|(request, _)| *request).collect();
        requests.sort_unstable();
        requests.into_iter().filter_map(|request| self.open.remove(&request)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_question_without_an_answer_is_given_up_after_its_time() {
        let mut questions = Questions::default();
        let first = questions.ask(Question::Whois, Some("whois"));
        assert!(questions.overdue(Instant::now()).is_empty());
        tokio::time::advance(PATIENCE).await;
        assert_eq!(questions.overdue(Instant::now()).len(), 1);
        assert!(!questions.is_open(first));
        assert_eq!(questions.next_deadline(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_fork_has_more_time_while_the_user_is_asked_but_only_once() {
        let mut questions = Questions::default();
        let pair = questions.ask(Question::Pair(SessionId(1)), Some("fork"));
        assert_eq!(questions.await_consent(pair), Some(SessionId(1)));
        tokio::time::advance(CONSENT_PATIENCE / 2).await;
        assert_eq!(questions.await_consent(pair), None);
        assert!(questions.overdue(Instant::now()).is_empty());
        tokio::time::advance(CONSENT_PATIENCE / 2).await;
        assert_eq!(questions.overdue(Instant::now()).len(), 1);
        let whois = questions.ask(Question::Whois, None);
        assert_eq!((questions.await_consent(whois), questions.await_consent(99)), (None, None));
    }
}
