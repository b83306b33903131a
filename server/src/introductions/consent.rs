//! Questions to users whether they want a private session with somebody: who asked for it, who is asked, and until when.
//! Nothing of either is told to the other before the answer, but who asks. A plain struct that is told the time; it sends
//! nothing and introduces nobody.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use hobnob_protocol::message::{ConsentAnswer, NoAnswerCode};
use hobnob_protocol::name::PairToken;
use tokio::time::Instant;

use crate::decide::ConnectionId;

/// A client that has not answered for this long is silent: its user need not have done anything by then.
const SILENT_AFTER: Duration = Duration::from_secs(10);

/// A user who is asked has so long. Clients decline for their users after two minutes; one that does not is not waited
/// for.
const UNDECIDED_FOR: Duration = Duration::from_secs(130);

/// How long another server may take to introduce two of whom one has just agreed.
const GRANTED_FOR: Duration = Duration::from_secs(10);

/// Questions that wait, in all. Past it whoever asks is told that too much waits.
const MOST: usize = 16 * 1024;

/// Questions that wait for one client's answer. A client lets sixteen wait for its user, and answers the others at once.
const MOST_FOR_ONE: usize = 32;

/// Questions of one client that wait, whoever is asked: a client whose network was away asks anew for all its sessions.
const MOST_OF_ONE: usize = 256;

/// Somebody wants a private session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wish {
    /// Who.
    pub(crate) asker: ConnectionId,
    /// The number of the asker's `pair`.
    pub(crate) request: u32,
    /// With whom.
    pub(crate) asked: ConnectionId,
    /// The session that is to be rebuilt; none for a new one.
    pub(crate) session: Option<PairToken>,
    /// Up to which introduction the asker had read.
    pub(crate) read: u64,
}

/// What an answer means.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Answered {
    /// The two may be introduced.
    Open(Wish),
    /// The user is being asked.
    Asking(Wish),
    /// Nothing comes of it, for this reason.
    Nothing(Wish, NoAnswerCode),
}

impl Answered {
    /// What was answered.
    pub(crate) fn wish(&self) -> &Wish {
        match self {
            Self::Open(wish) | Self::Asking(wish) | Self::Nothing(wish, _) => wish,
        }
    }
}

#[derive(Debug)]
struct Waiting {
    wish: Wish,
    until: Instant,
    /// The client has said that its user is asked.
    is_undecided: bool,
}

/// The questions that wait for an answer.
#[derive(Debug, Default)]
pub(crate) struct Consents {
    last: u64,
    waiting: BTreeMap<u64, Waiting>,
    due: BTreeSet<(Instant, u64)>,
    /// The question of one client for a new session with another.
    new_sessions: HashMap<(ConnectionId, ConnectionId), u64>,
    /// How many wait for the answer of each client, and how many each has asked.
    by_asked: HashMap<ConnectionId, usize>,
    by_asker: HashMap<ConnectionId, usize>,
    /// What clients here agreed to, by who asked at another server and in which request: with whom, for which session, and
    /// until when.
    granted: HashMap<(ConnectionId, u32), Granted>,
}

/// With whom and for which session, and until when.
type Granted = ((ConnectionId, Option<PairToken>), Instant);

impl Consents {
    /// Notes a question; gives its number. None where too much waits, or the same one does.
    pub(crate) fn ask(&mut self, wish: Wish, now: Instant) -> Option<u64> {
        let count = |counts: &HashMap<ConnectionId, usize>, id| counts.get(&id).copied().unwrap_or_default();
        let pair = (wish.asker, wish.asked);
        if self.waiting.len() >= MOST
            || count(&self.by_asked, wish.asked) >= MOST_FOR_ONE
            || count(&self.by_asker, wish.asker) >= MOST_OF_ONE
            || (wish.session.is_none() && self.new_sessions.contains_key(&pair))
        {
            return None;
        }
        self.last += 1;
        let (ask, until) = (self.last, now + SILENT_AFTER);
        if wish.session.is_none() {
            self.new_sessions.insert(pair, ask);
        }
        *self.by_asked.entry(wish.asked).or_default() += 1;
        *self.by_asker.entry(wish.asker).or_default() += 1;
        self.due.insert((until, ask));
        self.waiting.insert(ask, Waiting { wish, until, is_undecided: false });
        Some(ask)
    }

    /// A client answers a question. None where that was not asked of it, or is over.
    pub(crate) fn answer(
        &mut self,
        from: ConnectionId,
        ask: u64,
        answer: ConsentAnswer,
        now: Instant,
    ) -> Option<Answered> {
        let waiting = self.waiting.get_mut(&ask).filter(|waiting| waiting.wish.asked == from)?;
        if answer == ConsentAnswer::Asking {
            // Said again, it gives no more time.
            if std::mem::replace(&mut waiting.is_undecided, true) {
                return None;
            }
            self.due.remove(&(waiting.until, ask));
            waiting.until = now + UNDECIDED_FOR;
            self.due.insert((waiting.until, ask));
            return Some(Answered::Asking(waiting.wish.clone()));
        }
        let wish = self.take(ask)?.wish;
        Some(match answer {
            ConsentAnswer::Open => Answered::Open(wish),
            ConsentAnswer::Busy => Answered::Nothing(wish, NoAnswerCode::Busy),
            _ => Answered::Nothing(wish, NoAnswerCode::Declined),
        })
    }

    /// Whoever is asked wants a session with whoever asks, too: takes out the question of `other` to `asker`.
    pub(crate) fn take_crossing(&mut self, asker: ConnectionId, other: ConnectionId) -> Option<Wish> {
        let ask = self.new_sessions.get(&(other, asker)).copied()?;
        self.take(ask).map(|waiting| waiting.wish)
    }

    /// The question was not asked: there was no room for it.
    pub(crate) fn withdraw(&mut self, ask: u64) -> Option<Wish> {
        self.take(ask).map(|waiting| waiting.wish)
    }

    /// The question by which `asker` wants a session with `asked`, in its request of this number.
    pub(crate) fn of_request(&self, asker: ConnectionId, request: u32, asked: ConnectionId) -> Option<u64> {
        let is_it = |wish: &Wish| (wish.asker, wish.request, wish.asked) == (asker, request, asked);
        self.waiting.iter().find(|(_, waiting)| is_it(&waiting.wish)).map(|(ask, _)| *ask)
    }

    /// Whether `asker` waits for an answer to its wish for a new session with `asked`.
    pub(crate) fn wants(&self, asker: ConnectionId, asked: ConnectionId) -> bool {
        self.new_sessions.contains_key(&(asker, asked))
    }

    /// Notes that a wish of another server's client was agreed to: it may be introduced once, soon.
    pub(crate) fn grant(&mut self, wish: &Wish, now: Instant) {
        if self.granted.len() >= MOST {
            self.granted.retain(|_, (_, until)| *until > now);
        }
        if self.granted.len() < MOST {
            let known = (wish.asked, wish.session);
            self.granted.insert((wish.asker, wish.request), (known, now + GRANTED_FOR));
        }
    }

    /// Whether this was agreed to just now. It counts once.
    pub(crate) fn take_granted(
        &mut self,
        (asker, request): (ConnectionId, u32),
        asked: ConnectionId,
        session: Option<PairToken>,
        now: Instant,
    ) -> bool {
        let granted = self.granted.remove(&(asker, request));
        granted.is_some_and(|(known, until)| known == (asked, session) && now < until)
    }

    /// A client is gone: what it asked is over. Gives what it was asked, whose askers are to be told.
    pub(crate) fn gone(&mut self, client: ConnectionId) -> Vec<Wish> {
        if !self.by_asked.contains_key(&client) && !self.by_asker.contains_key(&client) {
            return Vec::new();
        }
        let concerns = |wish: &Wish| wish.asker == client || wish.asked == client;
        let asks: Vec<u64> =
            self.waiting.iter().filter(|(_, it)| concerns(&it.wish)).map(|(ask, _)| *ask).collect();
        let wishes = asks.into_iter().filter_map(|ask| self.take(ask)).map(|waiting| waiting.wish);
        wishes.filter(|wish| wish.asker != client).collect()
    }

    /// When the next question is over.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.due.first().map(|(due, _)| *due)
    }

    /// Takes out the questions that nobody answered in time.
    pub(crate) fn take_overdue(&mut self, now: Instant) -> Vec<(Wish, NoAnswerCode)> {
        let mut overdue = Vec::new();
        while let Some(&(due, ask)) = self.due.first()
            && due <= now
        {
            let Some(Waiting { wish, is_undecided, .. }) = self.take(ask) else { break };
            let code = if is_undecided { NoAnswerCode::Declined } else { NoAnswerCode::Silent };
            overdue.push((wish, code));
        }
        overdue
    }

    fn take(&mut self, ask: u64) -> Option<Waiting> {
        let waiting = self.waiting.remove(&ask)?;
        self.due.remove(&(waiting.until, ask));
        let Wish { asker, asked, session, .. } = &waiting.wish;
        if session.is_none() {
            self.new_sessions.remove(&(*asker, *asked));
        }
        count_down(&mut self.by_asked, *asked);
        count_down(&mut self.by_asker, *asker);
        Some(waiting)
    }
}

fn count_down(counts: &mut HashMap<ConnectionId, usize>, id: ConnectionId) {
    if let Some(count) = counts.get_mut(&id) {
        *count -= 1;
        if *count == 0 {
            counts.remove(&id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish(asker: u64, asked: u64) -> Wish {
        Wish { asker: ConnectionId(asker), request: 1, asked: ConnectionId(asked), session: None, read: 0 }
    }

    fn id(id: u64) -> ConnectionId {
        ConnectionId(id)
    }

    fn is_empty(consents: &Consents) -> bool {
        consents.waiting.is_empty()
            && consents.due.is_empty()
            && consents.new_sessions.is_empty()
            && consents.by_asked.is_empty()
            && consents.by_asker.is_empty()
    }

    #[test]
    fn an_answer_counts_once_and_from_whoever_was_asked_alone() {
        let (mut consents, now) = (Consents::default(), Instant::now());
        let ask = consents.ask(wish(1, 2), now).unwrap();
        assert_eq!(consents.answer(id(3), ask, ConsentAnswer::Open, now), None);
        assert_eq!(
            consents.answer(id(1), ask, ConsentAnswer::Open, now),
            None,
            "nobody consents for another"
        );
        assert_eq!(consents.answer(id(2), ask + 1, ConsentAnswer::Open, now), None);
        assert_eq!(consents.answer(id(2), ask, ConsentAnswer::Open, now), Some(Answered::Open(wish(1, 2))));
        assert_eq!(consents.answer(id(2), ask, ConsentAnswer::Open, now), None);
        assert!(is_empty(&consents));
    }

    #[test]
    fn whatever_is_no_yes_is_a_no() {
        let (mut consents, now) = (Consents::default(), Instant::now());
        for (answer, code) in [
            (ConsentAnswer::Declined, NoAnswerCode::Declined),
            (ConsentAnswer::Other, NoAnswerCode::Declined),
            (ConsentAnswer::Busy, NoAnswerCode::Busy),
        ] {
            let ask = consents.ask(wish(1, 2), now).unwrap();
            let answered = consents.answer(id(2), ask, answer, now);
            assert_eq!(answered, Some(Answered::Nothing(wish(1, 2), code)));
        }
        assert!(is_empty(&consents));
    }

    #[test]
    fn who_says_nothing_is_silent_and_who_never_decides_has_declined() {
        let (mut consents, now) = (Consents::default(), Instant::now());
        let silent = consents.ask(wish(1, 2), now).unwrap();
        let undecided = consents.ask(wish(1, 3), now).unwrap();
        let asking =
            |consents: &mut Consents, at| consents.answer(id(3), undecided, ConsentAnswer::Asking, at);
        assert!(matches!(asking(&mut consents, now), Some(Answered::Asking(_))));
        assert_eq!(asking(&mut consents, now + SILENT_AFTER), None, "it gives more time once");
        assert_eq!(consents.take_overdue(now + SILENT_AFTER / 2), []);
        assert_eq!(consents.take_overdue(now + SILENT_AFTER), [(wish(1, 2), NoAnswerCode::Silent)]);
        assert_eq!(consents.answer(id(2), silent, ConsentAnswer::Open, now), None, "too late");
        assert_eq!(consents.next_due(), Some(now + UNDECIDED_FOR));
        assert_eq!(consents.take_overdue(now + UNDECIDED_FOR), [(wish(1, 3), NoAnswerCode::Declined)]);
        assert!(is_empty(&consents));
    }

    #[test]
    fn two_who_ask_for_each_other_have_both_consented() {
        let (mut consents, now) = (Consents::default(), Instant::now());
        consents.ask(wish(1, 2), now).unwrap();
        assert_eq!(consents.take_crossing(id(1), id(2)), None, "one's own question is not crossed");
        assert_eq!(consents.take_crossing(id(3), id(1)), None);
        assert_eq!(consents.take_crossing(id(2), id(1)), Some(wish(1, 2)));
        assert!(is_empty(&consents));
        // Fresh addresses are no wish for a session.
        let rebuild = Wish { session: Some(PairToken::new([1; 16])), ..wish(1, 2) };
        consents.ask(rebuild, now).unwrap();
        assert_eq!(consents.take_crossing(id(2), id(1)), None);
    }

    #[test]
    fn what_waits_is_bounded_for_each_and_in_all() {
        let (mut consents, now) = (Consents::default(), Instant::now());
        assert!(consents.ask(wish(1, 2), now).is_some());
        assert!(consents.ask(wish(1, 2), now).is_none(), "the same one waits");
        let asked = (3..1000).filter(|asker| consents.ask(wish(*asker, 2), now).is_some()).count();
        assert_eq!(asked, MOST_FOR_ONE - 1);
        let asked = (1000..3000).filter(|asked| consents.ask(wish(1, *asked), now).is_some()).count();
        assert_eq!(asked, MOST_OF_ONE - 1);
        (10_000..100_000).for_each(|asker| {
            consents.ask(wish(asker, asker + 1), now);
        });
        assert_eq!(consents.waiting.len(), MOST);
        consents.take_overdue(now + SILENT_AFTER);
        assert!(is_empty(&consents));
    }

    #[test]
    fn whoever_goes_takes_his_questions_along_and_leaves_those_of_others_unanswered() {
        let (mut consents, now) = (Consents::default(), Instant::now());
        consents.ask(wish(1, 2), now).unwrap();
        consents.ask(wish(2, 3), now).unwrap();
        consents.ask(wish(4, 5), now).unwrap();
        assert_eq!(consents.gone(id(2)), [wish(1, 2)]);
        assert_eq!(consents.gone(id(9)), []);
        assert_eq!(consents.waiting.len(), 1);
    }
}
