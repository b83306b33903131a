//! From where a newcomer reads on: its cursor held against the log. Reads the log, changes nothing.

use hobnob_protocol::MAX_HISTORY_REQUEST;
use hobnob_protocol::chain::Position;
use hobnob_protocol::message::{Cursor, Hello};
use hobnob_protocol::name::Seq;

use crate::lobby::Start;
use crate::log::{LobbyLog, LogError};

/// The newest messages a newcomer may begin with.
const MAX_BACKLOG: u64 = MAX_HISTORY_REQUEST as u64;

/// Where the client of this `hello` begins.
pub(super) async fn start_of(log: &dyn LobbyLog, hello: &Hello) -> Start {
    let backlog = hello.backlog.min(MAX_BACKLOG);
    let found = match (&hello.cursor, hello.since) {
        (Some(cursor), _) => resume(log, cursor).await,
        (None, Some(since)) => place_after(log, since).await.map(|position| Some((position, 0))),
        (None, None) => return Start::Newest { backlog, resumed: true },
    };
    match found {
        Ok(Some((position, missed))) => Start::At { position, missed },
        Ok(None) => Start::Newest { backlog, resumed: false },
        Err(err) => {
            tracing::warn!(%err, "cannot check from where a client reads on");
            Start::Newest { backlog, resumed: false }
        }
    }
}

/// The place of `cursor` and how many messages after it are no longer kept; `None` when it is no place
/// of this log.
async fn resume(log: &dyn LobbyLog, cursor: &Cursor) -> Result<Option<(Position, u64)>, LogError> {
    if cursor.log != log.contents().log || cursor.position.seq > log.subscribe().borrow().seq {
        return Ok(None);
    }
    let place = place_after(log, cursor.position.seq).await?;
    if place.seq > cursor.position.seq {
        return Ok(Some((place, place.seq.0 - cursor.position.seq.0)));
    }
    Ok((place == cursor.position).then_some((place, 0)))
}

/// The place after message `seq`, or the nearest there is.
async fn place_after(log: &dyn LobbyLog, seq: Seq) -> Result<Position, LogError> {
    let head = *log.subscribe().borrow();
    if seq >= head.seq {
        return Ok(head);
    }
    Ok(log.read(seq, 1, 0).await?.after)
}
