//! The lobby's real link and the real server, over a network and a store that a seed breaks, with paused
//! time: hours of partitions, crashes and full disks in milliseconds. After each run the books must
//! balance (also those of who let whom in, [`mod@consent`]): every text once in the log, in order, each author told the truth, nothing seen twice and
//! nothing missing anywhere.
//!
//! The machine that decides is driven directly, too ([`mod@decisions`]): the same orders in, the same effects out; and so
//! are several machines that share an order ([`mod@lives`]). So are the two sides of a verification, with somebody in
//! between ([`mod@man_in_the_middle`]).
//!
//! `HOBNOB_SIM_SEEDS=FIRST..END` runs those seeds instead of the few dozen; a seed that fails is named.
//! Faults come from the seed alone. Keys and the order in which the runtime polls do not, so a replay is
//! the same story, not the same bytes.

#[cfg(test)]
#[path = "../faults/chance.rs"]
#[allow(dead_code, reason = "the scenes use what these do not")]
mod chance;

#[cfg(test)]
mod consent;
#[cfg(test)]
mod decisions;
#[cfg(test)]
mod lives;
#[cfg(test)]
mod man_in_the_middle;
#[cfg(test)]
mod million;
#[cfg(test)]
mod network;
#[cfg(test)]
mod rooms;
#[cfg(test)]
mod store;
#[cfg(test)]
mod stories;
#[cfg(test)]
mod world;
