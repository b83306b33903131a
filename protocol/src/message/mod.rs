//! Every message of the protocol. A message is one JSON object on a line, and its member `type` says which message it
//! is. A reader ignores members and types that it does not know, so that both can be added later.
//!
//! Between client and server, after TLS with the ALPN name `hobnob-lobby/1`:
//! 1. The client sends `hello` once, as its first message. The server answers `welcome`, or answers `refused` and
//!    closes.
//! 2. From then on the server sends every lobby message after `welcome.start` as `said`, in order. The client's own
//!    messages are among them, and this is how the client learns that they were stored. `accepted` answers a `say` or
//!    an `act` that was stored earlier, and `not_accepted` one that was not stored.
//! 3. `join` is answered by `joined` or `not_joined`. After `joined`, the room's messages after `joined.start` arrive
//!    in the same way until `part`; each `said` carries the room's name.
//! 4. `users`, `whois`, `history`, `rooms`, `bans`, `mutes`, `ops` and `pair` are questions with a number, which the
//!    answer repeats.
//! 5. `asked` asks the client whether its user wants a private session with somebody; `consent` answers.
//! 6. `leave` or the end of the stream ends the connection; `closing` says that the server shuts down.
//!
//! Between two peers, after TLS with the ALPN name `hobnob-peer/1`, both send `hello`. The side with the smaller key
//! then sends `chosen` on the connection that is to carry the texts. After that, `say` and `received` go in both
//! directions, and `goodbye` ends the session.

mod client;
mod code;
mod peer;
mod server;

pub use client::{ClientMessage, ConsentAnswer, Cursor, Hello, JoinRoom, RoomCursor};
pub use code::{NoAnswerCode, NotAcceptedCode, NotJoinedCode, PeerRefusedCode, RefusedCode};
pub use peer::{PeerMessage, Purpose};
pub use server::{
    Change, Introduction, JoinedRoom, NotAccepted, OperatorRow, Refused, RestraintRow, RoomSummary,
    ServerMessage, Welcome,
};

use serde::{Deserialize, Deserializer};

/// Reads `null` as if the member were absent, because programs in many languages write absent values as `null`.
fn null_is_left_out<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

#[cfg(test)]
mod tests;
