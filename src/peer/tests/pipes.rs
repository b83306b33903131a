//! Two links joined by pipes, with paused time: silence, and apps that do not read.

use hobnob_protocol::codec::LineBuffer;
use hobnob_protocol::ids::random_bytes;
use hobnob_protocol::{PEER_DEAD_AFTER, PEER_PING_AFTER};
use tokio::io::{DuplexStream, copy_bidirectional};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::super::connection::Fresh;
use super::super::greet::{self, Role};
use super::super::reach::Origin;
use super::*;

/// One link without a listener and without addresses; the test hands it its connections.
pub(super) struct Lone {
    line: Line,
    pub(super) handle: PeerLinkHandle,
    events: mpsc::Receiver<PeerEvent>,
    _task: JoinHandle<()>,
}

/// The way into a link for new connections.
#[derive(Clone)]
pub(super) struct Line {
    role: Role,
    token: PairToken,
    mailbox: Arc<Mailbox>,
    arrivals: mpsc::Sender<Fresh>,
}

impl Lone {
    fn new(role: Role, token: PairToken, event_room: usize) -> Self {
        let key = PublicKey::new(random_bytes());
        let (mailbox, outgoing) = (Arc::new(Mailbox::default()), Arc::new(Outgoing::default()));
        let (arrivals, arrival_rx) = mpsc::channel(ARRIVALS);
        let (event_tx, events) = mpsc::channel(event_room);
        let introductions = Arc::new(Introductions::new(Arc::new(|_| false)));
        let live = Live { key, mailbox: Arc::clone(&mailbox), arrivals: arrivals.clone() };
        let entered = introductions.enter(token, live);
        let identity = Identity::generate().unwrap();
        let call = Call {
            identity,
            key,
            token,
            role,
            mailbox: Arc::clone(&mailbox),
            dial_filter: Arc::default(),
            path: PathChoice::Auto,
        };
        let link = Link::new(Beginning {
            link: LinkId(1),
            role,
            forked: true,
            mailbox: Arc::clone(&mailbox),
            outgoing: Arc::clone(&outgoing),
            arrivals: arrival_rx,
            dialler: Dialler::new(call, Familiarity::Known),
            events: event_tx,
        });
        let line = Line { role, token, mailbox: Arc::clone(&mailbox), arrivals };
        Self {
            line,
            handle: PeerLinkHandle { mailbox, outgoing },
            events,
            _task: tokio::spawn(link.run(entered)),
        }
    }

    pub(super) fn line(&self) -> Line {
        self.line.clone()
    }

    pub(super) async fn next(&mut self) -> PeerEventKind {
        self.events.recv().await.unwrap().kind
    }
}

impl Line {
    fn fresh(&self, stream: DuplexStream, lines: LineBuffer, received: u64, told: u64) -> Fresh {
        let origin = Origin::Accepted(Ipv4Addr::LOCALHOST.into());
        Fresh { stream: Box::new(stream), lines, received, told, key_exchange: String::new(), origin }
    }

    /// Dials over a stream; returns `None` if the stream breaks.
    pub(super) async fn dial_over(&self, mut stream: DuplexStream) -> Option<()> {
        let (mut lines, told) = (greet::hello_lines(), self.mailbox.shown());
        let received = greet::greet(&mut stream, &mut lines, self.token, told, self.role).await.ok()?;
        self.arrivals.send(self.fresh(stream, lines, received, told)).await.ok()
    }

    /// Answers a side that dials; returns `None` if the stream breaks.
    pub(super) async fn answer_over(&self, mut stream: DuplexStream) -> Option<()> {
        let (mut lines, told) = (greet::hello_lines(), self.mailbox.shown());
        let heard = greet::hear_hello(&mut stream, &mut lines).await.ok()?;
        greet::answer(&mut stream, &mut lines, self.token, told, self.role).await.ok()?;
        self.arrivals.send(self.fresh(stream, lines, heard.received, told)).await.ok()
    }
}

/// The pipes that join two links.
struct Path {
    frozen: Arc<Notify>,
    task: JoinHandle<()>,
}

impl Path {
    /// Lets nothing pass from now on; both ends stay open.
    fn freeze(&self) {
        self.frozen.notify_one();
    }

    fn cut(&self) {
        self.task.abort();
    }
}

async fn join(dialler: &Lone, acceptor: &Lone) -> Path {
    let (near, mut near_end) = tokio::io::duplex(64);
    let (far, mut far_end) = tokio::io::duplex(64);
    let frozen = Arc::new(Notify::new());
    let freeze = Arc::clone(&frozen);
    let task = tokio::spawn(async move {
        tokio::select! {
            _ = copy_bidirectional(&mut near_end, &mut far_end) => {}
            () = freeze.notified() => std::future::pending().await,
        }
    });
    let (dialled, answered) = tokio::join!(dialler.line.dial_over(near), acceptor.line.answer_over(far));
    assert!(dialled.is_some() && answered.is_some());
    Path { frozen, task }
}

pub(super) fn two_links(event_room: usize) -> (Lone, Lone) {
    let token = PairToken::random();
    (Lone::new(Role::Chooser, token, event_room), Lone::new(Role::Follower, token, event_room))
}

#[tokio::test(start_paused = true)]
async fn texts_cross_pipes_of_sixty_four_bytes() {
    let (anna, mut bobby) = two_links(64);
    for id in 0..100 {
        anna.handle.say(id, text("x".repeat(500)), 0).unwrap();
    }
    let _path = join(&bobby, &anna).await;
    assert!(matches!(bobby.next().await, PeerEventKind::Up { .. }));
    for expected in 1..=100 {
        assert!(matches!(bobby.next().await, PeerEventKind::Said { number, .. } if number == expected));
    }
}

#[tokio::test(start_paused = true)]
async fn an_idle_link_stays_up() {
    let (mut anna, mut bobby) = two_links(64);
    let _path = join(&bobby, &anna).await;
    assert!(matches!(anna.next().await, PeerEventKind::Up { .. }));
    assert!(matches!(bobby.next().await, PeerEventKind::Up { .. }));
    tokio::time::sleep(Duration::from_secs(3600)).await; // paused time
    assert!(anna.events.try_recv().is_err() && bobby.events.try_recv().is_err());
}

#[tokio::test(start_paused = true)]
async fn a_frozen_link_is_noticed_in_time_and_rebuilt() {
    let (mut anna, mut bobby) = two_links(64);
    let path = join(&bobby, &anna).await;
    assert!(matches!(anna.next().await, PeerEventKind::Up { .. }));
    assert!(matches!(bobby.next().await, PeerEventKind::Up { .. }));
    let frozen = Instant::now();
    path.freeze();
    anna.handle.say(1, text("?"), 0).unwrap();
    assert_eq!(anna.next().await, PeerEventKind::Down);
    assert_eq!(bobby.next().await, PeerEventKind::Down);
    assert!(frozen.elapsed() <= PEER_DEAD_AFTER + PEER_PING_AFTER);
    let _path = join(&bobby, &anna).await;
    assert!(matches!(anna.next().await, PeerEventKind::Up { .. }));
    assert!(matches!(bobby.next().await, PeerEventKind::Up { .. }));
    assert!(matches!(bobby.next().await, PeerEventKind::Said { number: 1, .. }));
}

#[tokio::test(start_paused = true)]
async fn an_app_that_does_not_read_loses_neither_link_nor_text() {
    let (anna, mut bobby) = two_links(1);
    let _path = join(&bobby, &anna).await;
    for id in 0..OUTBOX_TEXTS as u64 {
        anna.handle.say(id, text("x"), 0).unwrap();
    }
    tokio::time::sleep(Duration::from_secs(600)).await; // paused time
    assert!(matches!(bobby.next().await, PeerEventKind::Up { .. }));
    for expected in 1..=OUTBOX_TEXTS as u64 {
        assert!(matches!(bobby.next().await, PeerEventKind::Said { number, .. } if number == expected));
    }
    assert!(bobby.events.try_recv().is_err(), "the link was up all the time");
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_never_comes_back_is_gone_after_ten_minutes() {
    let (mut anna, bobby) = two_links(64);
    let path = join(&bobby, &anna).await;
    assert!(matches!(anna.next().await, PeerEventKind::Up { .. }));
    path.cut();
    drop(bobby);
    let began = Instant::now();
    let mut events = vec![anna.next().await];
    while !matches!(events.last(), Some(PeerEventKind::Gone { .. })) {
        events.push(anna.next().await);
    }
    assert_eq!(events.first(), Some(&PeerEventKind::Down));
    assert_eq!(events.last(), Some(&PeerEventKind::Gone { reason: GoneReason::Silence }));
    assert!(began.elapsed() >= GONE_AFTER && began.elapsed() < GONE_AFTER + 2 * PEER_DEAD_AFTER);
}

#[tokio::test(start_paused = true)]
async fn a_newer_connection_takes_over_without_an_event() {
    let (mut anna, mut bobby) = two_links(64);
    let _first = join(&bobby, &anna).await;
    assert!(matches!(anna.next().await, PeerEventKind::Up { .. }));
    assert!(matches!(bobby.next().await, PeerEventKind::Up { .. }));
    tokio::time::sleep(Duration::from_secs(2)).await; // paused time
    for id in 0..20 {
        anna.handle.say(id, text("x".repeat(100)), 0).unwrap();
    }
    let _second = join(&anna, &bobby).await;
    for expected in 1..=20 {
        assert!(matches!(bobby.next().await, PeerEventKind::Said { number, .. } if number == expected));
        bobby.handle.shown(expected);
    }
    for expected in 0..20 {
        assert_eq!(anna.next().await, PeerEventKind::Delivered { local_id: expected });
    }
}
