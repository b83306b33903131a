//! Reads what is typed: lines with their commands, the requests of programs, and the user's aliases. These are plain
//! functions. They know neither which commands there are, nor the state of the client, nor who carries out a command.

pub(crate) mod address;
pub mod aliases;
pub mod as_typed;
pub(crate) mod duration;
pub mod invisible;
pub mod line;
pub mod meant;
pub(crate) mod mistaken;
pub mod request;
pub mod script;
pub mod traits;
pub(crate) mod typed_behind;
mod vocabulary;
