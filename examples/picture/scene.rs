//! A short play for the picture in the README. The real programs play it, each on a terminal of its own: three people
//! are in a lobby, two of them also in a room and in a private session, and in between the server goes down. This file
//! owns what the people say; it knows nothing of pictures.

use std::path::Path;

use nix::sys::signal::Signal;

use crate::pty::Terminal;

/// The address of the lobby in the picture, which is the default address.
pub(crate) const ADDRESS: &str = "127.0.0.1:43210";

/// The title of the window, which says whose screen is shown.
pub(crate) const TITLE: &str = "carmen: hobnob";

/// How many columns and rows each player's screen has.
pub(crate) const SIZE: (u16, u16) = (80, 20);

/// The players, and the letter from which each player's key is made. Names are coloured by key, so with new keys the
/// next picture would have other colours.
const PEOPLE: [(&str, char); 3] = [("anna", 'A'), ("bobby", 'B'), ("carmen", 'C')];

/// Plays the scene on a server at `address`, and returns what `look` makes of carmen's screen at the end. The programs
/// are those in the folder `built`.
pub(crate) fn play<T>(built: &Path, address: &str, look: impl FnOnce(&vt100::Screen) -> T) -> T {
    let homes = tempfile::tempdir().unwrap();
    let stage = Stage { built, homes: homes.path(), address };
    let server = stage.server();
    PEOPLE.into_iter().for_each(|(name, letter)| stage.give_key(name, letter));
    let (mut anna, mut bobby) = (stage.enter("anna"), stage.enter("bobby"));
    anna.enter("who has the figures of last night?");
    bobby.wait_for("last night?");
    bobby.enter("me: 3,052,114 messages, none lost and none twice");
    anna.wait_for("none twice");
    let mut carmen = stage.enter("carmen");
    talk(&mut anna, &mut bobby, &mut carmen);
    in_private(&mut anna, &mut bobby, &mut carmen, &server);
    carmen.with_screen(look)
}

/// Plays what is said in the lobby and in a room.
fn talk(anna: &mut Terminal, bobby: &mut Terminal, carmen: &mut Terminal) {
    carmen.wait_for("none twice");
    carmen.enter("good morning");
    bobby.wait_for("good morning");
    bobby.enter(
        "carmen! Just in time: the long run is over, and whoever reads the report can tell me \
         whether its last page belongs in the announcement.",
    );
    carmen.wait_for("announcement.");
    anna.enter("\\join tea");
    anna.wait_for_last("1 #tea>");
    carmen.enter("\\join tea");
    carmen.wait_for("you are in #tea");
    carmen.wait_for_last("1 #tea>");
    anna.enter("congratulations ☕");
    carmen.wait_for("congratulations");
}

/// Plays the private session, first beside the server and then without it.
fn in_private(anna: &mut Terminal, bobby: &mut Terminal, carmen: &mut Terminal, server: &Terminal) {
    carmen.enter("\\fork anna");
    carmen.wait_for("session 2 with anna is open");
    anna.wait_for("carmen opened private session 2");
    anna.enter("\\sw 2");
    anna.wait_for_last("2 P~> carmen>");
    carmen.enter("where is the key for the release?");
    anna.wait_for("for the release?");
    anna.enter("in the safe. Not a word in the lobby");
    carmen.wait_for("Not a word");
    bobby.enter("who is coming to lunch?");
    carmen.wait_for("to lunch?");
    carmen.wait_for_last("2 P-> anna (0:1)>");
    server.signal(Signal::SIGTERM);
    carmen.wait_for("the lobby is down");
    carmen.enter("are you still there?");
    anna.wait_for("still there?");
    anna.enter("yes: what we say needs no server");
    carmen.wait_for("needs no server");
    carmen.type_text("then see you at t");
    carmen.wait_for_last("2 P-> anna (0:1)> then see you at t");
}

/// Where the scene is played: the folder of the programs, the folder for the players' data, and the server's address.
struct Stage<'a> {
    built: &'a Path,
    homes: &'a Path,
    address: &'a str,
}

impl Stage<'_> {
    fn server(&self) -> Terminal {
        let data = self.homes.join("server").display().to_string();
        let arguments = ["--listen", self.address, "--data-dir", &data];
        // The terminal must be wide enough for the first line that the server writes.
        let server = self.spawn("hobnob-server", &arguments, (200, 5));
        server.wait_for("listening on");
        server
    }

    /// Starts a client under this name and waits until it is in the lobby.
    fn enter(&self, name: &str) -> Terminal {
        let data = self.data_of(name);
        let arguments =
            ["--server", self.address, "--name", name, "--data-dir", &data, "--listen", "127.0.0.1:0"];
        let person = self.spawn("hobnob", &arguments, SIZE);
        person.wait_for_last("lobby>");
        person
    }

    fn spawn(&self, program: &str, arguments: &[&str], size: (u16, u16)) -> Terminal {
        let home = self.homes.display().to_string();
        let environment = [("HOME", &*home), ("XDG_CONFIG_HOME", &home), ("TZ", "UTC"), ("LANG", "C.UTF-8")];
        Terminal::spawn(&self.built.join(program).display().to_string(), arguments, &environment, size)
    }

    fn data_of(&self, name: &str) -> String {
        self.homes.join(name).display().to_string()
    }

    /// Writes a key into the file in which hobnob looks for the key of `name`. The key is always the same, and it is no
    /// secret.
    fn give_key(&self, name: &str, letter: char) {
        let path = self.homes.join(name).join("identities").join(format!("{name}.key"));
        let seed: String = std::iter::repeat_n(letter, 42).collect();
        let label = "PRIVATE KEY-----";
        let pem = format!("-----BEGIN {label}\nMC4CAQAwBQYDK2VwBCIEIA{seed}\n-----END {label}\n");
        hobnob_protocol::identity::create_private_dir(path.parent().unwrap()).unwrap();
        std::fs::write(&path, pem).unwrap();
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    }
}
