//! The client's side of the lobby: [`connect`] makes one TLS connection and says hello, [`link`]
//! keeps a link alive over many of them, [`handle`] is what the app asks of it and [`event`] what the
//! app hears, [`place`] is how far the log was read, [`outbox`] holds what the server has not
//! acknowledged, [`queue`] the events the app has not taken, and `limits` says what a server may ask unasked.
//! Knows nothing of sessions, commands or screens.

pub mod connect;
pub mod event;
pub mod handle;
mod limits;
pub mod link;
pub mod outbox;
pub mod place;
pub mod queue;
#[cfg(test)]
mod tests;
