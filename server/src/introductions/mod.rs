//! Private sessions before they begin: the question whether the other user wants one ([`consent`]), how many such
//! questions may wait ([`places`]), the introduction of the two users to each other ([`rendezvous`]), and the server that relays for users of two servers
//! ([`meeting_place`]). These are plain structs that are told the time, and plain functions. They know names, keys and
//! addresses, but neither sockets nor the lobby.

pub(crate) mod consent;
pub(crate) mod meeting_place;
pub(crate) mod places;
pub(crate) mod rendezvous;
