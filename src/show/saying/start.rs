//! Sentences at the beginning of a run: which lobby it is in, who hosts it, and what is not as it should be.

use std::fmt;
use std::net::SocketAddr;
use std::path::Path;

use hobnob_protocol::name::UserName;

use super::Saying;
use crate::data::history::HistoryError;
use crate::data::trust::TrustError;

/// A sentence at the beginning of a run.
#[derive(Debug)]
pub(crate) enum Start<'a> {
    /// This process hosts the lobby.
    Hosting {
        /// The address at which others on this machine join the lobby; `None` if they find it by themselves.
        at: Option<SocketAddr>,
    },
    /// Other machines can reach the lobby that this process hosts.
    OthersJoin {
        /// The port it listens on.
        port: u16,
    },
    /// No other machine can reach the lobby that this process hosts.
    OthersDoNotReachIt {
        /// The port it listens on.
        port: u16,
    },
    /// Another program of this user hosts the lobby at another address.
    JoinedElsewhere {
        /// The program that hosts it, as the server words it.
        holder: &'a str,
    },
    /// The server's key was not pinned.
    ServerNotPinned {
        /// The address of the server.
        address: &'a str,
        /// Why the key was not pinned.
        reason: &'a TrustError,
    },
    /// The user's name in the lobby is not the one he wanted.
    NameTaken {
        /// The name that the user wanted.
        wished: &'a UserName,
        /// The name that the user has.
        name: &'a UserName,
    },
    /// No messages can be kept.
    NothingKept {
        /// Why the history cannot be used.
        reason: &'a HistoryError,
    },
    /// The messages that earlier versions kept are not in the history.
    NotBroughtOver {
        /// What went wrong when the messages were brought over.
        reason: &'a str,
    },
    /// Other users of this machine may write to a file, or in a folder.
    WritableByOthers {
        /// The path of the file or folder.
        path: &'a Path,
        /// Its mode, as Unix writes it.
        mode: u32,
        /// Whether it is a folder.
        is_folder: bool,
    },
    /// This machine has more addresses than can be told to peers.
    AddressesLeftOut {
        /// How many addresses are not told.
        count: usize,
    },
}

impl Saying for Start<'_> {}

impl fmt::Display for Start<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            // The three sentences about hosting fit into a row of 80 columns after the mark of hobnob's own sentences.
            Self::Hosting { at } => {
                f.write_str("hosting the lobby; others on this machine join with: hobnob")?;
                at.map_or(Ok(()), |address| write!(f, " --server {address}"))
            }
            Self::OthersJoin { port } => {
                write!(f, "other machines join with: hobnob --server THIS-MACHINE:{port}")
            }
            Self::OthersDoNotReachIt { port } => {
                write!(f, "to let other machines in, host it with: hobnob --host 0.0.0.0:{port}")
            }
            Self::JoinedElsewhere { holder } => write!(f, "{holder}; joined it there"),
            Self::ServerNotPinned { address, reason } => write!(
                f,
                "the key of the server at {address} could not be pinned, so that another server in its place \
                 would not be noticed: {reason}"
            ),
            Self::NameTaken { wished, name } => write!(f, "the name {wished} is taken; you are {name}"),
            Self::NothingKept { reason } => write!(f, "what is said is not kept on this machine: {reason}"),
            Self::NotBroughtOver { reason } => {
                write!(f, "what earlier versions kept of private talk is not in the history yet: {reason}")
            }
            Self::WritableByOthers { path, mode, is_folder } => {
                let path = path.display();
                match is_folder {
                    true => write!(
                        f,
                        "others may write in {path} (mode {mode:03o}), and so replace what is in it"
                    )?,
                    false => write!(f, "others may write {path} (mode {mode:03o})")?,
                }
                write!(f, "; make it yours alone with: chmod go-w {path}")
            }
            Self::AddressesLeftOut { count } => write!(
                f,
                "this machine has too many addresses to tell peers all; {count} are left out, --listen or \
                 --advertise chooses"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_and_folders_that_others_may_write_are_reported_with_advice() {
        let told = |path, mode, is_folder| {
            Start::WritableByOthers { path: Path::new(path), mode, is_folder }.to_string()
        };
        assert_eq!(
            told("/x", 0o777, true),
            "others may write in /x (mode 777), and so replace what is in it; make it yours alone with: chmod go-w /x"
        );
        assert_eq!(
            told("/x/y", 0o20, false),
            "others may write /x/y (mode 020); make it yours alone with: chmod go-w /x/y"
        );
    }

    #[test]
    fn a_lobby_at_its_usual_address_is_joined_without_an_address() {
        let hosting = "hosting the lobby; others on this machine join with: hobnob";
        assert_eq!(Start::Hosting { at: None }.to_string(), hosting);
        let at = Some(([127, 0, 0, 1], 7).into());
        assert_eq!(Start::Hosting { at }.to_string(), format!("{hosting} --server 127.0.0.1:7"));
    }
}
