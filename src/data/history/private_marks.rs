//! Marks of private talk: up to which message a person has read what each other user said. This file owns the rule that
//! a mark only moves forward, and that what was kept before there were such marks counts as read.

use hobnob_protocol::ids::PairToken;
use hobnob_protocol::key::PublicKey;
use hobnob_protocol::name::UserName;
use rusqlite::{Connection, params};

/// The table has one row for each other user. The row without a name and a key is made with the table: it says what was
/// kept before.
pub(super) const TABLE: &str = "
CREATE TABLE IF NOT EXISTS private_marks (
    own_name TEXT NOT NULL, other BLOB NOT NULL, read INTEGER NOT NULL,
    PRIMARY KEY (own_name, other)
) STRICT;
INSERT OR IGNORE INTO private_marks SELECT '', x'', coalesce(max(id), 0) FROM messages;
";

/// How many of the newest private messages are looked through for unread ones. Their ids are the greatest.
const LOOKED_THROUGH: i64 = 10_000;

/// What a person has read of private talk with one user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReadUntil {
    /// Everything that is stored by now.
    Now,
    /// The message of the other user with this number in this session, and all before it.
    Number(PairToken, u64),
}

/// What a user said in private and this person has not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UnreadTalk {
    /// The key of the other user.
    pub key: PublicKey,
    /// The name under which the other user spoke last.
    pub name: UserName,
    /// How many messages there are.
    pub count: u64,
    /// How many messages of both sides were kept since the first of them, that one included.
    pub newest: u64,
}

/// Notes what the person with this name has read of private talk with the user who has this key.
pub(super) fn set(
    conn: &Connection,
    own_name: &str,
    other: &PublicKey,
    until: ReadUntil,
) -> rusqlite::Result<()> {
    let other = other.as_bytes();
    let (token, number) = match until {
        ReadUntil::Now => (None, None),
        ReadUntil::Number(token, number) => (Some(*token.as_bytes()), i64::try_from(number).ok()),
    };
    conn.prepare_cached(
        "INSERT INTO private_marks SELECT ?1, ?2, m.id FROM messages m JOIN talks t ON t.id = m.talk
         WHERE t.kind = 2 AND t.own_name = ?1 AND t.other = ?2 AND m.side = 1
             AND (?3 IS NULL OR (t.token = ?3 AND m.number <= ?4))
         ORDER BY m.id DESC LIMIT 1
         ON CONFLICT DO UPDATE SET read = max(read, excluded.read)",
    )?
    .execute(params![own_name, other, token, number])
    .map(drop)
}

/// Removes the mark for the user who has this key, because the talk with that user was removed. The ids of the rows are
/// used again, so what is said next would count as read if another mark still went past the newest row that is left.
pub(super) fn forget(conn: &Connection, own_name: &str, other: &PublicKey) -> rusqlite::Result<()> {
    conn.prepare_cached("DELETE FROM private_marks WHERE own_name = ? AND other = ?")?
        .execute(params![own_name, other.as_bytes()])?;
    conn.prepare_cached(
        "UPDATE private_marks SET read = min(read, (SELECT coalesce(max(id), 0) FROM messages))",
    )?
    .execute([])
    .map(drop)
}

/// Returns who said something in private that the person with this name has not read, the one who spoke last first.
pub(super) fn unread(conn: &Connection, own_name: &str) -> rusqlite::Result<Vec<UnreadTalk>> {
    let mut statement = conn.prepare_cached(
        "SELECT t.other, m.author, count(*), max(m.id) AS newest,
             (SELECT count(*) FROM messages later CROSS JOIN talks its ON its.id = later.talk
              WHERE later.id >= min(m.id) AND its.kind = 2 AND its.own_name = t.own_name AND its.other = t.other)
         FROM messages m CROSS JOIN talks t ON t.id = m.talk
         LEFT JOIN private_marks mark ON mark.own_name = t.own_name AND mark.other = t.other
         WHERE m.id > (SELECT max(id) FROM messages) - ?1
             AND t.kind = 2 AND t.own_name = ?2 AND m.side = 1
             AND m.id > coalesce(mark.read, (SELECT read FROM private_marks WHERE own_name = '' AND other = x''))
         GROUP BY t.other ORDER BY newest DESC",
    )?;
    let mut rows = statement.query(params![LOOKED_THROUGH, own_name])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        // A text that is no name was written by another program, and is skipped.
        if let Ok(name) = UserName::kept(&row.get::<_, String>(1)?) {
            let (key, number) =
                (PublicKey::new(row.get(0)?), |at| row.get::<_, i64>(at).map(i64::cast_unsigned));
            found.push(UnreadTalk { key, name: name.visible(), count: number(2)?, newest: number(4)? });
        }
    }
    Ok(found)
}
