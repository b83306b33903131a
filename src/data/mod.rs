//! The files in the data directory: who this user is, whom this user trusts, and what this client keeps. A change to a
//! file is written completely or not at all. This folder knows no link and no screen.

pub(crate) mod history;
pub(crate) mod identities;
pub(crate) mod private_file;
pub(crate) mod trust;
pub(crate) mod whole_file;
pub(crate) mod word_table;
