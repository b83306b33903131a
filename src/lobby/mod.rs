//! The client's side of the lobby: [`connect`] makes one TLS connection and says hello, [`link`]
//! keeps a link alive over many of them, [`place`] is how far the log was read,
//! [`outbox`] holds what the server has not acknowledged.
//! Knows nothing of sessions, commands or screens.

pub mod connect;
pub mod link;
pub mod outbox;
pub mod place;
