//! The lobby's real link and the real server, over a network and a store that are broken by a seed, with paused time:
//! hours of partitions, crashes and full disks pass in milliseconds. After each run the books must balance: every text
//! is in the log once and in order, each author was told the truth, and no message was seen twice or missed. There are
//! also books of who let whom into a private session ([`mod@consent`]).
//!
//! The machine that decides is also driven directly ([`mod@decisions`]): the same order must lead to the same effects.
//! The same is done with several machines that share an order ([`mod@lives`]), and with the two sides of a verification
//! that have an attacker between them ([`mod@man_in_the_middle`]).
//!
//! `HOBNOB_SIM_SEEDS=FIRST..END` runs these seeds instead of the usual few dozen; a seed that fails is named. The
//! faults follow from the seed alone. The keys and the order in which the runtime polls do not, so a replay tells the
//! same story and does not have the same bytes.

#[cfg(test)]
#[path = "../faults/chance.rs"]
#[allow(dead_code, reason = "the scenes use what these do not")]
mod chance;

#[cfg(test)]
mod book;
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
mod proposer;
#[cfg(test)]
mod rooms;
#[cfg(test)]
mod store;
#[cfg(test)]
mod stories;
#[cfg(test)]
mod world;
