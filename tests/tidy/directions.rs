//! Which folder may import from which. Inside a crate imports point downwards: the crate is a house of floors, and a
//! folder knows those on lower floors, and knows neither its neighbours nor the folders above. Nowhere do files import
//! each other in a circle, so that each file can be read and tested with only the files below it.

use std::collections::BTreeSet;
use std::fmt::Write;

use crate::imports::{Import, Imports, circle};
use crate::sources::sources;

/// The floors of a crate, from the ground up. Each lists names at the top of the crate: folders, and files without
/// `.rs`.
struct House {
    root: &'static str,
    floors: &'static [&'static [&'static str]],
}

/// The floors of the client. A new folder gets a floor here; CONTRIBUTING.md says what to do when an import points up.
const CLIENT: House = House {
    root: "src/",
    floors: &[
        &["session", "timestamp"],
        &["data", "cli"],
        &["input", "config"],
        &["show"],
        &["lobby", "peer", "plugins"],
        &["repl"],
        &["screen"],
        &["client"],
        &["commands"],
        &["app", "subcommands"],
        &["start"],
    ],
};

/// The floors of the server.
const SERVER: House = House {
    root: "server/src/",
    floors: &[
        &["network"],
        &["decide", "config", "exposed", "signals", "limits", "wire", "tokens"],
        &["log", "metrics", "admission"],
        &["introductions", "relay"],
        &["neighbour"],
        &["lobby"],
        &["connection", "lobby_thread"],
        &["engine", "listener", "own_files"],
        &["shared_lobby"],
        &["server", "status", "backup"],
        &["nats"],
        &["cli"],
        &["manual"],
    ],
};

impl House {
    /// Returns the floor of a name, counted from 1 at the ground.
    fn floor(&self, name: &str) -> Option<usize> {
        self.floors.iter().position(|floor| floor.contains(&name)).map(|index| index + 1)
    }

    /// Returns what is wrong with an import; `None` if it points down or stays in its folder. A folder without a floor
    /// has its own message.
    fn fault(&self, import: &Import, tops: &BTreeSet<&str>) -> Option<String> {
        let (from, to) = (import.from.first()?, import.to.first()?);
        if from == to {
            return None;
        }
        let at = format!("{}:{}", import.file, import.line);
        let Some(target) = self.floor(to) else {
            if tops.contains(to.as_str()) {
                return None;
            }
            return Some(format!(
                "{at}: crate::{to} is no folder or file of {}; name the module itself",
                self.root
            ));
        };
        let floor = self.floor(from)?;
        (floor <= target).then(|| {
            format!("{at}: `{from}` on floor {floor} imports `{}` on floor {target}", import.to.join("::"))
        })
    }
}

fn check_floors(house: &House) {
    let imports = Imports::of(house.root, sources());
    let (tops, mut wrong) = (imports.tops(), String::new());
    let named: Vec<&str> = house.floors.concat();
    for name in tops.iter().filter(|name| !named.contains(*name)) {
        writeln!(wrong, "  {}{name} has no floor yet", house.root).unwrap();
    }
    for name in named.iter().filter(|name| !tops.contains(*name)) {
        writeln!(wrong, "  {name} has a floor and is not in {}", house.root).unwrap();
    }
    for import in &imports.all {
        if let Some(fault) = house.fault(import, &tops) {
            writeln!(wrong, "  {fault}").unwrap();
        }
    }
    assert!(wrong.is_empty(), "imports point down (the floors are in tests/tidy/directions.rs):\n{wrong}");
}

fn check_circles(root: &str) {
    let imports = Imports::of(root, sources());
    let mut wrong = String::new();
    for (folder, graph) in imports.neighbours() {
        if let Some(way) = circle(&graph) {
            writeln!(wrong, "  in {root}{}:", folder.join("/")).unwrap();
            for step in way {
                writeln!(wrong, "    {}:{} imports {}", step.file, step.line, step.to.join("::")).unwrap();
            }
        }
    }
    assert!(wrong.is_empty(), "no files or folders import each other in a circle:\n{wrong}");
}

#[test]
fn the_client_imports_downwards() {
    check_floors(&CLIENT);
}

#[test]
fn the_server_imports_downwards() {
    check_floors(&SERVER);
}

#[test]
fn the_client_has_no_circle() {
    check_circles(CLIENT.root);
}

#[test]
fn the_server_has_no_circle() {
    check_circles(SERVER.root);
}

#[test]
fn the_small_crates_have_no_circle() {
    for root in ["protocol/src/", "order/src/", "nats/src/"] {
        check_circles(root);
    }
}
