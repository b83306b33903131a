//! What the lobby decides: who has which name, and which text is new. Plain data; no clock, no randomness, no
//! socket, nothing asynchronous.

pub(crate) mod posts;
pub(crate) mod roster;
