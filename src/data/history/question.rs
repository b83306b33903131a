//! Questions to the history, and how the rows of an answer become messages. This file owns how a SELECT of messages is
//! put together; what is asked by the numbers of a log stands in `numbers`.

use std::cell::Cell;

use hobnob_protocol::key::PublicKey;
use hobnob_protocol::name::UserName;
use hobnob_protocol::room::RoomName;
use hobnob_protocol::text::Text;
use rusqlite::types::Value;
use rusqlite::{Connection, Row, params_from_iter};

use super::beginnings;
use super::entry::{Kept, Whereabouts};
use super::file::PRIVATE_IDS;
use super::rows::{self, PRIVATE};
use super::words::{self, Match};

/// Where the messages are searched.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum In {
    /// In all lobbies, rooms and private sessions.
    #[default]
    Everywhere,
    /// Only in lobbies, not in their rooms.
    Lobby,
    /// In rooms with this name.
    Room(RoomName),
    /// In private sessions with users of this name.
    Private(UserName),
    /// In rooms with this name and in private sessions with users of this name.
    Named(UserName),
    /// In private sessions with the user who has this key.
    WithKey(PublicKey),
}

/// Which messages are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Question {
    /// Words that must all be in the text. If this is empty, any text fits.
    pub words: String,
    /// The name of the author; `None` for any author.
    pub from: Option<UserName>,
    /// Where the message was said.
    pub place: In,
    /// The earliest time, in milliseconds since 1970-01-01 UTC.
    pub since: Option<u64>,
    /// The time before which the message was said, in milliseconds since 1970-01-01 UTC.
    pub until: Option<u64>,
    /// If this is there, only private messages of the user with this name fit; otherwise, those of all names in the
    /// data directory.
    pub own_name: Option<UserName>,
}

/// Where a page of an answer ended, for public and for private messages. The next page goes on before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Before {
    public: i64,
    private: i64,
}

impl Default for Before {
    fn default() -> Self {
        Self { public: i64::MAX, private: i64::MAX }
    }
}

impl Before {
    /// Before this message, too.
    #[must_use]
    pub(crate) fn down_to(mut self, kept: &Kept) -> Self {
        let end = if kept.id < PRIVATE_IDS { &mut self.public } else { &mut self.private };
        *end = kept.id.min(*end);
        self
    }
}

const COLUMNS: &str = "m.id, t.kind, t.name, m.side, m.number, m.at, m.author, m.text,
    coalesce(m.key, iif(m.side = 0, t.own, t.other))";

/// A SELECT that is being put together, with its parameters.
pub(super) struct Select {
    pub(super) sql: String,
    pub(super) values: Vec<Value>,
}

impl Select {
    pub(super) fn new(from: &str) -> Self {
        Self { sql: format!("SELECT {COLUMNS} FROM {from} WHERE 1"), values: Vec::new() }
    }

    pub(super) fn and(&mut self, condition: &str, values: impl IntoIterator<Item = Value>) {
        self.sql.push_str(" AND ");
        self.sql.push_str(condition);
        self.values.extend(values);
    }

    /// Adds conditions for everything that a question says besides its words.
    fn narrow(&mut self, question: &Question) {
        let name = |name: &UserName| Value::Text(name.folded().to_owned());
        if let Some(from) = &question.from {
            // The rows have names as their owners write them. SQLite ignores case only in ASCII, so `fits` compares
            // other names.
            if from.as_str().is_ascii() {
                self.and("m.author = ? COLLATE NOCASE", [Value::Text(from.as_str().to_owned())]);
            }
        }
        match &question.place {
            In::Everywhere => {}
            In::Lobby => self.and("t.kind = 0", []),
            In::Room(room) => {
                self.and("t.kind = 1 AND t.folded = ?", [Value::Text(room.folded().to_owned())]);
            }
            In::Private(other) => self.and("t.kind = 2 AND t.folded = ?", [name(other)]),
            In::Named(either) => self.and("t.kind > 0 AND t.folded = ?", [name(either)]),
            In::WithKey(key) => {
                self.and("t.kind = 2 AND t.other = ?", [Value::Blob(key.as_bytes().to_vec())]);
            }
        }
        if let Some(own) = &question.own_name {
            self.and("(t.kind < 2 OR t.own_name = ?)", [name(own)]);
        }
        if let Some(since) = question.since {
            self.and("m.at >= ?", [time(since)]);
        }
        if let Some(until) = question.until {
            self.and("m.at < ?", [time(until)]);
        }
    }

    /// Hands each message to `take`, until `take` returns false.
    pub(super) fn each(self, conn: &Connection, mut take: impl FnMut(Kept) -> bool) -> rusqlite::Result<()> {
        let mut statement = conn.prepare_cached(&self.sql)?;
        let mut rows = statement.query(params_from_iter(self.values))?;
        while let Some(row) = rows.next()? {
            // A row with values that no message can have is skipped. Another program must have written it.
            if let Some(kept) = kept(row)?
                && !take(kept)
            {
                break;
            }
        }
        Ok(())
    }
}

fn time(at: u64) -> Value {
    Value::Integer(i64::try_from(at).unwrap_or(i64::MAX))
}

fn kept(row: &Row<'_>) -> rusqlite::Result<Option<Kept>> {
    let (kind, name): (i64, String) = (row.get(1)?, row.get(2)?);
    let (side, from, text): (i64, String, String) = (row.get(3)?, row.get(6)?, row.get(7)?);
    let Ok(from) = UserName::kept(&from) else { return Ok(None) };
    let Ok(text) = Text::new(text) else { return Ok(None) };
    let place = match (kind, UserName::kept(&name)) {
        (0, _) => Whereabouts::Lobby,
        (1, _) => match name.parse() {
            Ok(room) => Whereabouts::Room(room),
            Err(_) => return Ok(None),
        },
        (2, Ok(other)) => Whereabouts::Private(other),
        _ => return Ok(None),
    };
    Ok(Some(Kept {
        id: row.get(0)?,
        own: kind == PRIVATE && side == 0,
        place,
        number: row.get::<_, i64>(4)?.cast_unsigned(),
        at: row.get::<_, i64>(5)?.cast_unsigned(),
        from: from.visible(),
        key: PublicKey::new(row.get(8)?),
        text,
    }))
}

/// Returns the newest messages that fit the question, at most `count` of them, with the oldest first. Also returns
/// where they begin, and whether there are more. A message is left out if `is_wanted` returns false for it.
pub(super) fn newest(
    conn: &Connection,
    question: &Question,
    before: Before,
    count: usize,
    is_wanted: &dyn Fn(&Kept) -> bool,
) -> rusqlite::Result<(Vec<Kept>, Before, bool)> {
    // One message more than wanted is searched for, which tells whether there are more.
    let most = count.saturating_add(1);
    let mut found = newest_matching(conn, question, before, most, Match::Whole, is_wanted)?;
    if found.len() < most && !question.words.is_empty() {
        found = newest_matching(conn, question, before, most, Match::Beginning, is_wanted)?;
    }
    let goes_on = found.len() > count;
    found.drain(..found.len().saturating_sub(count));
    let reached = found.iter().fold(before, Before::down_to);
    Ok((found, reached, goes_on))
}

fn newest_matching(
    conn: &Connection,
    question: &Question,
    before: Before,
    count: usize,
    exactly: Match,
    is_wanted: &dyn Fn(&Kept) -> bool,
) -> rusqlite::Result<Vec<Kept>> {
    let matching = words::all_of(&question.words, exactly);
    if matching.is_none() && !question.words.trim().is_empty() {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    for class in [(false, before.public), (true, before.private)] {
        let few = match (&matching, exactly) {
            (Some(matching), Match::Beginning) => {
                newest_by_beginning(conn, question, matching, class, count, is_wanted)?
            }
            _ => None,
        };
        found.extend(match few {
            Some(few) => few,
            None => newest_of(conn, question, matching.as_deref(), class, count, is_wanted)?,
        });
    }
    found.sort_by_key(|kept| (kept.at, kept.id));
    found.drain(..found.len().saturating_sub(count));
    Ok(found)
}

/// Returns the newest matching messages of a class, if the newest messages of that class contain enough of them or if
/// there are no other messages. Otherwise returns `None`, and the index of the whole history must be used.
fn newest_by_beginning(
    conn: &Connection,
    question: &Question,
    matching: &str,
    class: (bool, i64),
    count: usize,
    is_wanted: &dyn Fn(&Kept) -> bool,
) -> rusqlite::Result<Option<Vec<Kept>>> {
    let mut found = Vec::new();
    let (ids, is_all) = beginnings::among_newest(conn, matching, stretch(class))?;
    for id in ids {
        let mut select = Select::new("messages m CROSS JOIN talks t ON t.id = m.talk");
        select.and("m.id = ?", [Value::Integer(id)]);
        select.narrow(question);
        select.each(conn, |kept| {
            if fits(question, &kept) && is_wanted(&kept) {
                found.push(kept);
            }
            true
        })?;
        if found.len() >= count {
            return Ok(Some(found));
        }
    }
    Ok(is_all.then_some(found))
}

/// Returns the range of ids of a class that are smaller than the given one.
fn stretch((private, before): (bool, i64)) -> (i64, i64) {
    let (first, last) = rows::ids(private);
    (first, last.min(before.saturating_sub(1)))
}

fn newest_of(
    conn: &Connection,
    question: &Question,
    matching: Option<&str>,
    class: (bool, i64),
    count: usize,
    is_wanted: &dyn Fn(&Kept) -> bool,
) -> rusqlite::Result<Vec<Kept>> {
    let (first, last) = stretch(class);
    let stretch = [first, last].map(Value::Integer);
    let mut select = match matching {
        Some(matching) => {
            // CROSS JOIN fixes the order of the tables. `words` comes first, and its rows are sorted by id.
            let mut select = Select::new(
                "words CROSS JOIN messages m ON m.id = words.rowid CROSS JOIN talks t ON t.id = m.talk",
            );
            select.and("words MATCH ?", [Value::Text(matching.to_owned())]);
            select.and("words.rowid BETWEEN ? AND ?", stretch);
            select
        }
        None => {
            let mut select = Select::new("messages m CROSS JOIN talks t ON t.id = m.talk");
            select.and("m.id BETWEEN ? AND ?", stretch);
            select
        }
    };
    select.narrow(question);
    select.sql.push_str(if matching.is_some() {
        " ORDER BY words.rowid DESC"
    } else {
        " ORDER BY m.id DESC"
    });
    let mut found = Vec::new();
    select.each(conn, |kept| {
        if fits(question, &kept) && is_wanted(&kept) {
            found.push(kept);
        }
        found.len() < count
    })?;
    Ok(found)
}

fn fits(question: &Question, kept: &Kept) -> bool {
    question.from.as_ref().is_none_or(|from| kept.from == *from)
}

/// Returns the newest messages that contain any of `names` and for which `is_wanted` returns true: at most `count` of
/// them, the oldest first. In each class at most `most` messages are examined.
pub(super) fn newest_with_any<'a>(
    conn: &Connection,
    names: impl IntoIterator<Item = &'a str>,
    own_name: &UserName,
    (before, count, most): (Before, usize, usize),
    is_wanted: &dyn Fn(&Kept) -> bool,
) -> rusqlite::Result<Vec<Kept>> {
    let Some(matching) = words::any_of(names) else { return Ok(Vec::new()) };
    let question = Question { own_name: Some(own_name.clone()), ..Question::default() };
    let mut all = Vec::new();
    for class in [(false, before.public), (true, before.private)] {
        let (looked, wanted) = (Cell::new(0), Cell::new(0));
        let limited = |kept: &Kept| {
            looked.set(looked.get() + 1);
            let is_it = looked.get() <= most && is_wanted(kept);
            wanted.set(wanted.get() + usize::from(is_it));
            // What comes after the limit only fills up what is wanted, so that nothing more is looked at.
            is_it || looked.get() > most
        };
        let mut found = newest_of(conn, &question, Some(&matching), class, count, &limited)?;
        found.truncate(wanted.get());
        all.extend(found);
    }
    all.sort_by_key(|kept| (kept.at, kept.id));
    all.drain(..all.len().saturating_sub(count));
    Ok(all)
}

/// Returns the key of the user with this name to whom this user talked last in private.
pub(super) fn key_of(
    conn: &Connection,
    own: &UserName,
    name: &UserName,
) -> rusqlite::Result<Option<PublicKey>> {
    let mut statement = conn.prepare_cached(
        "SELECT t.other FROM talks t JOIN messages m ON m.talk = t.id
         WHERE t.kind = 2 AND t.own_name = ? AND t.folded = ? ORDER BY m.id DESC LIMIT 1",
    )?;
    let mut rows = statement.query([own.folded(), name.folded()])?;
    Ok(rows.next()?.map(|row| row.get(0)).transpose()?.map(PublicKey::new))
}

/// Returns the key and the name of the user with whom this user talked in private and whose fingerprint begins so; of
/// several, the one with the newest session.
pub(super) fn talk_with_key(
    conn: &Connection,
    own: &UserName,
    beginning: &str,
) -> rusqlite::Result<Option<(PublicKey, UserName)>> {
    let mut statement = conn.prepare_cached(
        "SELECT other, name FROM talks WHERE kind = 2 AND own_name = ?
         AND EXISTS (SELECT 1 FROM messages WHERE talk = talks.id) ORDER BY id DESC",
    )?;
    let mut rows = statement.query([own.folded()])?;
    while let Some(row) = rows.next()? {
        let key = PublicKey::new(row.get(0)?);
        if key.fingerprint().to_string().starts_with(beginning)
            && let Ok(name) = UserName::kept(&row.get::<_, String>(1)?)
        {
            return Ok(Some((key, name.visible())));
        }
    }
    Ok(None)
}

/// Hands every message that fits the question to `take`, one by one and with the oldest first.
pub(super) fn all(
    conn: &Connection,
    question: &Question,
    mut take: impl FnMut(Kept) -> bool,
) -> rusqlite::Result<()> {
    let matching = words::all_of(&question.words, Match::Beginning);
    if matching.is_none() && !question.words.trim().is_empty() {
        return Ok(());
    }
    // The order by time comes from an index, so that only one row at a time is in memory. If words are searched for,
    // each row is looked up in the index of words.
    let mut select =
        Select::new("messages m INDEXED BY messages_by_time CROSS JOIN talks t ON t.id = m.talk");
    if let Some(matching) = matching {
        select.and("m.id IN (SELECT rowid FROM words WHERE words MATCH ?)", [Value::Text(matching)]);
    }
    select.narrow(question);
    select.sql.push_str(" ORDER BY m.at, m.id");
    select.each(conn, |kept| !fits(question, &kept) || take(kept))
}
