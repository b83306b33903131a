//! What is read from the log for one client: the messages that follow its position in the lobby or in a room, and the
//! parts of answers to `history`. This file owns how much is read at once. Clients take turns.

use bytes::Bytes;
use hobnob_protocol::MAX_LINE_BYTES;
use hobnob_protocol::chain::{LogId, Position, Seq};
use hobnob_protocol::codec;
use hobnob_protocol::message::{NoAnswerCode, ServerMessage};
use tokio::io::{AsyncRead, AsyncWrite};

use super::task::{Life, Next};
use super::{LogRead, encode};
use crate::decide::RoomId;
use crate::log::{LogError, Stretch};

/// How many messages and how many bytes of text are read at once for a client that is behind.
const READ_MESSAGES: usize = 512;
const READ_BYTES: usize = 64 * 1024;

/// How many messages and how many bytes of text are read for one part of an answer to `history`.
const HISTORY_MESSAGES: u64 = 128;
const HISTORY_BYTES: usize = 32 * 1024;

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Life<'_, S> {
    /// Reads a part of the log when it is this client's turn.
    pub(super) async fn read(&self, read: LogRead) -> Next {
        let _turn = self.shared.turns.next().await;
        match read {
            LogRead::Behind { room, after } => self.read_behind(room.as_ref(), after).await,
            LogRead::History { request, room, after, until } => {
                self.read_history(request, room, after, until).await
            }
        }
    }

    async fn read_log(
        &self,
        room: Option<LogId>,
        after: Seq,
        limit: usize,
        max_bytes: usize,
    ) -> Result<Stretch, LogError> {
        match room {
            Some(room) => self.shared.log.read_room(room, after, limit, max_bytes).await,
            None => self.shared.log.read(after, limit, max_bytes).await,
        }
    }

    async fn read_behind(&self, room: Option<&RoomId>, after: Seq) -> Next {
        self.shared.metrics.log_reads.inc();
        match self.read_log(room.map(|room| room.log), after, READ_MESSAGES, READ_BYTES).await {
            Ok(stretch) if !stretch.messages.is_empty() => {
                let reached = stretch.messages.last().map_or(after, |message| message.seq);
                let lines = encode::what_follows(room.map(|room| &room.name), after, &stretch);
                self.connection.supply(room, lines, reached);
                Next::GoOn
            }
            Ok(_) => {
                tracing::error!(%after, "the log has nothing where something must follow");
                Next::Stop
            }
            Err(err) => {
                tracing::error!(%err, "a client that is behind cannot be read to");
                Next::Stop
            }
        }
    }

    async fn read_history(&self, request: u32, room: Option<LogId>, after: Seq, until: Seq) -> Next {
        match self.history_part(request, room, after, until).await {
            Ok((line, reached)) => self.connection.supply_history(request, line, reached),
            Err(err) => {
                tracing::warn!(%err, "the log cannot be read for an answer");
                let sorry = ServerMessage::NoAnswer { request, code: NoAnswerCode::Store };
                self.connection.supply_history(request, codec::encode(&sorry), None);
            }
        }
        Next::GoOn
    }

    async fn history_part(
        &self,
        request: u32,
        room: Option<LogId>,
        after: Seq,
        until: Seq,
    ) -> Result<(Bytes, Option<Seq>), LogError> {
        let limit = until.0.saturating_sub(after.0).clamp(1, HISTORY_MESSAGES) as usize;
        let mut stretch = match room {
            // Nothing was ever said in that room, so there is no log to be read.
            Some(room) if until.0 == 0 => Stretch { after: Position::start(&room), messages: Vec::new() },
            room => self.read_log(room, after, limit, HISTORY_BYTES).await?,
        };
        stretch.messages.retain(|message| message.seq <= until);
        Ok(encode_history(request, until, stretch))
    }
}

/// Encodes as much of `stretch` as fits in one line. Also returns the number up to which the line goes, if more
/// follows.
fn encode_history(request: u32, until: Seq, mut stretch: Stretch) -> (Bytes, Option<Seq>) {
    loop {
        let reached = stretch.messages.last().map(|message| message.seq).filter(|&seq| seq < until);
        let messages = stretch.messages.clone();
        let part =
            ServerMessage::History { request, after: stretch.after, messages, more: reached.is_some() };
        let line = codec::encode(&part);
        // One message always fits. Several may not, because JSON writes some characters as six bytes.
        if line.len() <= MAX_LINE_BYTES || stretch.messages.len() <= 1 {
            return (line, reached);
        }
        stretch.messages.truncate(stretch.messages.len() / 2);
    }
}
