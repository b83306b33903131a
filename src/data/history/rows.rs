//! Messages as rows of the file. Each message is added only once. This file owns how talks and messages are written,
//! and which rooms have rows; what has to give way for them is in [`removal`].

use std::collections::HashMap;
use std::sync::Arc;

use hobnob_protocol::room::RoomName;
use rusqlite::{CachedStatement, Connection, OptionalExtension, params};

use super::entry::{Entry, Side, Talk};
use super::file::PRIVATE_IDS;
use super::{removal, sizes, words};

/// How many talks are remembered with the ids of their rows. A client has only a few.
const MOST_TALKS: usize = 256;

/// The value of the column `kind` for the log of a lobby.
const LOBBY: i64 = 0;
/// The value of the column `kind` for the log of a room.
const ROOM: i64 = 1;
/// The value of the column `kind` for a private session.
pub(super) const PRIVATE: i64 = 2;

/// The ids of the rows of talks, which a writer remembers. The key is the address of the `Arc`.
#[derive(Debug, Default)]
pub(super) struct Talks {
    ids: HashMap<usize, (Arc<Talk>, i64)>,
}

/// The columns of a talk's row.
struct Columns<'a> {
    kind: i64,
    own: &'a [u8],
    other: &'a [u8],
    token: &'a [u8],
    own_name: &'a str,
    name: &'a str,
    folded: &'a str,
}

impl<'a> From<&'a Talk> for Columns<'a> {
    fn from(talk: &'a Talk) -> Self {
        match talk {
            Talk::Log { server, log, room } => Self {
                kind: if room.is_some() { ROOM } else { LOBBY },
                own: server.as_bytes(),
                other: log.as_bytes(),
                token: &[],
                own_name: "",
                name: room.as_ref().map_or("", |name| name.as_str()),
                folded: room.as_ref().map_or("", |name| name.folded()),
            },
            Talk::Private { own, own_name, other, name, token } => Self {
                kind: PRIVATE,
                own: own.as_bytes(),
                other: other.as_bytes(),
                token: token.as_bytes(),
                own_name: own_name.folded(),
                name: name.as_str(),
                folded: name.folded(),
            },
        }
    }
}

impl Talks {
    /// Returns the id of a talk's row. The row is made if the talk is new.
    fn id(&mut self, conn: &Connection, talk: &Arc<Talk>) -> rusqlite::Result<i64> {
        // No other `Arc` can get this address as long as the `Arc` is kept here.
        let address = Arc::as_ptr(talk).addr();
        if let Some((_, id)) = self.ids.get(&address) {
            return Ok(*id);
        }
        let id = talk_id(conn, talk)?;
        if self.ids.len() == MOST_TALKS {
            self.ids.clear();
        }
        self.ids.insert(address, (Arc::clone(talk), id));
        Ok(id)
    }
}

fn talk_id(conn: &Connection, talk: &Talk) -> rusqlite::Result<i64> {
    let Columns { kind, own, other, token, own_name, name, folded } = talk.into();
    conn.prepare_cached(
        "INSERT INTO talks (kind, own, other, token, own_name, name, folded) VALUES (?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT DO UPDATE SET name = excluded.name, folded = excluded.folded RETURNING id",
    )?
    .query_row(params![kind, own, other, token, own_name, name, folded], |row| row.get(0))
}

/// Adds the messages that are not stored yet, and removes old ones if the limit is exceeded. The caller has to begin
/// and commit the transaction.
///
/// # Errors
/// Fails if SQLite fails. The caller then has to undo the transaction.
pub(super) fn add(
    conn: &Connection,
    talks: &mut Talks,
    entries: &[Entry],
    share: i64,
) -> rusqlite::Result<()> {
    // How many bytes each talk has grown by, with its class.
    let mut grown = HashMap::new();
    let mut adding = Adding::new(conn)?;
    for entry in entries {
        if let Some((talk, bytes)) = adding.add(talks, entry)? {
            grown.entry((talk, is_private(&entry.talk))).and_modify(|by| *by += bytes).or_insert(bytes);
        }
    }
    let mut has_grown = [false; 2];
    for ((talk, private), by) in grown {
        sizes::grow(conn, talk, private, by)?;
        has_grown[usize::from(private)] = true;
    }
    for (private, has_grown) in [false, true].into_iter().zip(has_grown) {
        if has_grown {
            removal::bound(conn, private, share)?;
        }
    }
    removal::bound_file(conn, share)
}

fn is_private(talk: &Talk) -> bool {
    matches!(talk, Talk::Private { .. })
}

/// Adds messages within one transaction. The statements and the next ids are looked up only once for all of them.
struct Adding<'c> {
    conn: &'c Connection,
    message: CachedStatement<'c>,
    words: CachedStatement<'c>,
    /// The id for the next message of each class, after it was looked up. No other writer adds messages in the
    /// meantime.
    next: [Option<i64>; 2],
}

impl<'c> Adding<'c> {
    fn new(conn: &'c Connection) -> rusqlite::Result<Self> {
        let message = "INSERT OR IGNORE INTO messages VALUES (?, ?, ?, ?, ?, ?, ?, ?)";
        let words = "INSERT INTO words (rowid, text) VALUES (?, ?)";
        let [message, words] = [conn.prepare_cached(message)?, conn.prepare_cached(words)?];
        Ok(Self { conn, message, words, next: [None; 2] })
    }

    /// Adds one message. Returns the id of its talk, and how many bytes the message is counted as. Returns `None` if it
    /// is already stored, or if it has a number that is too large for a column.
    fn add(&mut self, talks: &mut Talks, entry: &Entry) -> rusqlite::Result<Option<(i64, i64)>> {
        let (Ok(number), Ok(at)) = (i64::try_from(entry.number), i64::try_from(entry.at)) else {
            return Ok(None);
        };
        let private = is_private(&entry.talk);
        let talk = talks.id(self.conn, &entry.talk)?;
        let next = &mut self.next[usize::from(private)];
        let id = match *next {
            Some(id) => id,
            None => next_id(self.conn, private)?,
        };
        // In a private session the keys of both sides are stored with the talk.
        let key = (!private).then(|| entry.key.as_bytes().as_slice());
        let side = i64::from(entry.side == Side::Other);
        let (from, text) = (entry.from.as_str(), entry.text.as_str());
        let added = self.message.execute(params![id, talk, side, number, at, from, key, text])? > 0;
        *next = Some(id + i64::from(added));
        if !added {
            return Ok(None);
        }
        self.words.execute(params![id, words::spaced(text)])?;
        Ok(Some((talk, sizes::of_message(i64::try_from(text.len()).unwrap_or(i64::MAX)))))
    }
}

/// Returns the names of the rooms of which messages are stored, in their order. Rooms of the same name in several
/// lobbies count as one.
pub(super) fn rooms(conn: &Connection) -> rusqlite::Result<Vec<RoomName>> {
    let mut statement = conn.prepare(
        "SELECT name FROM talks WHERE kind = ? AND EXISTS (SELECT 1 FROM messages WHERE talk = talks.id)
         GROUP BY folded ORDER BY folded",
    )?;
    let names = statement.query_map([ROOM], |row| row.get::<_, String>(0))?;
    // A name that is not valid must have been written by another program.
    names.filter_map(|name| name.map(|name| name.parse().ok()).transpose()).collect()
}

/// Returns the first and the last possible id of a class.
pub(super) fn ids(private: bool) -> (i64, i64) {
    if private { (PRIVATE_IDS, i64::MAX) } else { (1, PRIVATE_IDS - 1) }
}

fn next_id(conn: &Connection, private: bool) -> rusqlite::Result<i64> {
    let (first, last) = ids(private);
    let newest: Option<i64> = conn
        .prepare_cached("SELECT id FROM messages WHERE id BETWEEN ? AND ? ORDER BY id DESC LIMIT 1")?
        .query_row([first, last], |row| row.get(0))
        .optional()?;
    Ok(newest.map_or(first, |id| id + 1))
}
