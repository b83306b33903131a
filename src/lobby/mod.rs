//! The client's side of the lobby: [`connect`] makes one TLS connection and says hello, [`link`]
//! keeps a link alive over many of them, [`handle`] is what the app asks of it and [`event`] what the
//! app hears, [`place`] is how far the log was read, [`outbox`] holds what the server has not
//! acknowledged, [`event_queue`] the events the app has not taken; `limits` says what a server may ask unasked, `redial` when the lobby is tried again.
//! Knows nothing of sessions, commands or screens.

pub mod connect;
pub mod event;
pub mod event_queue;
pub mod handle;
mod limits;
pub mod link;
pub mod outbox;
pub mod place;
mod redial;
#[cfg(test)]
mod tests;
