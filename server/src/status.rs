//! What can be said of a data directory without disturbing the server that runs on it: which server that is, and which
//! place in the order of a lobby on many servers it last noted. This file reads files, changes none.

use std::fmt;
use std::path::Path;

use hobnob_order::Place;

use crate::decide::Saved;
use crate::log::holder;
use crate::shared_lobby::machine_file::MachineFile;

/// The state of a server, as far as its files tell.
#[derive(Debug)]
pub struct Status {
    /// The address of the server that runs on the data directory; `None` if none runs.
    running: Option<String>,
    /// The machine that the server last saved; `None` for a single server.
    saved: Option<Saved>,
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
        Self { running, saved: MachineFile::any(dir).and_then(|saved| Saved::read(&saved).ok()) }
    }

    /// Returns the place in the order that was noted last. While the server runs, that was at most a minute ago.
    #[must_use]
    pub fn place(&self) -> Option<Place> {
        self.saved.as_ref().map(|saved| saved.place)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.running {
            Some(address) => writeln!(f, "server: runs at {address}")?,
            None => writeln!(f, "server: does not run")?,
        }
        let Some(saved) = &self.saved else { return write!(f, "order: its own; it is a single server") };
        let (servers, addresses) = saved.servers();
        write!(f, "order: place {}, message {}, {servers} servers", saved.place.0, saved.head.seq)?;
        let addresses: Vec<String> = addresses.iter().map(ToString::to_string).collect();
        if !addresses.is_empty() {
            write!(f, " ({})", addresses.join(", "))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_of_a_folder_says_that_no_server_runs_there() {
        let folder = tempfile::tempdir().unwrap();
        let status = Status::of(folder.path());
        assert_eq!(status.to_string(), "server: does not run\norder: its own; it is a single server");
        assert_eq!(status.place(), None);
    }
}
