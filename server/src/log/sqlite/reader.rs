//! The reader: a thread with a connection of its own that answers questions one after another, each
//! bounded by who asks. Writes nothing.

use hobnob_protocol::name::Seq;
use rusqlite::Connection;
use tokio::sync::mpsc;

use super::rows::{self, unreadable};
use super::worker::Reply;
use crate::log::{LogError, Stretch};

/// A stretch of the log, and who asks for it.
#[derive(Debug)]
pub(super) struct Question {
    pub(super) after: Seq,
    pub(super) limit: usize,
    pub(super) max_bytes: usize,
    pub(super) answer: Reply<Stretch>,
}

/// Runs until every sender of `questions` is gone.
pub(super) fn run(mut conn: Connection, history: u64, mut questions: mpsc::Receiver<Question>) {
    while let Some(Question { after, limit, max_bytes, answer }) = questions.blocking_recv() {
        // Whoever asked may have gone meanwhile, which is no error.
        if !answer.is_closed() {
            let _ = answer.send(stretch(&mut conn, after, limit, max_bytes, history));
        }
    }
}

fn stretch(
    conn: &mut Connection,
    after: Seq,
    limit: usize,
    max_bytes: usize,
    history: u64,
) -> Result<Stretch, LogError> {
    let began = conn.transaction().map_err(|err| err.to_string());
    let tx = began.map_err(LogError::Read)?;
    let stretch =
        rows::stretch(&tx, after, limit, max_bytes, history).map_err(|err| super::name_file(&tx, err));
    // It wrote nothing, so how it ends does not matter, but that it ended does.
    tx.finish().map_err(|err| unreadable(conn, &err))?;
    stretch
}
