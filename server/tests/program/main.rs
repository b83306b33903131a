//! Scenes with the real server program: real sockets, real TLS, a real store in a folder that is
//! thrown away.

mod durability;
mod hostile;
mod joining;
mod limits;
mod stage;
