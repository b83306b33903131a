//! The reader: a thread with its own connection that answers questions one after another. The size of each answer is
//! limited by the question. This file writes nothing.

use hobnob_protocol::chain::{LogId, Seq};
use rusqlite::Connection;
use tokio::sync::mpsc;

use super::room_rows;
use super::stored_form::{self, unreadable};
use super::worker::Reply;
use crate::log::{LogError, Stretch};

/// A question for some messages of a log.
#[derive(Debug)]
pub(super) struct Question {
    /// The log of a room; `None` for the lobby's.
    pub(super) room: Option<LogId>,
    pub(super) after: Seq,
    pub(super) limit: usize,
    pub(super) max_bytes: usize,
    pub(super) answer: Reply<Stretch>,
}

/// Runs until every sender of `questions` is gone.
pub(super) fn run(mut conn: Connection, history: u64, mut questions: mpsc::Receiver<Question>) {
    while let Some(question) = questions.blocking_recv() {
        // The asker may have gone meanwhile, which is no error.
        if !question.answer.is_closed() {
            let read = stretch(&mut conn, &question, history);
            let _ = question.answer.send(read);
        }
    }
}

fn stretch(conn: &mut Connection, question: &Question, history: u64) -> Result<Stretch, LogError> {
    let Question { room, after, limit, max_bytes, .. } = *question;
    let began = conn.transaction().map_err(|err| err.to_string());
    let tx = began.map_err(LogError::Read)?;
    let meta = match room {
        Some(room) => room_rows::meta(&tx, room),
        None => stored_form::meta(&tx),
    };
    let stretch = meta
        .and_then(|meta| stored_form::stretch(&tx, &meta, after, limit, max_bytes, history))
        .map_err(|err| super::name_file(&tx, err));
    // The transaction wrote nothing, so it does not matter how it ends, but it has to end.
    tx.finish().map_err(|err| unreadable(conn, &err))?;
    stretch
}
