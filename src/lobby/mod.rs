//! The client's side of the lobby. [`connect`] makes one TLS connection and says hello; [`link`] keeps a link alive
//! over many connections: `attempt` tries the lobby's addresses once, and `redial` has the pauses before they are tried
//! again. [`handle`] is what the app asks of the link, and [`event`] what the app hears. [`sequence`] knows which
//! number comes next in the log, and what to do when a number is skipped. [`outbox`] holds what the server has not
//! acknowledged, and [`event_queue`] the events that the app has not taken. `rooms` are the rooms that the link carries
//! beside the lobby; `servers` is the list of the lobby's servers, whose host names `look_up` looks up; `limits` says
//! how much a server may do unasked; `sender` writes. These modules know nothing of sessions, commands or screens.

#[cfg(test)]
mod address_tests;
mod attempt;
pub mod connect;
pub mod event;
pub mod event_queue;
pub mod handle;
mod limits;
pub mod link;
mod look_up;
pub mod outbox;
mod redial;
#[cfg(test)]
mod room_tests;
mod rooms;
mod sender;
pub mod sequence;
mod servers;
#[cfg(test)]
mod tests;
