//! One private session: the task that owns its connection, rebuilds it, and carries texts across.
//! Owns the order of things; the numbers are in `outbox` and `inbox`, the times in `redial`, the
//! socket in `connection`. Knows nothing of what the app shows.
//!
//! A connection comes from the listener or from a dial, complete with both hellos; from there on the
//! two are alike; `two_connections` says which of two is taken.
//! Taking another connection is silent: what was not acknowledged is written again, what was heard
//! before is dropped.

use std::collections::BTreeSet;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hobnob_protocol::codec::CodecError;
use hobnob_protocol::message::PeerMessage;
use thiserror::Error;
use tokio::sync::mpsc;
use tokio::task::yield_now;
use tokio::time::Instant;

use super::alarm::Alarm;
use super::backpressure::EventQueue;
use super::connection::{Connection, Fresh, Vital};
use super::dial::{Attempt, DialError, Dialler};
use super::event::{GoneReason, PeerEvent, PeerEventKind, PeerFailure};
use super::greet::{GreetError, Role};
use super::inbox::{Gap, Inbox, Taken};
use super::introductions::Entered;
use super::mailbox::{Mailbox, News};
use super::outbox::NeverWritten;
use super::outgoing::Outgoing;
use super::pace::AcknowledgePace;
use super::reach::Origin;
use super::redial::{AwakeClock, GaveUp, Redial, jitter};
use super::seal::SealError;
use super::two_connections::takes_over;
use super::verifying::Verifying;
use crate::session::link_id::LinkId;

/// The clock is looked at this often, or oftener.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How long a session that is left waits for its texts to be acknowledged. With the farewell it stays
/// within two seconds.
const LEAVE_WITHIN: Duration = Duration::from_millis(1500);

/// Bytes of text handed to the app before it gets its turn on the same thread. Texts that are shown
/// while they are still in the processor's cache cost a quarter less, and the memory they leave is
/// used for the next ones instead of being given back to the system.
const ENOUGH_HANDED: usize = 64 * 1024;

/// What a link begins with.
pub(super) struct Beginning {
    pub(super) session: LinkId,
    pub(super) role: Role,
    pub(super) forked: bool,
    pub(super) mailbox: Arc<Mailbox>,
    pub(super) outgoing: Arc<Outgoing>,
    pub(super) arrivals: mpsc::Receiver<Fresh>,
    pub(super) dialler: Dialler,
    pub(super) events: mpsc::Sender<PeerEvent>,
}

/// The task's state.
pub(super) struct Link {
    session: LinkId,
    role: Role,
    mailbox: Arc<Mailbox>,
    outgoing: Arc<Outgoing>,
    arrivals: mpsc::Receiver<Fresh>,
    dialler: Dialler,
    events: mpsc::Sender<PeerEvent>,
    /// Where the other side was when it was last heard.
    last_met: Vec<SocketAddr>,
    /// An address at which the other side's listener answered in this session: its refusals count.
    proven: Option<SocketAddr>,
    connection: Option<Connection>,
    inbox: Inbox,
    waiting_events: EventQueue,
    redial: Redial,
    clock: AwakeClock,
    now: Duration,
    alarm: Alarm,
    /// Bytes of text handed to the app since it had its turn.
    handed: usize,
    acknowledge_pace: AcknowledgePace,
    pong_due: bool,
    verifying: Verifying,
    /// Connections that come earlier are dropped: the last one was misused.
    shunned_until: Duration,
    leave_by: Option<Duration>,
    /// The most telling reason why the session does not open.
    trouble: Option<PeerFailure>,
}

/// What the task waited for.
enum Step {
    Arrived(Fresh),
    Dialled(Attempt),
    Read(io::Result<usize>),
    Handed,
    Asked,
    Looked,
    AppGone,
}

/// Why the task ends.
enum Ending {
    LeftByThem,
    LeftByUs,
    Failed(PeerFailure),
    Gone(GoneReason),
    AppGone,
}

/// What a peer must not do. Costs it the connection, not the session.
#[derive(Debug, Error)]
enum Misuse {
    #[error(transparent)]
    Codec(#[from] CodecError),
    #[error(transparent)]
    Gap(#[from] Gap),
    #[error(transparent)]
    NeverWritten(#[from] NeverWritten),
    #[error("a message that has no place here")]
    OutOfPlace,
}

impl Link {
    pub(super) fn new(beginning: Beginning) -> Self {
        let Beginning { session, role, forked, mailbox, outgoing, arrivals, dialler, events } = beginning;
        let waiting_events = EventQueue::of(dialler.familiarity());
        let trouble = dialler.has_only_passed_over().then_some(PeerFailure::NotDialled);
        Self {
            session,
            role,
            mailbox,
            outgoing,
            arrivals,
            dialler,
            events,
            last_met: Vec::new(),
            proven: None,
            connection: None,
            inbox: Inbox::default(),
            waiting_events,
            redial: Redial::opening(Duration::ZERO, forked),
            clock: AwakeClock::new(Instant::now()),
            now: Duration::ZERO,
            alarm: Alarm::new(),
            handed: 0,
            acknowledge_pace: AcknowledgePace::default(),
            pong_due: false,
            verifying: Verifying::default(),
            shunned_until: Duration::ZERO,
            leave_by: None,
            trouble,
        }
    }

    /// Lives until the session is over. `entered` keeps it in the listener's table as long.
    pub(super) async fn run(mut self, entered: Entered) {
        let ending = loop {
            if let Some(ending) = self.look() {
                break ending;
            }
            if self.handed >= ENOUGH_HANDED {
                self.handed = 0;
                yield_now().await;
            }
            let step = self.next().await;
            self.now = self.clock.look(Instant::now());
            if let Some(ending) = self.apply(step) {
                break ending;
            }
        };
        // Whoever dials from here on is told that the session has ended.
        drop(entered);
        self.finish(ending).await;
    }

    async fn next(&mut self) -> Step {
        self.alarm.set(self.pause());
        let reading = self.waiting_events.has_room();
        let Self { connection, arrivals, dialler, events, waiting_events, mailbox, session, alarm, .. } =
            self;
        let turn = async {
            match connection {
                Some(connection) => connection.turn(reading).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            read = turn => Step::Read(read),
            Some(fresh) = arrivals.recv() => Step::Arrived(fresh),
            attempt = dialler.next() => Step::Dialled(attempt),
            permit = events.reserve(), if !waiting_events.is_empty() => match (permit, waiting_events.pop()) {
                (Ok(permit), Some(kind)) => {
                    permit.send(PeerEvent { link: *session, kind });
                    Step::Handed
                }
                _ => Step::AppGone,
            },
            () = mailbox.changed() => Step::Asked,
            () = alarm.rung() => Step::Looked,
        }
    }

    /// Until there is something to do by the clock.
    fn pause(&self) -> Duration {
        let redial = self.connection.is_none().then(|| self.redial.next());
        let acknowledge = self.is_owing().then(|| self.acknowledge_pace.next());
        let due = [redial, acknowledge, self.leave_by].into_iter().flatten().min();
        due.map_or(LOOK_EVERY, |due| due.saturating_sub(self.now).clamp(Duration::from_millis(1), LOOK_EVERY))
    }

    fn is_owing(&self) -> bool {
        self.connection.is_some() && self.inbox.is_owing()
    }

    fn apply(&mut self, step: Step) -> Option<Ending> {
        match step {
            Step::Arrived(fresh) if self.connection.is_none() && self.now < self.shunned_until => {
                tracing::debug!(session = %self.session, origin = ?fresh.origin, "too soon after a misuse");
                None
            }
            Step::Arrived(fresh) => self.adopt(fresh),
            Step::Dialled(attempt) => self.dialled(attempt),
            Step::Read(Ok(0)) => self.lose(&"it was closed", false),
            Step::Read(Ok(_)) => {
                self.outgoing.open_short_way();
                self.read()
            }
            Step::Read(Err(error)) => self.lose(&error, false),
            Step::Handed | Step::Asked | Step::Looked => None,
            Step::AppGone => Some(Ending::AppGone),
        }
    }

    /// Does what is due, whatever woke the task.
    fn look(&mut self) -> Option<Ending> {
        self.hand_over();
        let News { shown, candidates, is_leaving, is_acquainted, verify } = self.mailbox.news();
        self.inbox.show(shown);
        if let Some(said) = verify {
            self.verifying.replace(said);
        }
        if self.dialler.is_strangers() && (is_acquainted || self.outgoing.has_said()) {
            self.dialler.acquaint();
            self.waiting_events.acquaint();
        }
        if let Some(candidates) = candidates {
            self.dialler.introduced(&candidates);
            self.redial.hurry(self.now);
        }
        let (now, reading) = (self.now, self.waiting_events.has_room());
        if self.connection.as_mut().is_some_and(|connection| connection.check(now, reading) == Vital::Dead) {
            self.lose(&"it is silent", false);
        }
        self.fill();
        if is_leaving {
            return self.leave();
        }
        if self.connection.is_none() { self.rebuild() } else { None }
    }

    /// Gives the app what it has room for.
    fn hand_over(&mut self) {
        while !self.waiting_events.is_empty()
            && let Ok(permit) = self.events.try_reserve()
            && let Some(kind) = self.waiting_events.pop()
        {
            if let PeerEventKind::Said { text, .. } = &kind {
                self.handed += text.as_str().len();
            }
            permit.send(PeerEvent { link: self.session, kind });
        }
    }

    /// Puts what waits for the other side in line.
    fn fill(&mut self) {
        if self.connection.is_none() {
            return;
        }
        let writer = self.outgoing.fill();
        if !writer.has_room {
            return;
        }
        if std::mem::take(&mut self.pong_due) {
            self.outgoing.queue(&PeerMessage::Pong);
        }
        for message in self.verifying.take() {
            self.outgoing.queue(&PeerMessage::Verify(message.clone()));
        }
        // With company it costs next to nothing.
        let rested = self.acknowledge_pace.is_rested(self.now);
        if let Some(number) = self.inbox.due(rested || writer.is_writing) {
            self.outgoing.queue(&PeerMessage::Received { number });
            self.acknowledge_pace.acknowledged(self.now);
        }
    }

    fn leave(&mut self) -> Option<Ending> {
        let leave_by = *self.leave_by.get_or_insert(self.now + LEAVE_WITHIN);
        let is_done = self.connection.is_none() || self.outgoing.all_delivered() || self.now >= leave_by;
        is_done.then_some(Ending::LeftByUs)
    }

    /// Dials when it is time to, or finds that it is too late.
    fn rebuild(&mut self) -> Option<Ending> {
        if let Some(why) = self.redial.gave_up(self.now) {
            return Some(self.over(why));
        }
        if self.now >= self.redial.next() {
            if self.redial.begin_round(self.now, jitter()) {
                self.waiting_events.push(PeerEventKind::WantsIntroduction);
                self.hand_over();
            }
            self.dialler.dial(&self.last_met);
        }
        None
    }

    fn over(&self, why: GaveUp) -> Ending {
        match why {
            _ if self.redial.is_opening() => Ending::Failed(self.trouble.unwrap_or(PeerFailure::Unreachable)),
            GaveUp::Refused => Ending::Gone(GoneReason::ProcessEnded),
            GaveUp::TooLong => Ending::Gone(GoneReason::Silence),
        }
    }

    fn dialled(&mut self, attempt: Attempt) -> Option<Ending> {
        let (target, error) = match attempt {
            Attempt::Made(fresh) => return self.adopt(*fresh),
            Attempt::Failed { target, error } => (target, error),
            Attempt::Answers(addr) => {
                self.proven = Some(addr);
                return None;
            }
            Attempt::Silent => return None,
        };
        tracing::debug!(session = %self.session, %target, %error, "not reached");
        let is_opening = self.redial.is_opening();
        let is_proven = self.proven == Some(target);
        match &error {
            DialError::Greet(GreetError::Over) if is_opening => {
                return Some(Ending::Failed(PeerFailure::NotTaken));
            }
            DialError::Greet(GreetError::Over) => return Some(Ending::LeftByThem),
            // Another process of the same user may answer elsewhere, and not know the session.
            DialError::Greet(GreetError::NoSession) if is_proven => return Some(Ending::LeftByThem),
            DialError::Greet(GreetError::Protocol(version)) => {
                self.trouble = Some(PeerFailure::Protocol(*version));
            }
            DialError::Greet(GreetError::NoSession) => self.trouble = Some(PeerFailure::NotTaken),
            DialError::Seal(SealError::WrongKey(_)) => {
                self.trouble = self.trouble.or(Some(PeerFailure::WrongKey))
            }
            _ => {}
        }
        if is_opening {
            let all_refuse = self.dialler.rules_all_out();
            self.redial.note(all_refuse, self.now);
        } else if is_proven {
            self.redial.note(error.is_refusal(), self.now);
        }
        None
    }

    /// Takes a connection, in place of the one there may be.
    fn adopt(&mut self, fresh: Fresh) -> Option<Ending> {
        let now = self.now;
        let in_use_for = self.connection.as_ref().map(|held| now.saturating_sub(held.since));
        if !takes_over(self.role, in_use_for) {
            return None;
        }
        self.dialler.stop();
        let delivered = match self.outgoing.resume(fresh.received) {
            Ok(delivered) => delivered,
            Err(error) => {
                tracing::warn!(session = %self.session, %error, "a hello that cannot be true");
                return None;
            }
        };
        self.deliver(delivered);
        if self.connection.is_none() {
            self.redial.up();
            self.waiting_events.push(PeerEventKind::Up { key_exchange: fresh.key_exchange.clone() });
        }
        tracing::debug!(session = %self.session, origin = ?fresh.origin, "a connection carries it");
        self.remember(fresh.origin);
        self.inbox.begin(fresh.told);
        self.verifying.begin();
        // The old one takes its writer out before the new one puts in its own.
        self.connection = None;
        let connection = self.connection.insert(Connection::new(fresh, &self.outgoing, now));
        if self.role == Role::Chooser {
            connection.queue(&PeerMessage::Chosen);
        }
        // Texts may have come with the hello.
        self.read()
    }

    /// Notes where the other side is, for when the connection is lost. Behind an accepted connection
    /// its listener is sought, for only refusals of an address that once answered mean anything.
    fn remember(&mut self, origin: Origin) {
        match origin {
            Origin::Dialled(addr) => {
                self.last_met = vec![addr];
                self.proven = Some(addr);
            }
            Origin::Accepted(ip) => {
                let ports: BTreeSet<u16> = self.dialler.targets().iter().map(SocketAddr::port).collect();
                let addrs = ports.into_iter().map(|port| SocketAddr::new(ip, port));
                self.last_met = addrs.filter_map(|addr| self.dialler.allow(addr)).collect();
                self.proven = self.proven.filter(|addr| self.last_met.contains(addr));
                self.dialler.probe(self.last_met.iter().copied());
            }
        }
    }

    /// Takes in every message that has arrived whole.
    fn read(&mut self) -> Option<Ending> {
        let now = self.now;
        while let Some(connection) = &mut self.connection {
            connection.heard(now);
            let heard = match connection.next_message() {
                Ok(Some(PeerMessage::Goodbye)) if self.mailbox.is_leaving() => return Some(Ending::LeftByUs),
                Ok(Some(PeerMessage::Goodbye)) => return Some(Ending::LeftByThem),
                Ok(Some(message)) => self.hear(message),
                Ok(None) => return None,
                Err(error) => Err(error.into()),
            };
            if let Err(misuse) = heard {
                return self.lose(&misuse, true);
            }
        }
        None
    }

    fn hear(&mut self, message: PeerMessage) -> Result<(), Misuse> {
        match message {
            PeerMessage::Say { number, at, text } => {
                if self.inbox.take(number)? == Taken::New {
                    self.waiting_events.push(PeerEventKind::Said { number, at, text });
                }
            }
            PeerMessage::Received { number } => {
                let delivered = self.outgoing.acknowledge(number)?;
                self.deliver(delivered);
            }
            PeerMessage::Verify(message) => self.waiting_events.push(PeerEventKind::Verify(message)),
            PeerMessage::Ping => self.pong_due = true,
            PeerMessage::Pong | PeerMessage::Unknown | PeerMessage::Goodbye => {}
            PeerMessage::Hello { .. } | PeerMessage::Chosen | PeerMessage::Refused { .. } => {
                return Err(Misuse::OutOfPlace);
            }
        }
        Ok(())
    }

    fn deliver(&mut self, delivered: Vec<u64>) {
        for local_id in delivered {
            self.waiting_events.push(PeerEventKind::Delivered { local_id });
        }
    }

    fn lose(&mut self, reason: &dyn std::fmt::Display, misused: bool) -> Option<Ending> {
        let lost = self.connection.take()?;
        if misused {
            tracing::warn!(session = %self.session, %reason, "the connection is dropped");
        } else {
            tracing::debug!(session = %self.session, %reason, "the connection is lost");
        }
        self.dialler.stop();
        self.dialler.lost(&self.last_met);
        self.waiting_events.push(PeerEventKind::Down);
        let dialled = matches!(lost.origin, Origin::Dialled(_));
        self.redial.lost(self.now, self.now.saturating_sub(lost.since), dialled, jitter());
        if misused {
            self.shunned_until = self.redial.next();
        }
        None
    }

    /// The goodbye if one is due, then everything the app has to know, the final event last.
    async fn finish(mut self, ending: Ending) {
        self.dialler.stop();
        self.acknowledge_pace = AcknowledgePace::default();
        self.fill();
        match (self.connection.take(), &ending) {
            (Some(connection), Ending::LeftByUs | Ending::AppGone) => connection.farewell().await,
            (Some(connection), _) => connection.close().await,
            (None, _) => {}
        }
        let last = match ending {
            Ending::LeftByThem => PeerEventKind::Left,
            Ending::LeftByUs => PeerEventKind::Ended,
            Ending::Failed(reason) => PeerEventKind::Failed { reason },
            Ending::Gone(reason) => PeerEventKind::Gone { reason },
            Ending::AppGone => return,
        };
        let local_ids = self.outgoing.close();
        if !local_ids.is_empty() {
            self.waiting_events.push(PeerEventKind::Undelivered { local_ids });
        }
        self.waiting_events.push(last);
        while let Some(kind) = self.waiting_events.pop() {
            if self.events.send(PeerEvent { link: self.session, kind }).await.is_err() {
                return;
            }
        }
    }
}
