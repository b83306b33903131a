//! What can be said of a data directory without disturbing the server that runs on it: which server that is, and which
//! place in the order of a lobby on many servers it last noted. This file reads files, changes none.

use std::fmt;
use std::path::Path;

use hobnob_order::Place;

use crate::decide::Saved;
use crate::log::{SqliteLog, holder};
use crate::shared_lobby::machine_file::{FILE, MachineFile};

/// The state of a server, as far as its files tell.
#[derive(Debug)]
pub struct Status {
    /// The address of the server that runs on the data directory; `None` if none runs.
    running: Option<String>,
    order: NotedOrder,
}

/// What the data directory says of the order that its server reads.
#[derive(Debug)]
enum NotedOrder {
    /// This is the machine that the server, one of several, last saved.
    Shared(Box<Saved>),
    /// A log is there and no machine: the server has never been one of several.
    Own,
    /// Nothing is there that a server has stored.
    NoServer,
    /// The folder, or the file that should hold a machine, cannot be read.
    Unreadable,
}

impl NotedOrder {
    fn of(dir: &Path) -> Self {
        match MachineFile::any(dir) {
            Ok(Some(saved)) => {
                Saved::read(&saved).map_or(Self::Unreadable, |saved| Self::Shared(Box::new(saved)))
            }
            Ok(None) => match SqliteLog::is_there(dir) {
                Ok(true) => Self::Own,
                Ok(false) => Self::NoServer,
                Err(_) => Self::Unreadable,
            },
            Err(_) => Self::Unreadable,
        }
    }
}

impl Status {
    /// Returns the status of `dir`, the folder `server` of a data directory.
    #[must_use]
    pub fn of(dir: &Path) -> Self {
        // A server that was killed leaves its note behind, so it is checked whether its process exists.
        let is_there = |pid: u32| Path::new("/proc").join(pid.to_string()).exists();
        let running = holder(dir).filter(|holder| is_there(holder.pid)).map(|holder| match holder.address {
            Some(address) => format!("{address}"),
            None => "no address yet".to_owned(),
        });
        Self { running, order: NotedOrder::of(dir) }
    }

    /// Returns the place in the order that was noted last. While the server runs, that was at most a minute ago.
    #[must_use]
    pub fn place(&self) -> Option<Place> {
        match &self.order {
            NotedOrder::Shared(saved) => Some(saved.place),
            NotedOrder::Own | NotedOrder::NoServer | NotedOrder::Unreadable => None,
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.running {
            Some(address) => writeln!(f, "server: runs at {address}")?,
            None => writeln!(f, "server: does not run")?,
        }
        match &self.order {
            NotedOrder::Shared(saved) => write_shared(f, saved),
            NotedOrder::Own => f.write_str("order: its own; no order of several servers is noted here"),
            NotedOrder::NoServer => f.write_str("order: none; no server has stored anything here"),
            NotedOrder::Unreadable => write!(f, "order: not known; {FILE} cannot be read"),
        }
    }
}

fn write_shared(f: &mut fmt::Formatter<'_>, saved: &Saved) -> fmt::Result {
    let (servers, addresses) = saved.servers();
    let (place, message) = (saved.place.0, saved.head.seq);
    write!(f, "order: read up to place {place} (message {message} of the lobby); {servers} servers")?;
    let addresses: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    if !addresses.is_empty() {
        write!(f, " ({})", addresses.join(", "))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_status_says_what_is_known_of_the_order_and_no_more() {
        let folder = tempfile::tempdir().unwrap();
        let told = || {
            let status = Status::of(folder.path());
            assert_eq!(status.place(), None);
            status.to_string()
        };
        let none = "server: does not run\norder: none; no server has stored anything here";
        assert_eq!(told(), none);
        assert_eq!(Status::of(&folder.path().join("missing")).to_string(), none);
        fs::write(folder.path().join("lobby.sqlite"), "").unwrap();
        assert_eq!(told(), "server: does not run\norder: its own; no order of several servers is noted here");
        for damaged in ["", "hobnob-machine", "something else\n{}", "hobnob-machine 1 2\n{\"cut"] {
            fs::write(folder.path().join(FILE), damaged).unwrap();
            assert_eq!(told(), "server: does not run\norder: not known; machine.json cannot be read");
        }
    }
}
