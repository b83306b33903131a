//! What a program can do with hobnob, tested with the real binaries: requests, waits, records, the user's own commands,
//! the subcommands, the examples, and the page that describes them. There is one binary, and a module for each subject.

#[cfg(test)]
#[allow(dead_code, reason = "made for all scenes; each binary uses its part")]
#[path = "../support/mod.rs"]
mod support;

#[cfg(test)]
mod bridge;
#[cfg(test)]
mod document;
#[cfg(test)]
mod echo_bot;
#[cfg(test)]
mod missed;
#[cfg(test)]
mod own_commands;
#[cfg(test)]
mod records;
#[cfg(test)]
mod relay_peer;
#[cfg(test)]
mod requests;
#[cfg(test)]
mod since;
#[cfg(test)]
mod subcommands;
#[cfg(test)]
mod waiting;
