//! Every message of the protocol. One JSON object a line, the member `type` says which; members and
//! types a reader does not know are passed over, so that both can be added.
//!
//! Between client and server, after TLS with ALPN `hobnob-lobby/1`:
//! 1. The client sends `hello` (once, first). The server answers `welcome`, or `refused` and closes.
//! 2. From then on the server sends every lobby message after `welcome.start` as `said`, in order,
//!    the client's own among them: that is its acknowledgement. `accepted` answers a `say` or an `act`
//!    that was stored earlier and `not_accepted` one that was not stored.
//! 3. `join` is answered by `joined` or `not_joined`. From `joined` on the room's messages after
//!    `joined.start` come in the same way, each `said` with the room's name, until `part`.
//! 4. `users`, `whois`, `history`, `rooms`, `bans`, `ops` and `pair` are questions with a number; the answer carries it.
//! 5. `asked` asks whether this client is to be told of somebody who wants a private session; `consent` answers.
//! 6. `leave` or the end of the stream ends it; `closing` says that the server ends.
//!
//! Between two peers, after TLS with ALPN `hobnob-peer/1`: both send `hello`; the side whose key is
//! the smaller one answers `chosen` on the connection that is to carry the words; then `say` and
//! `received` in both directions, and `goodbye` to end the session.

mod client;
mod code;
mod peer;
mod server;

pub use client::{ClientMessage, ConsentAnswer, Cursor, Hello, JoinRoom, RoomCursor};
pub use code::{NoAnswerCode, NotAcceptedCode, NotJoinedCode, PeerRefusedCode, RefusedCode};
pub use peer::{PeerMessage, Purpose};
pub use server::{
    BanRow, Change, Introduction, JoinedRoom, NotAccepted, OperatorRow, Refused, RoomSummary, ServerMessage,
    Welcome,
};

use serde::{Deserialize, Deserializer};

/// Reads `null` as if the member were left out: programs in many languages write their absent values so.
fn null_is_left_out<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

#[cfg(test)]
mod tests;
