//! What travels on hobnob's links. This crate knows nothing of who is at either end.
//!
//! These are its modules:
//!
//! - [`name`], [`key`], [`candidate`], [`text`], [`ids`]: names, keys, addresses, texts and ids as types that cannot hold
//!   anything invalid
//! - [`base64url`]: the form of byte strings on the wire
//! - [`message`]: every message
//! - [`codec`]: the framing, one JSON object on each line, with a limit
//! - [`chain`]: the hash that ties each entry of a log to the entry before
//! - [`content`]: what an entry is, a text or an act
//! - [`room`]: the name of a room
//! - [`said`]: several entries of a log in a row, as they are sent
//! - [`away`]: the reason that somebody gives for being away
//! - [`relay`]: how two clients meet at a server
//! - [`records`]: a TLS stream that is read record by record
//! - [`identity`]: an Ed25519 key and its file
//! - [`certificate`]: how a certificate carries a key in TLS
//! - [`transport`]: TLS 1.3 between two keys
//! - [`harmless`], [`invisible`]: text of strangers made harmless, and the characters that nobody can see
//! - [`fast_path`]: a reader without serde for lines in the form that nearly every client writes
//! - [`verification`]: how two users check each other's key
//! - [`version`]: which build this is
//!
//! The limits below belong to the protocol, and each says why it has its value. This crate knows neither server nor
//! client, and prints nothing.

pub mod away;
pub mod base64url;
pub mod candidate;
pub mod certificate;
pub mod chain;
pub mod codec;
pub mod content;
pub mod fast_path;
pub mod harmless;
pub mod identity;
pub mod ids;
pub mod invisible;
pub mod key;
pub mod message;
pub mod name;
pub mod records;
pub mod relay;
pub mod room;
pub mod said;
pub mod text;
pub mod transport;
pub mod verification;
pub mod version;

use std::time::Duration;

/// The version of the protocol that this build speaks. Both sides send it in their hello, and a server refuses any
/// other version.
pub const PROTOCOL_VERSION: u32 = 3;

/// The ALPN name of a link between a client and a server.
pub const LOBBY_ALPN: &[u8] = b"hobnob-lobby/1";

/// The ALPN name of a link between two peers.
pub const PEER_ALPN: &[u8] = b"hobnob-peer/1";

/// The ALPN name of a link on which a server relays bytes between two clients.
pub const RELAY_ALPN: &[u8] = b"hobnob-relay/1";

/// The port on which a lobby is expected if no port is given.
pub const DEFAULT_PORT: u16 = 43210;

/// The longest text of one message, in bytes of UTF-8. It is long enough for a pasted stack trace, and short enough
/// that a thousand queued texts fit in memory.
pub const MAX_TEXT_BYTES: usize = 16 * 1024;

/// The longest line on the wire, newline included, in bytes. JSON writes a control character as six bytes (`\u0007`),
/// so the longest text may take six times its size. The rest is room for the other fields.
pub const MAX_LINE_BYTES: usize = 6 * MAX_TEXT_BYTES + 32 * 1024;

/// The longest line that a server reads before it has accepted the `hello`, in bytes. It is short so that a stranger
/// cannot make the server use more memory. It has room for a position in each of [`MAX_ROOMS_OF_A_KEY`] rooms.
/// The lines of a relay link, before it passes bytes on, have the same bound.
pub const MAX_HELLO_BYTES: usize = 32 * 1024;

/// The longest line before the `hello` on a link between two peers, in bytes. The `hello` of a peer is short.
pub const MAX_PEER_HELLO_BYTES: usize = 8 * 1024;

/// How many rooms one user may be in at once. For each, the server keeps a queue of messages and a place in a list.
pub const MAX_ROOMS_OF_A_KEY: usize = 64;

/// How many rooms one `rooms` message lists, so that the message stays below the limit of a line. A long list takes
/// several messages.
pub const ROOMS_PER_MESSAGE: usize = 40;

/// How many bans one `bans` message lists. Each may have a reason that is as long as a topic.
pub const BANS_PER_MESSAGE: usize = 40;

/// How many mutes one `mutes` message lists. Each may have a reason that is as long as a topic.
pub const MUTES_PER_MESSAGE: usize = 40;

/// How many operators one `ops` message lists.
pub const OPERATORS_PER_MESSAGE: usize = 100;

/// The longest topic and the longest reason of an act, in bytes of UTF-8: a few lines on a screen.
pub const MAX_TOPIC_BYTES: usize = 400;

/// How many other servers of the lobby a `welcome` names. A client may try each of them.
pub const MAX_SERVERS: usize = 32;

/// How many addresses one client may advertise. This is enough for a host with many interfaces; peers dial each
/// address.
pub const MAX_CANDIDATES: usize = 32;

/// How many names one `users` message lists, so that the message stays far below the limit of a line.
pub const USERS_PER_MESSAGE: usize = 500;

/// The longest reason for being away, in bytes of UTF-8: about one line on a screen.
pub const MAX_AWAY_BYTES: usize = 256;

/// How many changes one `presence` message holds, so that the message stays far below the limit of a line.
pub const CHANGES_PER_MESSAGE: usize = 500;

/// How many of the newest messages are shown to a client that joins without a cursor, with the newest last.
pub const BACKLOG_ON_JOIN: u64 = 20;

/// How many messages one `history` request may ask for.
pub const MAX_HISTORY_REQUEST: u32 = 1000;

/// How long a TLS handshake and the hello after it may take. Each side closes the link after this time.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// If nothing arrived on a lobby link for this long, the other side is asked for a sign of life.
pub const LOBBY_PING_AFTER: Duration = Duration::from_secs(15);

/// If nothing arrived on a lobby link for this long, the link is taken for lost.
pub const LOBBY_DEAD_AFTER: Duration = Duration::from_secs(45);

/// If nothing arrived on a peer link for this long, the other side is asked for a sign of life.
pub const PEER_PING_AFTER: Duration = Duration::from_secs(5);

/// If nothing arrived on a peer link for this long, the link is taken for lost and built again.
pub const PEER_DEAD_AFTER: Duration = Duration::from_secs(15);

/// How long an introduction by the server remains valid.
pub const INTRODUCTION_LIFETIME: Duration = Duration::from_secs(30);

/// How long a client waits at a relay for the other side of its session, before the server closes the connection. The
/// client tries again for as long as its session lasts.
pub const RELAY_WAIT: Duration = Duration::from_secs(30);
