//! What is typed, read: lines and their commands, the requests of programs, the words a user made. Plain;
//! knows neither the state nor who carries a command out.

pub mod aliases;
pub mod line;
pub mod request;
pub mod script;
