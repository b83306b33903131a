//! One private session: the task that owns its connection, rebuilds it, and carries texts across. This file owns the
//! order of the steps; the numbers are in `outbox` and `inbox`, the times in `redial`, the socket in `connection`. It
//! knows nothing of what the app shows. How the link comes to a connection is in `connecting`, what it makes of the
//! other side's messages is in `hearing`, and how the session ends is in `ending`.
//!
//! A connection comes from the listener or from a dial, and both hellos have been said on it; after that the two kinds
//! are alike. If there are two connections, `two_connections` decides which one is used. The app is not told of a new
//! connection that takes the place of an old one: texts that were not acknowledged are written again, and texts that
//! were heard before are dropped.

mod connecting;
mod ending;
mod hearing;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hobnob_protocol::message::PeerMessage;
use tokio::sync::mpsc;
use tokio::task::yield_now;
use tokio::time::Instant;

use super::alarm::Alarm;
use super::backpressure::EventQueue;
use super::connection::{Connection, Fresh, Vital};
use super::dial::{Attempt, Dialler};
use super::event::{GoneReason, PeerEvent, PeerEventKind, PeerFailure};
use super::greet::Role;
use super::inbox::Inbox;
use super::introductions::Entered;
use super::mailbox::{Mailbox, News};
use super::outgoing::Outgoing;
use super::pace::AcknowledgePace;
use super::reach::Origin;
use super::redial::{AwakeClock, Redial, jitter};
use super::relaying::Relaying;
use super::verifying::Verifying;
use crate::session::link_id::LinkId;

/// The clock is looked at once in this time, or more often.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How many bytes of text are handed to the app before the app gets its turn on the same thread. Texts that are shown
/// while they are still in the processor's cache cost a quarter less, and the memory they leave is used for the next
/// texts instead of being given back to the system.
const ENOUGH_HANDED: usize = 64 * 1024;

/// How long a connection is kept open after another one was chosen. By then the other side has heard of the choice.
const RETIRED_FOR: Duration = Duration::from_secs(2);

/// What a link begins with.
pub(super) struct Beginning {
    pub(super) link: LinkId,
    pub(super) role: Role,
    pub(super) forked: bool,
    pub(super) mailbox: Arc<Mailbox>,
    pub(super) outgoing: Arc<Outgoing>,
    pub(super) arrivals: mpsc::Receiver<Fresh>,
    pub(super) dialler: Dialler,
    pub(super) events: mpsc::Sender<PeerEvent>,
}

/// The state of the task.
pub(super) struct Link {
    link: LinkId,
    role: Role,
    mailbox: Arc<Mailbox>,
    outgoing: Arc<Outgoing>,
    arrivals: mpsc::Receiver<Fresh>,
    dialler: Dialler,
    events: mpsc::Sender<PeerEvent>,
    /// Where the other side was when it was last heard.
    last_met: Vec<SocketAddr>,
    /// An address at which the other side's listener answered in this session. If this address refuses connections
    /// later, the other process has ended.
    proven: Option<SocketAddr>,
    connection: Option<Connection>,
    /// The previous connection, and the time until which it is kept open.
    retired: Option<(Connection, Duration)>,
    inbox: Inbox,
    waiting_events: EventQueue,
    redial: Redial,
    relaying: Relaying,
    clock: AwakeClock,
    now: Duration,
    alarm: Alarm,
    /// How many bytes of text were handed to the app since it had its turn.
    handed: usize,
    acknowledge_pace: AcknowledgePace,
    pong_due: bool,
    verifying: Verifying,
    /// The last connection was misused; connections that come before this time are dropped.
    shunned_until: Duration,
    leave_by: Option<Duration>,
    /// The last text that had arrived when the user left. It is acknowledged first if it is shown in time.
    leave_after: Option<u64>,
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

/// How a connection was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Loss {
    /// The connection was closed, by the other side or on the way.
    Closed,
    /// Nothing arrived for too long.
    Silent,
    /// The peer did what a peer must not do.
    Misused,
}

impl Link {
    pub(super) fn new(beginning: Beginning) -> Self {
        let Beginning { link, role, forked, mailbox, outgoing, arrivals, dialler, events } = beginning;
        let waiting_events = EventQueue::of(dialler.familiarity());
        let trouble = dialler.has_only_passed_over().then_some(PeerFailure::NotDialled);
        let relaying = Relaying::opening(dialler.path(), Duration::ZERO, dialler.was_told_addresses());
        Self {
            link,
            role,
            mailbox,
            outgoing,
            arrivals,
            dialler,
            events,
            last_met: Vec::new(),
            proven: None,
            connection: None,
            retired: None,
            inbox: Inbox::default(),
            waiting_events,
            redial: Redial::opening(Duration::ZERO, forked),
            relaying,
            clock: AwakeClock::new(Instant::now()),
            now: Duration::ZERO,
            alarm: Alarm::new(),
            handed: 0,
            acknowledge_pace: AcknowledgePace::default(),
            pong_due: false,
            verifying: Verifying::default(),
            shunned_until: Duration::ZERO,
            leave_by: None,
            leave_after: None,
            trouble,
        }
    }

    /// Runs until the session is over. `entered` keeps the session in the listener's table until then.
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
        // A peer who dials from here on is told that the session has ended.
        drop(entered);
        self.finish(ending).await;
    }

    async fn next(&mut self) -> Step {
        self.alarm.set(self.pause());
        let reading = self.waiting_events.has_room();
        let Self { connection, arrivals, dialler, events, waiting_events, mailbox, link, alarm, .. } = self;
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
                    permit.send(PeerEvent { link: *link, kind });
                    Step::Handed
                }
                _ => Step::AppGone,
            },
            () = mailbox.changed() => Step::Asked,
            () = alarm.rung() => Step::Looked,
        }
    }

    /// Returns the time until the clock requires something to be done.
    fn pause(&self) -> Duration {
        let (redial, relay) = match &self.connection {
            None => (Some(self.redial.next()), self.relaying.due()),
            Some(_) => (None, self.relaying.search_due()),
        };
        let acknowledge = self.is_owing().then(|| self.acknowledge_pace.latest());
        let due = [redial, relay, acknowledge, self.leave_by].into_iter().flatten().min();
        due.map_or(LOOK_EVERY, |due| due.saturating_sub(self.now).clamp(Duration::from_millis(1), LOOK_EVERY))
    }

    fn is_owing(&self) -> bool {
        self.connection.is_some() && (self.inbox.is_owing() || self.rests_before_acknowledging())
    }

    /// Whether texts have arrived that will be acknowledged when the pause after the last acknowledgement is over. The
    /// next text or the alarm wakes the task then, so texts that are shown until then need not wake it.
    fn rests_before_acknowledging(&self) -> bool {
        self.inbox.will_owe() && !self.acknowledge_pace.is_rested(self.now)
    }

    fn apply(&mut self, step: Step) -> Option<Ending> {
        match step {
            Step::Arrived(fresh) if self.connection.is_none() && self.now < self.shunned_until => {
                tracing::debug!(link = %self.link, origin = ?fresh.origin, "too soon after a misuse");
                None
            }
            Step::Arrived(fresh) => self.adopt(fresh),
            Step::Dialled(attempt) => self.dialled(attempt),
            Step::Read(Ok(0)) => self.lose(&"it was closed", Loss::Closed),
            Step::Read(Ok(_)) => {
                self.outgoing.open_short_way();
                self.read()
            }
            Step::Read(Err(error)) => self.lose(&error, Loss::Closed),
            Step::Handed | Step::Asked | Step::Looked => None,
            Step::AppGone => Some(Ending::AppGone),
        }
    }

    /// Does everything that is due, whatever woke the task.
    fn look(&mut self) -> Option<Ending> {
        self.hand_over();
        let News { shown, reachable, is_leaving, is_acquainted, verify } = self.mailbox.news();
        self.inbox.show(shown);
        if let Some(said) = verify {
            self.verifying.replace(said);
        }
        if self.dialler.is_strangers() && (is_acquainted || self.outgoing.has_said()) {
            self.dialler.acquaint();
            self.waiting_events.acquaint();
        }
        if let Some(reachable) = reachable {
            self.dialler.introduced(reachable);
            self.redial.hurry(self.now);
            self.relaying.hurry_search(self.now);
        }
        let (now, reading) = (self.now, self.waiting_events.has_room());
        if self.connection.as_mut().is_some_and(|connection| connection.check(now, reading) == Vital::Dead) {
            self.lose(&"it is silent", Loss::Silent);
        }
        self.retired.take_if(|(_, until)| now >= *until);
        self.fill();
        if is_leaving {
            return self.leave();
        }
        if self.connection.is_none() {
            return self.rebuild();
        }
        self.search();
        None
    }

    /// Hands waiting events to the app, as many as it has room for.
    fn hand_over(&mut self) {
        while !self.waiting_events.is_empty()
            && let Ok(permit) = self.events.try_reserve()
            && let Some(kind) = self.waiting_events.pop()
        {
            if let PeerEventKind::Said { text, .. } = &kind {
                self.handed += text.as_str().len();
            }
            permit.send(PeerEvent { link: self.link, kind });
        }
    }

    /// Appends everything that waits for the other side to the bytes of the writer.
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
        // An acknowledgement that is written together with other bytes costs next to nothing.
        let rested = self.acknowledge_pace.is_rested(self.now);
        if let Some(number) = self.inbox.due(rested || writer.is_writing) {
            self.outgoing.queue(&PeerMessage::Received { number });
            self.acknowledge_pace.acknowledged(self.now);
        }
        if self.rests_before_acknowledging() {
            self.mailbox.hush_below(self.inbox.due_at_once());
        }
    }

    fn lose(&mut self, reason: &dyn std::fmt::Display, loss: Loss) -> Option<Ending> {
        let lost = self.connection.take()?;
        if loss == Loss::Misused {
            tracing::warn!(link = %self.link, %reason, "the connection is dropped");
        } else {
            tracing::debug!(link = %self.link, %reason, "the connection is lost");
        }
        self.dialler.stop();
        self.dialler.lost(&self.last_met);
        self.waiting_events.push(PeerEventKind::Down);
        let dialled = matches!(lost.origin, Origin::Dialled(_) | Origin::Relayed(_));
        let lived = self.now.saturating_sub(lost.since);
        self.redial.lost(self.now, lived, dialled, jitter());
        self.relaying.lost(self.now, lived, loss == Loss::Closed, jitter());
        if loss == Loss::Misused {
            self.shunned_until = self.redial.next();
        }
        None
    }
}
