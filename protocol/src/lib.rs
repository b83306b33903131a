//! What travels on hobnob's links, and nothing of who is at either end.
//!
//! Module map: [`name`] (names, keys, numbers as types that cannot be wrong), [`message`] (every
//! message), [`codec`] (one JSON object a line, bounded), [`chain`] (the hash that ties each
//! entry of a log to the one before), [`content`] (what an entry is: a text or an act), [`room`] (the name of a room), [`said`] (entries of a log in a row as they are sent), [`relay`] (how two clients meet at a server), [`records`] (a TLS stream read record by record), [`identity`] (an Ed25519 key and the file it lives in), [`certificate`] (how TLS carries it),
//! [`transport`] (TLS 1.3 between two keys), [`fast_path`] (lines in the form nearly all have, read without serde), [`verification`] (how two users make sure of each other's key), [`version`] (which build this is). The limits below are the protocol's own; each says why
//! it has its value. This crate knows neither server nor client and prints nothing.

pub mod away;
pub mod certificate;
pub mod chain;
pub mod codec;
pub mod content;
pub mod fast_path;
pub mod harmless;
pub mod identity;
pub mod invisible;
pub mod message;
pub mod name;
pub mod records;
pub mod relay;
pub mod room;
pub mod said;
pub mod transport;
pub mod verification;
pub mod version;

use std::time::Duration;

/// The version spoken by this build, sent in both hellos. A server refuses any other.
pub const PROTOCOL_VERSION: u32 = 3;

/// ALPN of a link between a client and a server.
pub const LOBBY_ALPN: &[u8] = b"hobnob-lobby/1";

/// ALPN of a link between two peers.
pub const PEER_ALPN: &[u8] = b"hobnob-peer/1";

/// ALPN of a link between a client and a server that is to copy bytes between it and another client.
pub const RELAY_ALPN: &[u8] = b"hobnob-relay/1";

/// The port a lobby is expected on when none is named.
pub const DEFAULT_PORT: u16 = 43210;

/// The longest text of one message, in bytes of UTF-8. Long enough for a pasted stack trace, short
/// enough that a thousand queued ones stay in memory.
pub const MAX_TEXT_BYTES: usize = 16 * 1024;

/// The longest line on the wire, newline included, in bytes. JSON writes a control character as six
/// bytes (`\u0007`), so the longest text may take six times its size; the rest is for the fields.
pub const MAX_LINE_BYTES: usize = 6 * MAX_TEXT_BYTES + 32 * 1024;

/// The longest line accepted before `hello` was taken, in bytes: a stranger gets no more memory. Room for a position in
/// each of [`MAX_ROOMS_OF_A_KEY`] rooms.
pub const MAX_HELLO_BYTES: usize = 32 * 1024;

/// The same between two peers, whose `hello` is short.
pub const MAX_PEER_HELLO_BYTES: usize = 8 * 1024;

/// Rooms one user may be in at once. Each is a queue of words and a place in a list for the server.
pub const MAX_ROOMS_OF_A_KEY: usize = 64;

/// Rooms in one `rooms` message, so that a list of a thousand with their topics stays below a line's limit.
pub const ROOMS_PER_MESSAGE: usize = 40;

/// Bans in one `bans` message: each may have a reason as long as a topic.
pub const BANS_PER_MESSAGE: usize = 40;

/// Operators in one `ops` message.
pub const OPERATORS_PER_MESSAGE: usize = 100;

/// The longest topic, and the longest reason of an act, in bytes of UTF-8: some lines.
pub const MAX_TOPIC_BYTES: usize = 400;

/// Other servers of the lobby that `welcome` names. Each may be dialled.
pub const MAX_SERVERS: usize = 32;

/// Addresses one user may advertise. Enough for a host with many interfaces; each is dialled.
pub const MAX_CANDIDATES: usize = 32;

/// Names in one `users` message, so that a list of ten thousand stays far below a line's limit.
pub const USERS_PER_MESSAGE: usize = 500;

/// The longest reason for being away, in bytes of UTF-8: a line.
pub const MAX_AWAY_BYTES: usize = 256;

/// Changes in one `presence` message, for the same reason.
pub const CHANGES_PER_MESSAGE: usize = 500;

/// Messages a client that joins without a cursor is shown, newest last.
pub const BACKLOG_ON_JOIN: u64 = 20;

/// Messages one `history` may ask for.
pub const MAX_HISTORY_REQUEST: u32 = 1000;

/// How long a TLS handshake and the hello after it may take, each side, before the link is closed.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// A lobby link on which nothing arrived for this long is asked for a sign of life.
pub const LOBBY_PING_AFTER: Duration = Duration::from_secs(15);

/// A lobby link on which nothing arrived for this long is lost.
pub const LOBBY_DEAD_AFTER: Duration = Duration::from_secs(45);

/// A peer link on which nothing arrived for this long is asked for a sign of life.
pub const PEER_PING_AFTER: Duration = Duration::from_secs(5);

/// A peer link on which nothing arrived for this long is lost, and rebuilt.
pub const PEER_DEAD_AFTER: Duration = Duration::from_secs(15);

/// How long an introduction made by the server stays good.
pub const INTRODUCTION_LIFETIME: Duration = Duration::from_secs(30);

/// How long a client waits at a relay for the other side of its session, before the server sends it away. It comes
/// again as long as its session is not over.
pub const RELAY_WAIT: Duration = Duration::from_secs(30);
