//! What is typed, read: lines and their commands, the requests of programs, the words a user made. Plain;
//! knows neither which commands there are nor the state nor who carries a command out.

pub(crate) mod address;
pub mod aliases;
pub(crate) mod duration;
pub mod invisible;
pub mod line;
pub mod meant;
pub mod request;
pub mod script;
pub mod traits;
