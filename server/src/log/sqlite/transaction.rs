//! A transaction that begins and ends with statements that SQLite has parsed before. rusqlite's own has them parsed each
//! time, which is a fortieth of the CPU of a server whose batches are small. It is rolled back unless it is committed.

use std::ops::Deref;

use rusqlite::Connection;

/// A transaction of the connection to which it dereferences.
pub(super) struct Transaction<'conn>(&'conn Connection);

impl<'conn> Transaction<'conn> {
    /// Begins a transaction. The connection is borrowed mutably so that there is only one at a time.
    ///
    /// # Errors
    /// When SQLite does not begin it.
    pub(super) fn begin(conn: &'conn mut Connection) -> rusqlite::Result<Self> {
        conn.prepare_cached("BEGIN")?.execute([])?;
        Ok(Self(conn))
    }

    /// Commits what was written.
    ///
    /// # Errors
    /// When SQLite does not commit it. Then it is rolled back.
    pub(super) fn commit(self) -> rusqlite::Result<()> {
        self.prepare_cached("COMMIT")?.execute([]).map(drop)
    }
}

impl Deref for Transaction<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.0
    }
}

impl Drop for Transaction<'_> {
    fn drop(&mut self) {
        // SQLite itself has rolled back after some errors.
        if !self.0.is_autocommit()
            && let Err(err) = self.0.execute_batch("ROLLBACK")
        {
            tracing::error!(%err, "a transaction could not be rolled back");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(conn: &Connection) -> i64 {
        conn.query_row("SELECT count(*) FROM t", [], |row| row.get(0)).unwrap()
    }

    #[test]
    fn what_is_not_committed_is_rolled_back() {
        let mut conn = Connection::open_in_memory().unwrap();
        conn.execute_batch("CREATE TABLE t (a UNIQUE ON CONFLICT ROLLBACK)").unwrap();
        for round in 1..=3 {
            let tx = Transaction::begin(&mut conn).unwrap();
            tx.execute("INSERT INTO t VALUES (?1)", [round]).unwrap();
            tx.commit().unwrap();
            let tx = Transaction::begin(&mut conn).unwrap();
            tx.execute("INSERT INTO t VALUES (?1)", [100]).unwrap();
            drop(tx);
            assert_eq!(count(&conn), round);
        }
        let tx = Transaction::begin(&mut conn).unwrap();
        tx.execute("INSERT INTO t VALUES (1)", []).unwrap_err();
        assert!(tx.is_autocommit(), "SQLite has rolled back");
        assert!(tx.commit().is_err());
        assert_eq!(count(&conn), 3);
    }
}
