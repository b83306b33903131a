//! What the lobby decides: which text gets which number, to whom a name belongs, and who is in the lobby. One plain
//! state machine is fed with entries in their order and says what follows from each. Two servers that feed the same
//! entries to it come to the same conclusions. Therefore the machine never asks a clock, a socket or chance, and never
//! depends on how a map is laid out; times, names with their folded form, and the client that is to be evicted travel
//! in the entries.
//!
//! 1. An [`Entry`] is what a server proposes; [`Proposals`] are the entries that one server proposes at one time.
//! 2. [`Machine::apply`] takes proposals in their order and gives [`Effect`]s: what is to be stored and told.
//! 3. Five modules serve lobbies on many servers: `lives` knows which servers there are, `milestones` knows from which
//!    place on their order is kept, `decision_hashes` compares what they have decided, `encoding` makes bytes of a
//!    batch, and `saved` makes bytes of the whole machine, for which its maps are of a kind of their own
//!    (`sorted_map`).
//! 4. `roster` knows who is here and to whom names belong, `rooms` knows which rooms there are and who is in them,
//!    `standing` tells how much a room is used, `numbering` gives the numbers of one log, `posts` knows which posts have
//!    a number, and `times` says which time a message carries.
//!
//! Introductions are not decided here: they concern two users and are never in the order (`rendezvous`).

mod acts;
#[cfg(test)]
mod acts_tests;
mod binding;
mod decision_hashes;
mod effect;
mod encoding;
mod entry;
#[cfg(test)]
mod golden_tests;
mod lazy_list;
mod lives;
mod machine;
mod milestones;
mod numbering;
pub(crate) mod posts;
mod rooms;
#[cfg(test)]
mod rooms_tests;
pub(crate) mod roster;
pub(crate) mod rules;
mod saved;
mod sorted_map;
mod standing;
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
pub use saved::{NotSaved, Saved, Snapshot};
pub use standing::Standing;
pub(crate) use times::EARLIEST;

/// The number of a server that proposes; see the crate `hobnob-order`.
pub use hobnob_order::ServerId;
