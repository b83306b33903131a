//! Makes the lobby of a single server the beginning of a lobby on many servers. Its messages and names are published to
//! an order that nobody has founded yet, and every server that joins reads them there. When this was interrupted, it
//! can be run again.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hobnob_order::{Follower, OrderedStream, ServerId, StreamIdentity, next};
use hobnob_protocol::chain::{LogId, Position, Seq};
use hobnob_protocol::identity::Identity;
use tokio::task::spawn_blocking;
use tokio::time::{sleep, timeout};

use crate::decide::{Entry, Machine, Proposals, Rules};
use crate::lobby::{CannotCatchUp, CaughtUp, new_server, read_up};
use crate::log::{LobbyLog, LogError, SqliteLog, SqliteOptions, StoreLock};
use crate::shared_lobby::CannotShare;
use crate::shared_lobby::founding::{Founding, SharedOrder};
use crate::shared_lobby::machine_file::MachineFile;

/// How many messages and bytes of text are in one batch. JSON writes some characters as six bytes, and a batch may have
/// 1 MiB.
const MESSAGES: usize = 200;
const BYTES: usize = 64 * 1024;

/// The options of a log of which nothing is dropped, because founding publishes all of it.
const ALL: SqliteOptions = SqliteOptions { history: u64::MAX, max_bytes: u64::MAX };

/// How many names are in one batch.
const NAMES: usize = 1000;

/// The time between two attempts to publish a batch.
const RETRY: Duration = Duration::from_millis(500);

/// How long a batch may take until it comes back.
const PATIENCE: Duration = Duration::from_secs(60);

/// What [`found`] has published, and what it has left behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Report {
    /// The number of the newest message.
    pub head: Seq,
    /// How many messages were published now.
    pub messages: u64,
    /// How many names were published.
    pub names: usize,
    /// How many rooms are left behind: what was said in them is not taken over.
    pub rooms_left: usize,
}

/// Founds a lobby on `order` with the key, the messages, the names and the rules in `dir`, the folder `server` of a
/// data directory.
///
/// # Errors
/// Fails when another lobby was founded there already, or the order or the log cannot be used.
pub async fn found(dir: &Path, rooms: usize, order: &dyn SharedOrder) -> Result<Report, CannotShare> {
    let (lock, identity, log) = take(dir).await?;
    let stored = |reason| CannotShare::Store { dir: dir.to_owned(), reason };
    let log: Arc<dyn LobbyLog> = Arc::new(log);
    let (contents, rooms_left) = (log.contents().clone(), log.rooms().len());
    let first = log.first().0.saturating_sub(1);
    let start = log.read(Seq(first), 1, 0).await.map_err(stored)?.after;
    let founding = Founding::new(identity.public(), contents.log, (start, contents.head), rooms);
    let stream = StreamIdentity(*LogId::random().as_bytes());
    let lobby_order = order.find(stream, Some(&founding.to_text())).await.map_err(CannotShare::Order)?;
    let lobby_order = lobby_order.ok_or_else(|| CannotShare::Fault("the stream was not made".to_owned()))?;
    let said = Founding::read(&lobby_order.founding, identity.public(), Some(contents.log))
        .map_err(CannotShare::NotOurs)?;
    if said.head != contents.head {
        return Err(CannotShare::Founded);
    }
    let machine = said.machine();
    let CaughtUp { machine, follower, .. } =
        read_up(&lobby_order.stream, machine, &log).await.map_err(CannotShare::CatchUp)?;
    let mut founder = Founder {
        stream: Arc::clone(&lobby_order.stream),
        machine,
        follower,
        server: new_server(),
        number: 0,
    };
    // The rules come before the messages: until the last message is there, no server lets anybody in. When the first
    // message is there, all rules are, and what an operator has taken back since then must not come again.
    if contents.rules != Rules::default() && founder.machine.head() == said.start {
        for part in contents.rules.parts() {
            founder.publish(vec![Entry::KeptRules(Box::new(part))]).await?;
        }
    }
    let messages = founder.messages(&*log, said.head, stored).await?;
    let names = contents.names.into_iter().map(Entry::KeptName).collect::<Vec<_>>();
    for some in names.chunks(NAMES) {
        founder.publish(some.to_vec()).await?;
    }
    founder.leave().await?;
    if let Some(snapshot) = founder.machine.snapshot() {
        MachineFile::new(dir, lobby_order.stream.identity()).keep(&snapshot);
    }
    drop(lock);
    Ok(Report { head: said.head.seq, messages, names: names.len(), rooms_left })
}

async fn take(dir: &Path) -> Result<(StoreLock, Identity, SqliteLog), CannotShare> {
    let dir = dir.to_owned();
    let take = move || {
        let stored = |reason| CannotShare::Store { dir: dir.clone(), reason };
        if !SqliteLog::is_there(&dir).map_err(stored)? {
            return Err(stored(LogError::Read("there is none".to_owned())));
        }
        let lock = StoreLock::acquire(&dir, "hobnob-server found").map_err(stored)?;
        let identity = Identity::load_or_create(&dir.join("server.key"));
        let identity = identity.map_err(|err| stored(LogError::Read(err.to_string())))?;
        let log = SqliteLog::open(&dir, ALL).map_err(stored)?;
        Ok((lock, identity, log))
    };
    spawn_blocking(take).await.unwrap_or_else(|err| Err(CannotShare::Fault(err.to_string())))
}

/// Publishes batches, and waits until they come back through the order.
struct Founder {
    stream: Arc<dyn OrderedStream<Proposals>>,
    machine: Machine,
    follower: Box<dyn Follower<Proposals>>,
    server: ServerId,
    number: u64,
}

impl Founder {
    /// Publishes the messages that the order does not have yet, and gives how many there were.
    async fn messages(
        &mut self,
        log: &dyn LobbyLog,
        head: Position,
        stored: impl Fn(LogError) -> CannotShare,
    ) -> Result<u64, CannotShare> {
        let first = self.machine.head().seq.0;
        while self.machine.head().seq < head.seq {
            let before = self.machine.head().seq;
            let stretch = log.read(before, MESSAGES, BYTES).await.map_err(&stored)?;
            let entries =
                stretch.messages.into_iter().map(|message| Entry::Kept(Box::new(message))).collect();
            self.publish(entries).await?;
            if self.machine.head().seq == before {
                // Another message stands in that place.
                return Err(CannotShare::CatchUp(CannotCatchUp::Fork(before.next())));
            }
        }
        Ok(head.seq.0 - first)
    }

    /// Declares the life of the founder over, so that the other servers need not wait for its silence.
    async fn leave(&mut self) -> Result<(), CannotShare> {
        let last = self.number + 1;
        self.publish(vec![Entry::Gone { server: self.server, last }]).await
    }

    /// Publishes the entries and waits until their batch has come back.
    async fn publish(&mut self, entries: Vec<Entry>) -> Result<(), CannotShare> {
        self.number += 1;
        let (server, number, vouch) = (self.server, self.number, self.machine.reached());
        let batch = Arc::new(Proposals { server, number, vouch, entries });
        timeout(PATIENCE, async {
            while let Err(err) = self.stream.publish(Arc::clone(&batch)).await {
                tracing::debug!(%err, "published again");
                sleep(RETRY).await;
            }
            loop {
                let ordered =
                    next(&mut *self.follower).await.map_err(|err| CannotShare::Fault(err.to_string()))?;
                self.machine.apply(&ordered, &mut Vec::new());
                self.machine.commit();
                if (ordered.batch.server, ordered.batch.number) == (server, number) {
                    return Ok(());
                }
            }
        })
        .await
        .unwrap_or(Err(CannotShare::CatchUp(CannotCatchUp::Silent)))
    }
}
