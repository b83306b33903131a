//! What the lobby decides: which text gets which number, whose name is whose, who is in. One plain state machine,
//! fed with entries in their order, says what follows from each. Two servers that feed the same entries to it come
//! to the same conclusions, so nothing is asked here of a clock, a socket, chance, or the way a map is laid out;
//! times, names with their folded form, and whoever is to be evicted travel in the entries.
//!
//! 1. [`Entry`] is what a server proposes; [`Proposals`] are those of one server at one time.
//! 2. [`Machine::apply`] takes them in their order and gives [`Effect`]s: what is to be stored and told.
//! 3. `roster` knows who is here and whose names are whose, `rooms` which rooms there are and who is in them,
//!    `numbering` which text has which number in its log and `posts` which have one, `times` when each was said.
//!
//! Introductions are not decided here: they concern two users and are never in the order (`rendezvous`).

mod acts;
#[cfg(test)]
mod acts_tests;
mod effect;
mod entry;
mod machine;
mod numbering;
pub(crate) mod posts;
mod rooms;
#[cfg(test)]
mod rooms_tests;
pub(crate) mod roster;
pub(crate) mod rules;
mod table;
mod times;

pub use effect::Effect;
pub use entry::{ConnectionId, Entry, Join, Newcomer, Proposals, ProposedAct};
pub use machine::Machine;
pub use posts::{POSTS_REMEMBERED, Party, Posts, ROOM_POSTS_REMEMBERED};
pub use rooms::{KeptRoom, OpenedRoom, RoomId, RoomView, Rooms};
pub use roster::NameBinding;
pub(crate) use rules::MAX_OPERATORS;
pub use rules::Rules;
pub(crate) use times::EARLIEST;

/// Which server proposes; see the crate `hobnob-order`.
pub use hobnob_order::ServerId;
