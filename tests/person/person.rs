//! Runs `hobnob` on a terminal of its own, in a home of its own.

use crate::pty::Terminal;
use crate::support::client::Client;
use crate::support::home::Home;
use crate::support::server::Server;

/// The widths at which everything has to be readable: that of a phone, an ordinary one, and a wide one.
pub(crate) const WIDTHS: [u16; 3] = [40, 80, 200];

/// A person at a terminal.
pub(crate) struct Person {
    pub(crate) terminal: Terminal,
    /// The home is removed with the last person who lives in it.
    _home: Home,
}

impl Person {
    /// Joins the lobby as `name`, on a terminal of the given columns and rows.
    #[track_caller]
    pub(crate) fn join(server: &Server, name: &str, size: (u16, u16)) -> Self {
        Self::join_with(server, name, size, &[], &Home::new())
    }

    /// Joins the lobby with these variables in the environment, in a home that may contain a config file.
    #[track_caller]
    pub(crate) fn join_with(
        server: &Server,
        name: &str,
        size: (u16, u16),
        environment: &[(&str, &str)],
        home: &Home,
    ) -> Self {
        let person = Self::start(&["--server", server.address(), "--name", name], size, environment, home);
        person
            .terminal
            .wait_until("the lobby's prompt", |screen| crate::pty::last_row(screen).starts_with("lobby"));
        person
    }

    /// Starts `hobnob` with these arguments.
    #[track_caller]
    pub(crate) fn start(
        arguments: &[&str],
        size: (u16, u16),
        environment: &[(&str, &str)],
        home: &Home,
    ) -> Self {
        Self::run(env!("CARGO_BIN_EXE_hobnob"), arguments, size, environment, home)
    }

    /// Starts `program`, which starts `hobnob`.
    #[track_caller]
    pub(crate) fn run(
        program: &str,
        arguments: &[&str],
        size: (u16, u16),
        environment: &[(&str, &str)],
        home: &Home,
    ) -> Self {
        let path = home.path().display().to_string();
        let at = |folder: &str| format!("{path}/{folder}");
        let places = [
            ("HOME", path.clone()),
            ("XDG_CONFIG_HOME", at("config")),
            ("XDG_DATA_HOME", at("data")),
            ("XDG_STATE_HOME", at("state")),
            ("XDG_CACHE_HOME", at("cache")),
            ("TZ", "UTC".to_owned()),
            ("LANG", "C.UTF-8".to_owned()),
        ];
        let mut all: Vec<(&str, &str)> = places.iter().map(|(key, value)| (*key, value.as_str())).collect();
        all.extend(environment);
        Self { terminal: Terminal::spawn(program, arguments, &all, size), _home: home.clone() }
    }

    /// Types a line and presses Enter.
    pub(crate) fn enter(&mut self, line: &str) {
        self.terminal.enter(line);
    }

    /// Joins a room as Anna, whose session `number` it becomes, and says something there, since a room in which nobody
    /// spoke vanishes when the last user leaves it.
    #[track_caller]
    pub(crate) fn speaks_in(&mut self, number: u32, room: &str) {
        self.enter(&format!("\\join {room}"));
        self.sees_last(&format!("{number} #{room}>"));
        self.enter("good night");
        self.sees_row(&format!("* #{room} anna: good night"));
    }

    /// Waits until `text` is on the screen. A text that is too long for one row may stand on several.
    #[track_caller]
    pub(crate) fn sees(&self, text: &str) {
        let wanted = unbroken(text);
        self.terminal.wait_until(&format!("{text:?} on the screen"), |screen| {
            screen.contains(text) || unbroken(screen).contains(&wanted)
        });
    }

    /// Waits until the last row is `row`.
    #[track_caller]
    pub(crate) fn sees_last(&self, row: &str) {
        self.terminal.wait_for_last(row);
    }

    /// Waits until a row of the screen is `row`; a row that is too long may stand on several. `*` stands for the time.
    #[track_caller]
    pub(crate) fn sees_row(&self, row: &str) {
        let columns = self.terminal.with_screen(|screen| usize::from(screen.size().1.get()));
        let fits = row.chars().count() + "12:34".len() <= columns;
        self.terminal.wait_until(&format!("the row {row:?}"), |screen| match fits {
            true => screen.lines().any(|line| without_time(line) == row),
            false => unbroken(screen).contains(&unbroken(row)),
        });
    }

    /// Returns all rows so far; times are replaced by `*`.
    pub(crate) fn rows(&self) -> Vec<String> {
        self.terminal.transcript().lines().map(without_time).collect()
    }
}

/// Starts a server that Bobby, a script, and Anna, a person at a terminal of this many columns, join. Bobby opens
/// private session 1 with Anna, and Anna has seen that and is still in the lobby.
#[track_caller]
pub(crate) fn bobby_forks_anna(columns: u16) -> (Server, Client, Person) {
    let server = Server::start(&[]);
    let bobby = server.join("bobby");
    let anna = Person::join(&server, "anna", (columns, 24));
    bobby.fork("anna");
    anna.sees("bobby opened private session 1");
    (server, bobby, anna)
}

/// Joins the rows of a message or notice to one line. What stands in front of the second and later rows is not part of
/// the text. Times are replaced by `*`.
fn unbroken(screen: &str) -> String {
    let rows = screen.lines().map(|row| {
        let row = without_time(row);
        row.trim_start_matches(">>> ").trim_start_matches([' ', '│']).to_owned()
    });
    rows.collect::<Vec<_>>().join(" ").split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Replaces a time such as `12:34` at the beginning of a row by `*`.
pub(crate) fn without_time(row: &str) -> String {
    let bytes = row.as_bytes();
    let is_time =
        bytes.len() >= 5 && bytes[2] == b':' && [0, 1, 3, 4].iter().all(|&at| bytes[at].is_ascii_digit());
    if is_time { format!("*{}", &row[5..]) } else { row.to_owned() }
}
