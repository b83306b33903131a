//! Nothing is lost: the real programs under crashes, cut links, full disks, frozen processes and readers that do not
//! read. After each fault a [`ledger`] must add up. There is one module for each kind of fault.
//!
//! Chance comes from a seed that is printed. `HOBNOB_FAULT_SEED` sets the seed again; because the system decides about
//! the exact moments, such a replay is similar and not identical. `HOBNOB_FAULT_SECONDS` makes each of the crash tests
//! go on for that long.

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
