//! Private sessions before they begin: the question whether the other user wants one ([`consent`]), and the
//! introduction of the two users to each other ([`rendezvous`]). Both are plain structs that are told the time. They
//! know names, keys and addresses, but neither sockets nor the lobby.

pub(crate) mod consent;
pub(crate) mod rendezvous;
