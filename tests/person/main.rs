//! A person at a terminal, as seen on the rendered screen. The tests run the real programs; each checks one behaviour,
//! at several widths where that matters. They are one binary, so that it is linked only once.

// A failed test is a panic. Clippy allows that in test functions, and not in the functions that they call.
#![allow(clippy::unwrap_used)]

#[cfg(test)]
#[path = "../pty/mod.rs"]
mod pty;
#[cfg(test)]
#[path = "../support/mod.rs"]
#[allow(dead_code, reason = "the scenes use all of it")]
mod support;

#[cfg(test)]
mod commands;
#[cfg(test)]
mod consent;
#[cfg(test)]
mod editing;
#[cfg(test)]
mod elsewhere;
#[cfg(test)]
mod flood;
#[cfg(test)]
mod leaving;
#[cfg(test)]
mod missed;
#[cfg(test)]
mod newcomer;
#[cfg(test)]
mod operators;
#[cfg(test)]
mod own_lines;
#[cfg(test)]
mod person;
#[cfg(test)]
mod picture;
#[cfg(test)]
mod plain;
#[cfg(test)]
mod reading;
#[cfg(test)]
mod replay;
#[cfg(test)]
mod rooms;
#[cfg(test)]
mod search;
#[cfg(test)]
mod typing;
#[cfg(test)]
mod verify;
#[cfg(test)]
mod writing;
