//! The files in the data directory: who this user is, whom it trusts, what it keeps. Each is written whole
//! or not at all. Knows no link and no screen.

pub(crate) mod history;
pub(crate) mod identities;
pub(crate) mod private_file;
pub(crate) mod table;
pub(crate) mod trust;
pub(crate) mod whole_file;
