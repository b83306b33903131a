//! What strangers may cost this client, and a server that introduces users without end.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::super::allowance::STRANGER_DIALS_EACH;
use super::*;

/// A listener at an address that a stranger names; it counts the connections.
struct Victim {
    addr: SocketAddr,
    taken: Arc<AtomicUsize>,
    accepting: JoinHandle<()>,
}

impl Victim {
    /// Starts a listener that closes each connection at once, or keeps it and says nothing.
    async fn start(keeps: bool) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let addr = listener.local_addr().unwrap();
        let taken = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&taken);
        let accepting = tokio::spawn(async move {
            let mut kept = Vec::new();
            while let Ok((socket, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::SeqCst);
                if keeps {
                    kept.push(socket);
                }
            }
        });
        Self { addr, taken, accepting }
    }

    fn taken(&self) -> usize {
        self.taken.load(Ordering::SeqCst)
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// An address where nobody listens.
async fn closed_port() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap().local_addr().unwrap()
}

/// Returns for how long anna tries to meet a stranger at these addresses.
async fn tries(at: Vec<SocketAddr>) -> Duration {
    let mut anna = Client::start(Identity::generate().unwrap()).await;
    let stranger = Identity::generate().unwrap().public();
    let began = Instant::now();
    let introduction = introduction(PairToken::random(), stranger, &at, false);
    let _annas = anna.open_with(&introduction, Familiarity::Stranger);
    let failed = timeout(2 * OPEN_WITHIN, anna.events.recv()).await.unwrap().unwrap().kind;
    assert!(matches!(failed, PeerEventKind::Failed { .. }), "{failed:?}");
    began.elapsed()
}

#[tokio::test]
async fn a_stranger_causes_at_most_eight_dials_and_does_not_learn_which_address_refused() {
    let (closing, keeping) = (Victim::start(false).await, Victim::start(true).await);
    let mut many = Vec::new();
    for _ in 0..32 {
        many.push(Victim::start(false).await);
    }
    let all: Vec<SocketAddr> = many.iter().map(|victim| victim.addr).collect();
    let refused = closed_port().await;
    let times: [Duration; 4] = tokio::join!(
        tries(vec![refused]),
        tries(vec![closing.addr]),
        tries(vec![keeping.addr, refused]),
        tries(all),
    )
    .into();
    for time in times {
        assert!(time >= OPEN_WITHIN && time < OPEN_WITHIN + Duration::from_secs(2), "{times:?}");
    }
    assert!((1..=STRANGER_DIALS_EACH).contains(&closing.taken()), "{}", closing.taken());
    let sum: usize = many.iter().map(Victim::taken).sum();
    assert_eq!(sum, STRANGER_DIALS_EACH);
}

#[tokio::test]
async fn all_strangers_together_cause_a_limited_number_of_dials() {
    let anna = Client::start(Identity::generate().unwrap()).await;
    let victim = Victim::start(false).await;
    let mut sessions = Vec::new();
    for _ in 0..40 {
        let stranger = Identity::generate().unwrap().public();
        // This client is the side that forked, which dials at once; the bound does not depend on it.
        let introduction = introduction(PairToken::random(), stranger, &[victim.addr], true);
        sessions.push(anna.open_with(&introduction, Familiarity::Stranger));
    }
    let places = async {
        while anna.network.dial_filter.take_place(Instant::now()) {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, places).await.expect("strangers use up all places");
    assert!(victim.taken() <= 64, "{}", victim.taken());
}

#[tokio::test]
async fn addresses_of_another_kind_than_the_lobbys_are_not_dialled() {
    let victim = Victim::start(false).await;
    let stranger = Identity::generate().unwrap().public();
    let mut named = introduction(PairToken::random(), stranger, &[victim.addr], true);
    named.candidates.push(format!("localhost:{}", victim.addr.port()).parse().unwrap());
    let tried = async |familiarity| {
        let mut anna = Client::start(Identity::generate().unwrap()).await;
        anna.network.dial_filter().lobby_is_at("203.0.113.1:43210".parse().unwrap());
        let _annas = anna.open_with(&named, familiarity);
        let failed = timeout(2 * OPEN_WITHIN, anna.events.recv()).await.unwrap().unwrap().kind;
        assert_eq!(failed, PeerEventKind::Failed { reason: PeerFailure::NotDialled });
    };
    tokio::join!(tried(Familiarity::Stranger), tried(Familiarity::Known));
    assert_eq!(victim.taken(), 0);
}

#[tokio::test]
async fn endless_introductions_open_a_bounded_number_of_links() {
    let mut anna = Client::start(Identity::generate().unwrap()).await;
    let mut handles = Vec::new();
    for _ in 0..5000 {
        let stranger = PublicKey::new(hobnob_protocol::ids::random_bytes());
        let introduction = introduction(PairToken::random(), stranger, &[], false);
        handles.extend(anna.network.open(LinkId(1), &introduction, Familiarity::Stranger));
    }
    assert_eq!(handles.len(), STRANGER_LINKS);
    let own = introduction(PairToken::random(), PublicKey::new([1; 32]), &[], true);
    assert!(
        anna.network.open(LinkId(2), &own, Familiarity::Known).is_ok(),
        "there is room for this user's own forks"
    );
    drop(handles);
    assert_eq!(anna.next().await, PeerEventKind::Ended);
}

#[tokio::test]
async fn a_peer_that_dials_for_a_refused_session_is_told_so_at_once() {
    let (anna, mut bobby) = two_clients().await;
    let token = PairToken::random();
    anna.network.refuse(&introduction(token, bobby.key(), &[], true));
    let began = Instant::now();
    let _bobbys = bobby.open(&introduction(token, anna.key(), &[anna.addr()], false));
    assert_eq!(bobby.next().await, PeerEventKind::Failed { reason: PeerFailure::NotTaken });
    assert!(began.elapsed() < OPEN_WITHIN, "the peer is told before its time is up");
}

#[tokio::test]
async fn a_session_with_an_answered_stranger_is_rebuilt_like_any_other() {
    let (mut anna, mut bobby) = two_clients().await;
    let proxy = super::proxy::Proxy::before(bobby.addr()).await;
    let token = PairToken::random();
    let mut bobbys = bobby.open(&introduction(token, anna.key(), &[], true));
    let mut annas =
        anna.open_with(&introduction(token, bobby.key(), &[proxy.addr], false), Familiarity::Stranger);
    assert!(matches!(anna.next().await, PeerEventKind::Up { .. }));
    annas.handle.say(1, text("hi"), 0).unwrap();
    tokio::join!(anna.until(&mut annas, 0, 1), bobby.until(&mut bobbys, 1, 0));
    for said in 2..5 {
        proxy.cut();
        annas.handle.say(said, text("hi"), 0).unwrap();
        let said = said as usize;
        tokio::join!(anna.until(&mut annas, 0, said), bobby.until(&mut bobbys, said, 0));
    }
}
