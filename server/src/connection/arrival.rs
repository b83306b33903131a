//! From where a newcomer reads on. Held against the log only when the lobby has let the newcomer in: then
//! everything that its cursor may name is there. Reads the log, changes nothing.

use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use hobnob_protocol::chain::Position;
use hobnob_protocol::message::{Cursor, Hello, Welcome};
use hobnob_protocol::name::Seq;
use hobnob_protocol::{MAX_HISTORY_REQUEST, PROTOCOL_VERSION};

use super::Recent;
use crate::lobby::Admitted;
use crate::log::{LobbyLog, LogError};

/// The newest messages a newcomer may begin with.
const MAX_BACKLOG: u64 = MAX_HISTORY_REQUEST as u64;

/// What of a hello matters when its client is let in.
#[derive(Debug)]
pub(super) struct Arrival {
    cursor: Option<Cursor>,
    since: Option<Seq>,
    backlog: u64,
    observed: IpAddr,
}

/// Where a client begins.
struct Start {
    /// The position before the first message it is sent.
    position: Position,
    /// Messages after its cursor that are no longer kept.
    missed: u64,
    /// Whether it goes on from what it has.
    resumed: bool,
}

impl Arrival {
    /// That of a client seen at the address `observed`.
    pub(super) fn new(hello: &Hello, observed: IpAddr) -> Self {
        let backlog = hello.backlog.min(MAX_BACKLOG);
        Self { cursor: hello.cursor, since: hello.since, backlog, observed }
    }

    /// What the client is told when it is let in.
    pub(super) async fn welcome(
        &self,
        log: &dyn LobbyLog,
        recent: &Mutex<Recent>,
        admitted: &Admitted,
    ) -> Welcome {
        let Start { position, missed, resumed } = self.start(log, recent, admitted.head).await;
        Welcome {
            protocol: PROTOCOL_VERSION,
            name: (*admitted.name).clone(),
            log: log.contents().log,
            head: admitted.head,
            start: position,
            missed,
            resumed,
            observed: self.observed,
            servers: Vec::new(),
            topic: None,
            motd: None,
            operator: false,
        }
    }

    async fn start(&self, log: &dyn LobbyLog, recent: &Mutex<Recent>, head: Position) -> Start {
        let found = match (&self.cursor, self.since) {
            (Some(cursor), _) => resume(log, cursor, head).await,
            (None, Some(since)) => position_after(log, since, head).await.map(|position| Some((position, 0))),
            (None, None) => return self.newest(log, recent, head, true),
        };
        match found {
            Ok(Some((position, missed))) => Start { position, missed, resumed: true },
            Ok(None) => self.newest(log, recent, head, false),
            Err(err) => {
                tracing::warn!(%err, "cannot check from where a client reads on");
                self.newest(log, recent, head, false)
            }
        }
    }

    /// The newest messages before `head`, as many as the client wants.
    fn newest(&self, log: &dyn LobbyLog, recent: &Mutex<Recent>, head: Position, resumed: bool) -> Start {
        let oldest = log.first().0.saturating_sub(1);
        let seq = Seq(head.seq.0.saturating_sub(self.backlog).max(oldest).min(head.seq.0));
        let recent = recent.lock().unwrap_or_else(PoisonError::into_inner);
        Start { position: recent.position(seq).unwrap_or(head), missed: 0, resumed }
    }
}

/// The position of `cursor` and how many messages after it are no longer kept; `None` when it is no position
/// of this log up to `head`.
async fn resume(
    log: &dyn LobbyLog,
    cursor: &Cursor,
    head: Position,
) -> Result<Option<(Position, u64)>, LogError> {
    if cursor.log != log.contents().log || cursor.position.seq > head.seq {
        return Ok(None);
    }
    let position = position_after(log, cursor.position.seq, head).await?;
    if position.seq > cursor.position.seq {
        return Ok(Some((position, position.seq.0 - cursor.position.seq.0)));
    }
    Ok((position == cursor.position).then_some((position, 0)))
}

/// The position after message `seq`, or the nearest there is; `head` at the latest.
async fn position_after(log: &dyn LobbyLog, seq: Seq, head: Position) -> Result<Position, LogError> {
    if seq >= head.seq {
        return Ok(head);
    }
    Ok(log.read(seq, 1, 0).await?.after)
}
