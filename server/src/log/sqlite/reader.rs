//! The reader: a thread with a connection of its own that answers questions one after another, each
//! bounded by who asks. Writes nothing.

use hobnob_protocol::name::{PublicKey, RunId, Seq};
use rusqlite::Connection;
use tokio::sync::mpsc;

use super::rows::{self, unreadable};
use super::worker::Answer;
use crate::log::{LogError, Stretch};

/// What can be asked, and who asks.
#[derive(Debug)]
pub(super) enum Question {
    Stretch { after: Seq, limit: usize, max_bytes: usize, answer: Answer<Stretch> },
    LastId { key: PublicKey, run: RunId, answer: Answer<Option<u64>> },
    Find { key: PublicKey, run: RunId, id: u64, answer: Answer<Option<Seq>> },
}

/// Runs until every sender of `questions` is gone.
pub(super) fn run(mut conn: Connection, history: u64, mut questions: mpsc::Receiver<Question>) {
    while let Some(question) = questions.blocking_recv() {
        // Whoever asked may have gone meanwhile, which is no error.
        match question {
            Question::Stretch { answer, .. } if answer.is_closed() => {}
            Question::Stretch { after, limit, max_bytes, answer } => {
                let _ = answer.send(stretch(&mut conn, after, limit, max_bytes, history));
            }
            Question::LastId { key, run, answer } => {
                let _ = answer.send(rows::last_id(&conn, key, run));
            }
            Question::Find { key, run, id, answer } => {
                let _ = answer.send(rows::find(&conn, key, run, id));
            }
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
