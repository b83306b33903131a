//! Questions to users whether they want a private session with another user: who asked, who is asked, and until when
//! the question waits. Before the answer, the asked user learns only who asks, and the asker learns nothing. How many
//! may wait is in [`super::places`]. A plain struct that is told the time; it sends nothing and introduces nobody.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use hobnob_protocol::ids::PairToken;
use hobnob_protocol::message::{ConsentAnswer, NoAnswerCode};
use tokio::time::Instant;

use super::places::{Origin, Places};
use crate::decide::ConnectionId;

/// A client that has not answered for this long counts as silent. Its user need not have decided by then: the client
/// only has to answer that it asks him.
const SILENT_AFTER: Duration = Duration::from_secs(10);

/// How long a user who is asked may take to decide. Clients decline for their users after two minutes; the server does
/// not wait longer for a client that does not.
const UNDECIDED_FOR: Duration = Duration::from_secs(130);

/// How long another server may take to introduce two users after one of them has agreed.
const AGREED_FOR: Duration = Duration::from_secs(10);

/// How many agreements of this server's clients with clients of other servers may wait for the introduction.
const MOST_AGREED: usize = 16 * 1024;

/// A user's question to another user for a private session, until it is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Invitation {
    /// The connection of the user who asks.
    pub(crate) asker: ConnectionId,
    /// The key of the user who asks, and the network from which he comes, if that is known.
    pub(crate) from: Origin,
    /// The number of the asker's `pair`.
    pub(crate) request: u32,
    /// The connection of the user who is asked.
    pub(crate) asked: ConnectionId,
    /// The session that is to be rebuilt; `None` for a new session.
    pub(crate) session: Option<PairToken>,
    /// The number of the newest introduction that the asker has read.
    pub(crate) read: u64,
}

/// What follows from an answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Answered {
    /// The two users may be introduced.
    Open(Invitation),
    /// The asked client is asking its user.
    Asking(Invitation),
    /// No session is made, for this reason.
    Nothing(Invitation, NoAnswerCode),
}

impl Answered {
    /// Returns the invitation that was answered.
    pub(crate) fn invitation(&self) -> &Invitation {
        match self {
            Self::Open(invitation) | Self::Asking(invitation) | Self::Nothing(invitation, _) => invitation,
        }
    }
}

#[derive(Debug)]
struct Waiting {
    invitation: Invitation,
    until: Instant,
    /// Whether the client has said that its user is being asked.
    is_undecided: bool,
}

/// The questions that wait for an answer.
#[derive(Debug, Default)]
pub(crate) struct Consents {
    last: u64,
    waiting: BTreeMap<u64, Waiting>,
    due: BTreeSet<(Instant, u64)>,
    /// The question of one client, the first, for a new session with another, the second.
    new_sessions: HashMap<(ConnectionId, ConnectionId), u64>,
    /// The questions of each client and those to it, by their numbers.
    of_client: BTreeSet<(ConnectionId, u64)>,
    places: Places,
    /// What clients of this server have agreed to, by the connection of the asker at another server and the number of
    /// his request.
    agreed: HashMap<(ConnectionId, u32), Agreed>,
}

/// With whom and for which session the asker may be introduced, and until when.
type Agreed = ((ConnectionId, Option<PairToken>), Instant);

impl Consents {
    /// Notes a question and gives its number. Returns `None` when too many questions wait, or when the asker already
    /// waits for a new session with the same user.
    pub(crate) fn ask(&mut self, invitation: Invitation, now: Instant) -> Option<u64> {
        let pair = (invitation.asker, invitation.asked);
        let waits = invitation.session.is_none() && self.new_sessions.contains_key(&pair);
        if waits || !self.places.take(&invitation.from, invitation.asked) {
            return None;
        }
        self.last += 1;
        let (ask, until) = (self.last, now + SILENT_AFTER);
        if invitation.session.is_none() {
            self.new_sessions.insert(pair, ask);
        }
        self.due.insert((until, ask));
        self.of_client.extend([(invitation.asker, ask), (invitation.asked, ask)]);
        self.waiting.insert(ask, Waiting { invitation, until, is_undecided: false });
        Some(ask)
    }

    /// A client answers a question. Returns `None` when this client was not asked that question, or when the question
    /// is over.
    pub(crate) fn answer(
        &mut self,
        from: ConnectionId,
        ask: u64,
        answer: ConsentAnswer,
        now: Instant,
    ) -> Option<Answered> {
        let waiting = self.waiting.get_mut(&ask).filter(|waiting| waiting.invitation.asked == from)?;
        if answer == ConsentAnswer::Asking {
            // A client that says this a second time gets no more time.
            if waiting.is_undecided {
                return None;
            }
            if !self.places.becomes_undecided(&waiting.invitation.from, from) {
                return self
                    .take(ask)
                    .map(|waiting| Answered::Nothing(waiting.invitation, NoAnswerCode::Busy));
            }
            waiting.is_undecided = true;
            self.due.remove(&(waiting.until, ask));
            waiting.until = now + UNDECIDED_FOR;
            self.due.insert((waiting.until, ask));
            return Some(Answered::Asking(waiting.invitation.clone()));
        }
        let invitation = self.take(ask)?.invitation;
        Some(match answer {
            ConsentAnswer::Open => Answered::Open(invitation),
            ConsentAnswer::Busy => Answered::Nothing(invitation, NoAnswerCode::Busy),
            _ => Answered::Nothing(invitation, NoAnswerCode::Declined),
        })
    }

    /// The user whom `other` asks for a session wants a session with `other`, too: takes out the question of `other` to
    /// `asker`.
    pub(crate) fn take_crossing(&mut self, asker: ConnectionId, other: ConnectionId) -> Option<Invitation> {
        let ask = self.new_sessions.get(&(other, asker)).copied()?;
        self.take(ask).map(|waiting| waiting.invitation)
    }

    /// Takes out a question that could not be asked because the client's queue had no room for it.
    pub(crate) fn withdraw(&mut self, ask: u64) -> Option<Invitation> {
        self.take(ask).map(|waiting| waiting.invitation)
    }

    /// Returns the question by which `asker` wants a session with `asked`, in the request of this number.
    pub(crate) fn of_request(&self, asker: ConnectionId, request: u32, asked: ConnectionId) -> Option<u64> {
        let is_it = |it: &Invitation| (it.asker, it.request, it.asked) == (asker, request, asked);
        self.of_client(asker).find(|ask| self.waiting.get(ask).is_some_and(|it| is_it(&it.invitation)))
    }

    /// Whether `asker` waits for an answer to its invitation to a new session with `asked`.
    pub(crate) fn wants(&self, asker: ConnectionId, asked: ConnectionId) -> bool {
        self.new_sessions.contains_key(&(asker, asked))
    }

    /// Notes that an invitation by another server's client was agreed to. The two may be introduced once, within a
    /// short time.
    pub(crate) fn note_agreement(&mut self, invitation: &Invitation, now: Instant) {
        if self.agreed.len() >= MOST_AGREED {
            self.agreed.retain(|_, (_, until)| *until > now);
        }
        if self.agreed.len() < MOST_AGREED {
            let known = (invitation.asked, invitation.session);
            self.agreed.insert((invitation.asker, invitation.request), (known, now + AGREED_FOR));
        }
    }

    /// Whether this invitation was agreed to a short time ago. An agreement counts once.
    pub(crate) fn take_agreement(
        &mut self,
        (asker, request): (ConnectionId, u32),
        asked: ConnectionId,
        session: Option<PairToken>,
        now: Instant,
    ) -> bool {
        let agreed = self.agreed.remove(&(asker, request));
        agreed.is_some_and(|(known, until)| known == (asked, session) && now < until)
    }

    /// A client is gone, and so are its own questions. Returns the invitations that waited for its answer, whose askers
    /// have to be told.
    pub(crate) fn gone(&mut self, client: ConnectionId) -> Vec<Invitation> {
        let asks: Vec<u64> = self.of_client(client).collect();
        let invitations = asks.into_iter().filter_map(|ask| self.take(ask)).map(|waiting| waiting.invitation);
        invitations.filter(|invitation| invitation.asker != client).collect()
    }

    /// Returns when the time of the next question is over.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.due.first().map(|(due, _)| *due)
    }

    /// Takes out the questions that nobody answered in time.
    pub(crate) fn take_overdue(&mut self, now: Instant) -> Vec<(Invitation, NoAnswerCode)> {
        let mut overdue = Vec::new();
        while let Some(&(due, ask)) = self.due.first()
            && due <= now
        {
            let Some(Waiting { invitation, is_undecided, .. }) = self.take(ask) else { break };
            let code = if is_undecided { NoAnswerCode::Declined } else { NoAnswerCode::Silent };
            overdue.push((invitation, code));
        }
        overdue
    }

    /// Returns the numbers of the questions of this client and of those to it.
    fn of_client(&self, client: ConnectionId) -> impl Iterator<Item = u64> {
        self.of_client.range((client, 0)..=(client, u64::MAX)).map(|(_, ask)| *ask)
    }

    fn take(&mut self, ask: u64) -> Option<Waiting> {
        let waiting = self.waiting.remove(&ask)?;
        self.due.remove(&(waiting.until, ask));
        let Invitation { asker, asked, session, from, .. } = &waiting.invitation;
        self.of_client.remove(&(*asker, ask));
        self.of_client.remove(&(*asked, ask));
        if session.is_none() {
            self.new_sessions.remove(&(*asker, *asked));
        }
        self.places.give_back(from, *asked, waiting.is_undecided);
        Some(waiting)
    }
}

#[cfg(test)]
mod tests {
    use hobnob_protocol::key::PublicKey;

    use super::*;

    fn invitation(asker: u64, asked: u64) -> Invitation {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&asker.to_be_bytes());
        let from = Origin { key: PublicKey::new(key), network: None };
        Invitation {
            asker: ConnectionId(asker),
            from,
            request: 1,
            asked: ConnectionId(asked),
            session: None,
            read: 0,
        }
    }

    fn id(id: u64) -> ConnectionId {
        ConnectionId(id)
    }

    fn is_empty(consents: &Consents) -> bool {
        consents.waiting.is_empty()
            && consents.due.is_empty()
            && consents.new_sessions.is_empty()
            && consents.of_client.is_empty()
            && consents.places.is_empty()
    }

    #[test]
    fn an_answer_counts_once_and_only_from_the_client_that_was_asked() {
        let (mut consents, now) = (Consents::default(), Instant::now());
        let ask = consents.ask(invitation(1, 2), now).unwrap();
        assert_eq!(consents.answer(id(3), ask, ConsentAnswer::Open, now), None);
        assert_eq!(
            consents.answer(id(1), ask, ConsentAnswer::Open, now),
            None,
            "nobody consents for another"
        );
        assert_eq!(consents.answer(id(2), ask + 1, ConsentAnswer::Open, now), None);
        assert_eq!(
            consents.answer(id(2), ask, ConsentAnswer::Open, now),
            Some(Answered::Open(invitation(1, 2)))
        );
        assert_eq!(consents.answer(id(2), ask, ConsentAnswer::Open, now), None);
        assert!(is_empty(&consents));
    }

    #[test]
    fn every_answer_other_than_yes_counts_as_no() {
        let (mut consents, now) = (Consents::default(), Instant::now());
        for (answer, code) in [
            (ConsentAnswer::Declined, NoAnswerCode::Declined),
            (ConsentAnswer::Other, NoAnswerCode::Declined),
            (ConsentAnswer::Busy, NoAnswerCode::Busy),
        ] {
            let ask = consents.ask(invitation(1, 2), now).unwrap();
            let answered = consents.answer(id(2), ask, answer, now);
            assert_eq!(answered, Some(Answered::Nothing(invitation(1, 2), code)));
        }
        assert!(is_empty(&consents));
    }

    #[test]
    fn a_client_that_says_nothing_is_silent_and_a_user_who_never_decides_has_declined() {
        let (mut consents, now) = (Consents::default(), Instant::now());
        let silent = consents.ask(invitation(1, 2), now).unwrap();
        let undecided = consents.ask(invitation(1, 3), now).unwrap();
        let asking =
            |consents: &mut Consents, at| consents.answer(id(3), undecided, ConsentAnswer::Asking, at);
        assert!(matches!(asking(&mut consents, now), Some(Answered::Asking(_))));
        assert_eq!(asking(&mut consents, now + SILENT_AFTER), None, "it gives more time once");
        assert_eq!(consents.take_overdue(now + SILENT_AFTER / 2), []);
        assert_eq!(consents.take_overdue(now + SILENT_AFTER), [(invitation(1, 2), NoAnswerCode::Silent)]);
        assert_eq!(consents.answer(id(2), silent, ConsentAnswer::Open, now), None, "too late");
        assert_eq!(consents.next_due(), Some(now + UNDECIDED_FOR));
        assert_eq!(consents.take_overdue(now + UNDECIDED_FOR), [(invitation(1, 3), NoAnswerCode::Declined)]);
        assert!(is_empty(&consents));
    }

    #[test]
    fn two_users_who_ask_for_each_other_have_both_consented() {
        let (mut consents, now) = (Consents::default(), Instant::now());
        consents.ask(invitation(1, 2), now).unwrap();
        assert_eq!(consents.take_crossing(id(1), id(2)), None, "one's own question is not crossed");
        assert_eq!(consents.take_crossing(id(3), id(1)), None);
        assert_eq!(consents.take_crossing(id(2), id(1)), Some(invitation(1, 2)));
        assert!(is_empty(&consents));
        // A question for fresh addresses of a session is no invitation to a new session.
        let rebuild = Invitation { session: Some(PairToken::new([1; 16])), ..invitation(1, 2) };
        consents.ask(rebuild, now).unwrap();
        assert_eq!(consents.take_crossing(id(2), id(1)), None);
    }

    #[test]
    fn a_question_that_is_being_decided_leaves_its_place_to_one_that_is_not_answered_yet() {
        let (mut consents, now) = (Consents::default(), Instant::now());
        assert!(consents.ask(invitation(1, 2), now).is_some());
        assert!(consents.ask(invitation(1, 2), now).is_none(), "the same one waits");
        let asks: Vec<u64> = (3..1000).filter_map(|asker| consents.ask(invitation(asker, 2), now)).collect();
        assert!(asks.len() < 20 && consents.ask(invitation(1000, 2), now).is_none());
        assert!(consents.ask(invitation(1000, 3), now).is_some(), "another client is asked");
        assert!(matches!(
            consents.answer(id(2), asks[0], ConsentAnswer::Asking, now),
            Some(Answered::Asking(_))
        ));
        assert!(consents.ask(invitation(1000, 2), now).is_some());
        consents.take_overdue(now + UNDECIDED_FOR);
        assert!(is_empty(&consents));
    }

    #[test]
    fn a_user_for_whose_decision_too_many_wait_is_asked_no_more() {
        let (mut consents, now) = (Consents::default(), Instant::now());
        let answers = (3..200).map(|asker| {
            let ask = consents.ask(invitation(asker, 2), now).unwrap();
            consents.answer(id(2), ask, ConsentAnswer::Asking, now).unwrap()
        });
        let busy: Vec<_> = answers.filter(|answered| !matches!(answered, Answered::Asking(_))).collect();
        assert!(busy.iter().all(|answered| matches!(answered, Answered::Nothing(_, NoAnswerCode::Busy))));
        assert_eq!((consents.waiting.len(), busy.len()), (32, 165));
        consents.gone(id(2));
        assert!(is_empty(&consents));
    }

    #[test]
    fn a_client_that_leaves_takes_its_questions_along_and_leaves_those_of_others_unanswered() {
        let (mut consents, now) = (Consents::default(), Instant::now());
        consents.ask(invitation(1, 2), now).unwrap();
        consents.ask(invitation(2, 3), now).unwrap();
        consents.ask(invitation(4, 5), now).unwrap();
        assert_eq!(consents.gone(id(2)), [invitation(1, 2)]);
        assert_eq!(consents.gone(id(9)), []);
        assert_eq!(consents.waiting.len(), 1);
    }
}
