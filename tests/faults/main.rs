//! Nothing is lost: the real programs under crashes, cuts, full disks, frozen processes and readers that
//! do not read, and after each a [`ledger`] that must add up. One module for each kind of fault.
//!
//! What happens by chance comes from a seed that is printed; `HOBNOB_FAULT_SEED` gives the same one again
//! (the moments are the system's, so a replay is near, not equal). `HOBNOB_FAULT_SECONDS` makes the crash
//! scenes go on for that long each.

#[cfg(test)]
#[path = "../support/mod.rs"]
#[allow(dead_code, reason = "the scenes use what these do not")]
mod support;

#[cfg(test)]
#[allow(dead_code, reason = "the simulation uses what these do not")]
mod chance;
#[cfg(test)]
mod ledger;
#[cfg(test)]
mod switch;

#[cfg(test)]
#[path = "../../nats/tests/node/mod.rs"]
mod node;

#[cfg(test)]
mod cluster;
#[cfg(test)]
mod crashes;
#[cfg(test)]
mod cut_off;
#[cfg(test)]
mod disk;
#[cfg(test)]
mod frozen;
#[cfg(test)]
mod links;
#[cfg(test)]
mod peers;
#[cfg(test)]
mod reading;
#[cfg(test)]
mod relayed;
#[cfg(test)]
mod routers;
