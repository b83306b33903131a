//! The stories that are played: chance faults of every kind, and a link that is cut after any number of bytes.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use hobnob::lobby::event::LobbyEvent;
use hobnob::lobby::link;
use hobnob_protocol::text::Text;
use tokio::io::DuplexStream;
use tokio::runtime::Builder;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::chance::Chance;
use crate::consent;
use crate::network::{Fate, Fates, Path, Weather, pass};
use crate::rooms;
use crate::store::Disk;
use crate::world::{Allowed, Host, SETTLE, client, close_books, who};

/// How long faults happen in a story.
const TROUBLE: Duration = Duration::from_secs(150);

const CLIENTS: u64 = 3;
const TEXTS: u64 = 40;

/// How many users ask each other for private sessions.
const PEOPLE: u64 = 5;

/// Returns the seeds to play: those of `HOBNOB_SIM_SEEDS`, or else `few`.
fn seeds(few: Range<u64>) -> Range<u64> {
    let Ok(given) = std::env::var("HOBNOB_SIM_SEEDS") else { return few };
    let range = given.split_once("..").and_then(|(first, end)| Some(first.parse().ok()?..end.parse().ok()?));
    range.unwrap_or_else(|| panic!("HOBNOB_SIM_SEEDS is no FIRST..END: {given:?}"))
}

/// Runs one story in a runtime of its own, in which time passes only when nothing else is to be done.
fn play<T>(name: &str, seed: u64, story: impl Future<Output = T>) -> T {
    struct Named<'a>(&'a str, u64);
    impl Drop for Named<'_> {
        fn drop(&mut self) {
            if std::thread::panicking() {
                eprintln!("{}: failed with seed {}", self.0, self.1);
            }
        }
    }
    let _named = Named(name, seed);
    Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(story)
}

/// Returns a fate by chance: the connection works, or it breaks after some bytes.
fn any_fate(_number: u64, chance: &mut Chance) -> Fate {
    let bytes = chance.below(60_000) as usize;
    match chance.below(4) {
        0 => Fate::Cut(bytes),
        1 => Fate::Freeze(bytes),
        _ => Fate::Sound,
    }
}

/// What may go wrong in a story, apart from the fates of the connections.
struct Trouble {
    host: Host,
    disk: Arc<Disk>,
    paths: Vec<Path>,
    chance: Chance,
    fills: bool,
}

impl Trouble {
    async fn strike(&mut self) {
        let path = &self.paths[self.chance.below(self.paths.len() as u64) as usize];
        match self.chance.below(6) {
            0 => self.host.crash(),
            1 if !self.host.is_up() => self.host.start().await,
            1 => path.cut(),
            2 => drop(path.weather.send_replace(Weather::Silent)),
            3 => drop(path.weather.send_replace(Weather::Refused)),
            4 => drop(path.weather.send_replace(Weather::Fair)),
            _ if self.fills => {
                let was = self.disk.full.load(Ordering::SeqCst);
                self.disk.full.store(!was, Ordering::SeqCst);
            }
            _ => path.cut(),
        }
    }

    async fn end(&mut self) {
        self.disk.full.store(false, Ordering::SeqCst);
        for path in &self.paths {
            path.weather.send_replace(Weather::Fair);
        }
        if !self.host.is_up() {
            self.host.start().await;
        }
    }
}

/// A story before anything breaks: the server runs, and there is a path to it for each client.
struct Beginning {
    chance: Chance,
    disk: Arc<Disk>,
    host: Host,
    paths: Vec<Path>,
    /// The connections that clients make over the paths.
    arriving: mpsc::UnboundedReceiver<DuplexStream>,
}

impl Beginning {
    async fn of(seed: u64, history: u64, clients: u64) -> Self {
        let mut chance = Chance::of(seed);
        let disk = Arc::new(Disk::new(history, chance.fork()));
        let mut host = Host::new(Arc::clone(&disk));
        host.start().await;
        let (arrivals, arriving) = mpsc::unbounded_channel();
        let paths =
            (0..clients).map(|_| Path::new(chance.fork(), Arc::new(any_fate), arrivals.clone())).collect();
        Self { chance, disk, host, paths, arriving }
    }

    /// Breaks things by chance for as long as [`TROUBLE`], then mends everything and cancels `calm`. Plays on until
    /// `ending` is ready, and returns what it gives.
    async fn go_on<T>(self, fills: bool, calm: CancellationToken, ending: impl Future<Output = T>) -> T {
        let Self { chance, disk, host, paths, mut arriving } = self;
        let mut trouble = Trouble { host, disk, paths, chance, fills };
        let over = Instant::now() + TROUBLE;
        let mut next = Instant::now();
        tokio::pin!(ending);
        loop {
            tokio::select! {
                Some(stream) = arriving.recv() => trouble.host.take(stream),
                () = sleep_until(next), if next < over => {
                    trouble.strike().await;
                    next += trouble.chance.span(Duration::from_secs(12));
                    if next >= over {
                        trouble.end().await;
                        calm.cancel();
                    }
                }
                ended = &mut ending => return ended,
            }
        }
    }
}

/// Waits until all trouble is over and everything has settled, tells the clients that it is enough, and returns them.
async fn settled<T: 'static>(enough: CancellationToken, clients: JoinSet<T>) -> Vec<T> {
    pass(TROUBLE + SETTLE).await;
    enough.cancel();
    clients.join_all().await
}

/// Plays a story with all kinds of faults. Returns how many messages were checked and how many links were lost.
async fn chance_story(seed: u64, history: u64, fills: bool) -> (usize, u64) {
    let mut story = Beginning::of(seed, history, CLIENTS).await;
    let enough = CancellationToken::new();
    let mut clients = JoinSet::new();
    for (number, path) in story.paths.iter().enumerate() {
        let chance = story.chance.fork();
        clients.spawn(client(format!("c{number}"), path.clone(), TEXTS, chance, enough.clone()));
    }
    let allowed = Allowed { missing: history < CLIENTS * TEXTS, refusals: fills };
    let disk = Arc::clone(&story.disk);
    story.go_on(fills, CancellationToken::new(), close_books(&disk, clients, enough, allowed)).await
}

/// Plays a story with the same faults in which clients also talk in rooms.
async fn rooms_story(seed: u64, fills: bool) -> (usize, u64) {
    let mut story = Beginning::of(seed, 100_000, CLIENTS).await;
    let enough = CancellationToken::new();
    let mut members = JoinSet::new();
    for (member, path) in rooms::members(CLIENTS).into_iter().zip(&story.paths) {
        members.spawn(member.live(path.clone(), TEXTS, story.chance.fork(), enough.clone()));
    }
    let disk = Arc::clone(&story.disk);
    let members = story.go_on(fills, CancellationToken::new(), settled(enough, members)).await;
    rooms::close(&disk, &members, fills)
}

/// Plays a story in which users ask each other for private sessions while links are lost and the server dies. Returns
/// how many sessions and how many refusals there were.
async fn consent_story(seed: u64) -> (usize, u64) {
    let mut story = Beginning::of(seed, 1000, PEOPLE).await;
    let (calm, enough) = (CancellationToken::new(), CancellationToken::new());
    let (books, mut people) = (consent::Books::of(PEOPLE), JoinSet::new());
    for (number, path) in story.paths.iter().enumerate() {
        let (books, chance) = (Arc::clone(&books), story.chance.fork());
        people.spawn(consent::live(number, books, path.clone(), chance, calm.clone(), enough.clone()));
    }
    story.go_on(false, calm, settled(enough, people)).await;
    books.close()
}

#[test]
fn nothing_about_a_user_is_told_before_he_consents_whatever_breaks() {
    let (mut sessions, mut refusals, seeds) = (0, 0, seeds(500..524));
    for seed in seeds.clone() {
        let (some, refused) = play("consent", seed, consent_story(seed));
        sessions += some;
        refusals += refused;
    }
    assert!(sessions > 0 && refusals > 0, "{sessions} sessions, {refusals} refusals");
    eprintln!("consent: seeds {seeds:?}, {sessions} sessions, {refusals} refusals");
}

#[test]
fn texts_of_a_room_are_seen_once_and_only_in_that_room_whatever_breaks() {
    for (fills, seeds_of) in [(false, 300..316), (true, 400..408)] {
        let (mut messages, mut losses) = (0, 0);
        for seed in seeds(seeds_of) {
            let (some, lost) = play("rooms", seed, rooms_story(seed, fills));
            messages += some;
            losses += lost;
        }
        eprintln!("rooms: {messages} messages, {losses} links lost");
    }
}

fn play_all(name: &str, few: Range<u64>, history: u64, fills: bool) {
    let (mut messages, mut losses, seeds) = (0, 0, seeds(few));
    for seed in seeds.clone() {
        let (some, lost) = play(name, seed, chance_story(seed, history, fills));
        messages += some;
        losses += lost;
    }
    eprintln!("{name}: seeds {seeds:?}, {messages} messages, {losses} links lost");
}

#[test]
fn each_text_is_stored_once_and_seen_once_by_everybody_whatever_breaks() {
    play_all("whatever breaks", 0..24, 100_000, false);
}

#[test]
fn a_disk_that_fills_now_and_then_changes_only_what_is_refused() {
    play_all("a disk that fills", 100..116, 100_000, true);
}

#[test]
fn a_log_that_keeps_little_shows_nothing_twice() {
    play_all("a log that keeps little", 200..212, 8, true);
}

/// Plays a story with a client whose first connections are cut or fall silent after this many bytes, and with another
/// client that hears it.
async fn cut_story(bytes: usize) -> (usize, u64) {
    let mut chance = Chance::of(bytes as u64);
    let disk = Arc::new(Disk::new(1000, chance.fork()));
    let mut host = Host::new(Arc::clone(&disk));
    host.start().await;
    let (arrivals, mut arriving) = mpsc::unbounded_channel();
    let cut: Arc<Fates> = Arc::new(move |number, _| match number {
        0 | 1 => Fate::Cut(bytes),
        2 => Fate::Freeze(bytes),
        _ => Fate::Sound,
    });
    let enough = CancellationToken::new();
    let mut clients = JoinSet::new();
    for (name, fates) in [("cut", cut), ("sound", Arc::new(|_, _: &mut Chance| Fate::Sound))] {
        let path = Path::new(chance.fork(), fates, arrivals.clone());
        clients.spawn(client(name.to_owned(), path, 30, chance.fork(), enough.clone()));
    }
    let mut books = Box::pin(close_books(&disk, clients, enough, Allowed::default()));
    loop {
        tokio::select! {
            Some(stream) = arriving.recv() => host.take(stream),
            closed = &mut books => return closed,
        }
    }
}

#[test]
fn a_link_cut_after_any_number_of_bytes_loses_and_repeats_nothing() {
    // Handshake, welcome, texts and answers are within the first ten thousand bytes. If the seeds are given by hand, a
    // cut comes after each number of bytes; otherwise the cuts are a prime number of bytes apart.
    let stride = if std::env::var_os("HOBNOB_SIM_SEEDS").is_some() { 1 } else { 197 };
    let (mut messages, mut losses, places) = (0, 0, seeds(0..50));
    for place in places.clone() {
        let (some, lost) = play("a cut after bytes", place, cut_story(place as usize * stride));
        messages += some;
        losses += lost;
    }
    eprintln!("a cut after bytes: {places:?} times {stride}, {messages} messages, {losses} links lost");
}

#[test]
fn a_user_who_leaves_while_the_lobby_is_unreachable_says_nothing_more() {
    play("leaving", 0, async {
        let mut chance = Chance::of(0);
        let disk = Arc::new(Disk::new(1000, chance.fork()));
        let mut host = Host::new(Arc::clone(&disk));
        host.start().await;
        let (arrivals, mut arriving) = mpsc::unbounded_channel();
        let path = Path::new(chance.fork(), Arc::new(|_, _: &mut Chance| Fate::Sound), arrivals);
        let leaving = async {
            let (_, _, config) = who("anna");
            let (handle, mut events, _) = link::start_over(path.clone(), config).await.unwrap();
            path.weather.send_replace(Weather::Silent);
            path.cut();
            while !matches!(events.recv().await, Some(LobbyEvent::Down { .. })) {}
            // The next connection is being made, and is complete after the user has left.
            pass(Duration::from_secs(1)).await;
            assert!(handle.say(1, None, Text::new("held").unwrap()));
            handle.leave();
            pass(Duration::from_secs(1)).await;
            path.weather.send_replace(Weather::Fair);
            while !matches!(events.recv().await, Some(LobbyEvent::Left)) {}
            assert!(!handle.say(2, None, Text::new("after the end").unwrap()));
            pass(Duration::from_secs(60)).await;
        };
        tokio::pin!(leaving);
        loop {
            tokio::select! {
                Some(stream) = arriving.recv() => host.take(stream),
                () = &mut leaving => break,
            }
        }
        assert_eq!(disk.everything(), [], "a text that was reported as unsent was said");
    });
}
