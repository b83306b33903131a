//! Tests of the real programs, seen from outside: what the contract promises to users, one behaviour in each test. They
//! are one binary, so that it is linked only once, with a module for each subject.

#[cfg(test)]
#[path = "../support/mod.rs"]
mod support;

#[cfg(test)]
mod churn;
#[cfg(test)]
mod commands;
#[cfg(test)]
mod consent;
#[cfg(test)]
mod conversations;
#[cfg(test)]
mod errors;
#[cfg(test)]
mod files;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod hostile_server;
#[cfg(test)]
mod hosting;
#[cfg(test)]
mod keys;
#[cfg(test)]
mod lobby;
#[cfg(test)]
mod msg;
#[cfg(test)]
mod names;
#[cfg(test)]
mod operators;
#[cfg(test)]
mod options;
#[cfg(test)]
mod pipe;
#[cfg(test)]
mod privacy;
#[cfg(test)]
mod reconnect;
#[cfg(test)]
mod rooms;
#[cfg(test)]
mod script;
#[cfg(test)]
mod server;
#[cfg(test)]
mod sessions;
#[cfg(test)]
mod strangers;
#[cfg(test)]
mod verify;
