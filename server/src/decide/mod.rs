//! What the lobby decides: which text gets which number, whose name is whose, who is in. One plain state machine,
//! fed with entries in their order, says what follows from each. Two servers that feed the same entries to it come
//! to the same conclusions, so nothing is asked here of a clock, a socket, chance, or the way a map is laid out;
//! times, names with their folded form, and whoever is to be evicted travel in the entries.
//!
//! 1. [`Entry`] is what a server proposes; [`Proposals`] are those of one server at one time.
//! 2. [`Machine::apply`] takes them in their order and gives [`Effect`]s: what is to be stored and told.
//! 3. `lives` knows which servers there are, `marks` from where on their order is kept, `outcome` compares what they
//!    have decided, `encoding` makes bytes of a batch, and `saved` of the whole machine: those five are for many servers.
//! 4. `roster` knows who is here and whose names are whose, `rooms` which rooms there are and who is in them,
//!    `standing` how much a room is
//!    used, `numbering` which text has which number in its log and `posts` which have one, `times` when each was said.
//!
//! Introductions are not decided here: they concern two users and are never in the order (`rendezvous`).

mod acts;
#[cfg(test)]
mod acts_tests;
mod binding;
mod effect;
mod encoding;
mod entry;
mod lives;
mod machine;
mod marks;
mod numbering;
mod outcome;
pub(crate) mod posts;
mod rooms;
#[cfg(test)]
mod rooms_tests;
pub(crate) mod roster;
pub(crate) mod rules;
mod saved;
mod standing;
mod table;
mod times;

pub use binding::NameBinding;
pub use effect::Effect;
pub use encoding::ENTRIES_VERSION;
pub use entry::{ConnectionId, Entry, Join, Newcomer, Proposals, ProposedAct, Vouch};
pub use machine::Machine;
pub use posts::{POSTS_REMEMBERED, Party, Posts, ROOM_POSTS_REMEMBERED};
pub use rooms::{KeptRoom, OpenedRoom, RoomId, RoomView, Rooms};
pub(crate) use rules::MAX_OPERATORS;
pub use rules::Rules;
pub use saved::{NotSaved, Saved};
pub use standing::Standing;
pub(crate) use times::EARLIEST;

/// Which server proposes; see the crate `hobnob-order`.
pub use hobnob_order::ServerId;
