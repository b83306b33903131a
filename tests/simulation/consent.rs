//! Users who want private sessions and are asked for private sessions, at the level of protocol messages. Each has an
//! attitude, answers late or never, leaves in between, loses links, and forks at random. What each user was told is
//! compared with what the others said: nothing about a user goes out before his yes. This file knows the server only by
//! its messages.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::BytesMut;
use hobnob::lobby::connect::Dial;
use hobnob_protocol::candidate::Candidate;
use hobnob_protocol::codec::{LineBuffer, encode};
use hobnob_protocol::identity::Identity;
use hobnob_protocol::ids::{PairToken, RunId};
use hobnob_protocol::message::{ClientMessage, ConsentAnswer, Hello, Introduction, ServerMessage};
use hobnob_protocol::name::UserName;
use hobnob_protocol::transport::{KeyPolicy, client_config, server_name};
use hobnob_protocol::{LOBBY_ALPN, MAX_LINE_BYTES, PROTOCOL_VERSION};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_util::sync::CancellationToken;

use crate::chance::Chance;
use crate::network::{Path, pass};

/// How long a handshake may take before another connection is tried.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);

/// A time that is longer than any question waits.
const ANSWERED_WITHIN: Duration = Duration::from_secs(150);

/// What a user does when he is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Attitude {
    Open,
    /// The user is asked, and says yes or no, or does not answer.
    Ask,
    Off,
    /// The client does not answer.
    Silent,
}

/// The things that happened, in order, for the books.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Happened {
    /// `by` asks to be introduced to `to`.
    Wanted { by: usize, to: usize },
    /// `by` says yes to a question of `to`.
    Agreed { by: usize, to: usize },
    /// `at` is introduced to `with`.
    Introduced { at: usize, with: usize, session: PairToken },
    /// A `pair` was answered with a no.
    Refused,
}

/// What all users know together.
#[derive(Debug, Default)]
pub(crate) struct Books {
    happened: Mutex<Vec<Happened>>,
    identities: Vec<Identity>,
}

/// One of the users.
struct Person {
    number: usize,
    attitude: Attitude,
    run: RunId,
    books: Arc<Books>,
    sessions: BTreeMap<usize, PairToken>,
    last_request: u32,
    /// The answers that the user gives later.
    pending: Vec<(Instant, u64, usize, ConsentAnswer)>,
}

type Link = TlsStream<DuplexStream>;

fn name(number: usize) -> UserName {
    format!("c{number}").parse().unwrap()
}

/// Returns an address that belongs only to this user.
fn candidate(number: usize) -> Candidate {
    format!("192.0.2.{}:{}", 100 + number, 40_000 + number).parse().unwrap()
}

impl Books {
    pub(crate) fn of(people: u64) -> Arc<Self> {
        let identities = (0..people).map(|_| Identity::generate().unwrap()).collect();
        Arc::new(Self { happened: Mutex::default(), identities })
    }

    fn note(&self, happened: Happened) {
        self.happened.lock().unwrap().push(happened);
    }

    fn number_of(&self, name: &UserName) -> usize {
        (0..self.identities.len()).find(|&number| *name == self::name(number)).unwrap()
    }

    /// Fails unless every introduction follows from a yes, or from two users who wanted each other. Returns how many
    /// sessions and how many refusals there were.
    pub(crate) fn close(&self) -> (usize, u64) {
        let happened = self.happened.lock().unwrap();
        let mut allowed: BTreeMap<(usize, usize), usize> = BTreeMap::new();
        let mut wants: BTreeMap<(usize, usize), usize> = BTreeMap::new();
        let mut sessions: BTreeMap<PairToken, (usize, usize)> = BTreeMap::new();
        let mut refused = 0;
        let pair = |one: usize, other: usize| (one.min(other), one.max(other));
        for event in &*happened {
            match *event {
                Happened::Wanted { by, to } => *wants.entry((by, to)).or_default() += 1,
                Happened::Agreed { by, to } => *allowed.entry(pair(by, to)).or_default() += 1,
                Happened::Refused => refused += 1,
                Happened::Introduced { at, with, session } => {
                    let both = pair(at, with);
                    assert_eq!(
                        *sessions.entry(session).or_insert(both),
                        both,
                        "one token belongs to two pairs of users"
                    );
                    let wanted = |by, to| wants.get(&(by, to)).copied().unwrap_or_default();
                    let crossed = wanted(at, with).min(wanted(with, at));
                    let so_far = sessions.values().filter(|pair| **pair == both).count();
                    let agreed = allowed.get(&both).copied().unwrap_or_default();
                    assert!(
                        so_far <= agreed + crossed,
                        "{at} was introduced to {with}: {so_far} sessions of {agreed} yeses and {crossed} crossings"
                    );
                    assert!(agreed + crossed > 0 && (wanted(at, with) > 0 || wanted(with, at) > 0));
                }
            }
        }
        (sessions.len(), refused)
    }
}

/// Plays one user until `enough` is cancelled. In the end, when nothing breaks any more, every user who asks must get
/// an answer.
pub(crate) async fn live(
    number: usize,
    books: Arc<Books>,
    path: Path,
    mut chance: Chance,
    calm: CancellationToken,
    enough: CancellationToken,
) {
    let attitude = [Attitude::Open, Attitude::Ask, Attitude::Off, Attitude::Silent]
        [(number + chance.below(2) as usize) % 4];
    let (sessions, pending) = (BTreeMap::new(), Vec::new());
    let run = RunId::random();
    let mut person = Person { number, attitude, run, books, sessions, last_request: 0, pending };
    while !enough.is_cancelled() {
        let Ok(Some(link)) = timeout(CONNECT_WITHIN, person.connect(&path)).await else {
            pass(Duration::from_secs(1)).await;
            continue;
        };
        person.pending.clear();
        person.talk(link, &mut chance, &calm, &enough).await;
        if chance.below(3) == 0 {
            // This is another run of the client, which has none of the sessions of the run before.
            person.run = RunId::random();
            person.sessions.clear();
        }
    }
}

impl Person {
    async fn connect(&self, path: &Path) -> Option<Link> {
        let stream = path.dial("the lobby").await.ok()?;
        let identity = &self.books.identities[self.number];
        let (config, _) = client_config(identity, KeyPolicy::Any, LOBBY_ALPN);
        let mut link = TlsConnector::from(config).connect(server_name(), stream).await.ok()?;
        let hello = Hello {
            protocol: PROTOCOL_VERSION,
            agent: "story".to_owned(),
            name: name(self.number),
            run: self.run,
            candidates: vec![candidate(self.number)],
            port: None,
            cursor: None,
            since: None,
            backlog: 0,
            rooms: Vec::new(),
        };
        link.write_all(&encode(&ClientMessage::Hello(hello))).await.ok()?;
        link.flush().await.ok()?;
        Some(link)
    }

    /// Uses one connection, until it breaks or this user leaves.
    async fn talk(
        &mut self,
        mut link: Link,
        chance: &mut Chance,
        calm: &CancellationToken,
        enough: &CancellationToken,
    ) {
        let (mut lines, mut chunk) = (LineBuffer::new(MAX_LINE_BYTES), BytesMut::with_capacity(4096));
        let mut next = Instant::now() + chance.span(Duration::from_secs(10));
        let mut outstanding: BTreeSet<u32> = BTreeSet::new();
        let mut last_asked = Instant::now();
        loop {
            let answer_due = self.pending.iter().map(|(at, ..)| *at).min();
            let mut say: Vec<ClientMessage> = Vec::new();
            tokio::select! {
                read = link.read_buf(&mut chunk) => {
                    if read.unwrap_or(0) == 0 {
                        return;
                    }
                    lines.extend(&chunk.split());
                    while let Some(line) = lines.next_line().unwrap() {
                        self.hear(&line, chance, &mut outstanding, &mut say);
                    }
                }
                () = sleep_until(next) => {
                    next = Instant::now() + chance.span(Duration::from_secs(25));
                    let leaves = !calm.is_cancelled() && chance.below(12) == 0;
                    if leaves {
                        let _gone = link.write_all(&encode(&ClientMessage::Leave)).await;
                        let _gone = link.flush().await;
                        return;
                    }
                    last_asked = Instant::now();
                    say.push(self.want(chance, &mut outstanding));
                }
                () = sleep_until(answer_due.unwrap_or(next)), if answer_due.is_some() => {
                    let due = answer_due.unwrap_or(next);
                    let (now, later) = std::mem::take(&mut self.pending).into_iter().partition(|(at, ..)| *at <= due);
                    self.pending = later;
                    for (_, ask, to, answer) in Vec::from_iter(now) {
                        self.answers(ask, to, answer, &mut say);
                    }
                }
                () = enough.cancelled() => {
                    let since = last_asked.elapsed();
                    assert!(
                        since < ANSWERED_WITHIN || outstanding.is_empty(),
                        "questions were never answered: {outstanding:?}"
                    );
                    return;
                }
            }
            for message in say {
                let wrote = link.write_all(&encode(&message)).await;
                if wrote.is_err() || link.flush().await.is_err() {
                    return;
                }
            }
        }
    }

    /// Asks for a session with a random user: a new session, or the one that exists.
    fn want(&mut self, chance: &mut Chance, outstanding: &mut BTreeSet<u32>) -> ClientMessage {
        let people = self.books.identities.len();
        let to = (self.number + 1 + chance.below(people as u64 - 1) as usize) % people;
        self.last_request += 1;
        outstanding.insert(self.last_request);
        let session = self.sessions.get(&to).copied().filter(|_| chance.below(2) == 0);
        self.books.note(Happened::Wanted { by: self.number, to });
        ClientMessage::Pair { request: self.last_request, name: name(to), session }
    }

    fn answers(&self, ask: u64, to: usize, answer: ConsentAnswer, say: &mut Vec<ClientMessage>) {
        if answer == ConsentAnswer::Open {
            self.books.note(Happened::Agreed { by: self.number, to });
        }
        say.push(ClientMessage::Consent { ask, answer });
    }

    fn hear(
        &mut self,
        line: &[u8],
        chance: &mut Chance,
        outstanding: &mut BTreeSet<u32>,
        say: &mut Vec<ClientMessage>,
    ) {
        let message: ServerMessage = serde_json::from_slice(line).unwrap();
        self.is_told_nothing_else(line, &message);
        match message {
            ServerMessage::Ping => say.push(ClientMessage::Pong),
            ServerMessage::Asked { ask, name, session, .. } => {
                let to = self.books.number_of(&name);
                if let Some(session) = session {
                    let has_it = self.sessions.get(&to) == Some(&session);
                    let answer = if has_it { ConsentAnswer::Open } else { ConsentAnswer::Declined };
                    return self.answers(ask, to, answer, say);
                }
                self.is_asked(ask, to, chance, say);
            }
            ServerMessage::Introduced(Introduction { request, session, name, .. }) => {
                let with = self.books.number_of(&name);
                if let Some(request) = request {
                    assert!(
                        outstanding.remove(&request),
                        "a question was answered twice, or was never asked"
                    );
                }
                self.sessions.insert(with, session);
                self.books.note(Happened::Introduced { at: self.number, with, session });
            }
            ServerMessage::NoAnswer { request, .. } => {
                assert!(outstanding.remove(&request), "a question was answered twice, or was never asked");
                self.books.note(Happened::Refused);
            }
            ServerMessage::Bad { reason } => panic!("{reason}"),
            _ => {}
        }
    }

    fn is_asked(&mut self, ask: u64, to: usize, chance: &mut Chance, say: &mut Vec<ClientMessage>) {
        let answer = match self.attitude {
            Attitude::Open => ConsentAnswer::Open,
            Attitude::Off => ConsentAnswer::Declined,
            Attitude::Silent => return,
            Attitude::Ask => {
                say.push(ClientMessage::Consent { ask, answer: ConsentAnswer::Asking });
                let later = match chance.below(4) {
                    0 => return,
                    1 => ConsentAnswer::Declined,
                    _ => ConsentAnswer::Open,
                };
                let at = Instant::now() + chance.span(ANSWERED_WITHIN);
                return self.pending.push((at, ask, to, later));
            }
        };
        self.answers(ask, to, answer, say);
    }

    /// Checks that a line tells no more of other users than it may. A client is told a user's key only when it is asked
    /// about him or introduced to him, and his addresses and a token only when it is introduced.
    fn is_told_nothing_else(&self, line: &[u8], message: &ServerMessage) {
        let line = std::str::from_utf8(line).unwrap();
        let about = match message {
            ServerMessage::Asked { name, .. } => Some((self.books.number_of(name), false)),
            ServerMessage::Introduced(introduction) => Some((self.books.number_of(&introduction.name), true)),
            _ => None,
        };
        for (other, identity) in self.books.identities.iter().enumerate().filter(|(n, _)| *n != self.number) {
            let is_about = about.is_some_and(|(number, _)| number == other);
            assert!(
                is_about || !line.contains(&identity.public().to_string()),
                "the line has the key of another user: {line}"
            );
            let is_introduced = about == Some((other, true));
            assert!(
                is_introduced || !line.contains(candidate(other).as_str()),
                "the line has an address of another user: {line}"
            );
        }
        let tells_token =
            matches!(message, ServerMessage::Introduced(_) | ServerMessage::Asked { session: Some(_), .. });
        assert!(tells_token || !line.contains("\"session\""), "the line has a token: {line}");
        if let ServerMessage::Asked { session: Some(_), .. } = message {
            assert!(!line.contains("candidates"), "{line}");
        }
    }
}
