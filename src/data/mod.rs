//! The files in the data directory: who this user is, whom it trusts, what it keeps. Each is written whole
//! or not at all. Knows no link and no screen.

pub mod conversations;
pub mod identities;
pub mod table;
pub mod trust;
pub mod whole_file;
