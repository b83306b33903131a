//! `hobnob` on a terminal of its own, in a home of its own.

use crate::pty::Terminal;
use crate::support::home::Home;
use crate::support::server::Server;

/// The widths at which everything has to be readable: a phone's, an ordinary one, a wide one.
pub(crate) const WIDTHS: [u16; 3] = [40, 80, 200];

/// Somebody at a terminal.
pub(crate) struct Person {
    pub(crate) terminal: Terminal,
    /// Removed with the last who lives in it.
    _home: Home,
}

impl Person {
    /// Joins the lobby as `name` on a terminal of so many columns and rows.
    #[track_caller]
    pub(crate) fn join(server: &Server, name: &str, size: (u16, u16)) -> Self {
        Self::join_with(server, name, size, &[], &Home::new())
    }

    /// The same with variables in the environment, in a home that may hold a config file.
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

    /// Starts with these arguments.
    #[track_caller]
    pub(crate) fn start(
        arguments: &[&str],
        size: (u16, u16),
        environment: &[(&str, &str)],
        home: &Home,
    ) -> Self {
        Self::run(env!("CARGO_BIN_EXE_hobnob"), arguments, size, environment, home)
    }

    /// Starts this program, which starts `hobnob`.
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

    /// Types a line and Enter.
    pub(crate) fn enter(&mut self, line: &str) {
        self.terminal.enter(line);
    }

    /// Waits until `text` is on the screen, on one row or, where it is too long for that, on several.
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

    /// Waits until a row of the screen is `row`, or several are where it is too long: `*` stands for the
    /// time.
    #[track_caller]
    pub(crate) fn sees_row(&self, row: &str) {
        let columns = self.terminal.with_screen(|screen| usize::from(screen.size().1.get()));
        let fits = row.chars().count() + "12:34".len() <= columns;
        self.terminal.wait_until(&format!("the row {row:?}"), |screen| match fits {
            true => screen.lines().any(|line| without_time(line) == row),
            false => unbroken(screen).contains(&unbroken(row)),
        });
    }

    /// All rows so far, times as `*`.
    pub(crate) fn rows(&self) -> Vec<String> {
        self.terminal.transcript().lines().map(without_time).collect()
    }
}

/// The rows of one message or notice as one line: what stands before the second and later ones is not
/// its text. Times are `*`.
fn unbroken(screen: &str) -> String {
    let rows = screen.lines().map(|row| {
        let row = without_time(row);
        row.trim_start_matches(">>> ").trim_start_matches([' ', '│']).to_owned()
    });
    rows.collect::<Vec<_>>().join(" ").split_whitespace().collect::<Vec<_>>().join(" ")
}

/// `12:34` at the beginning of a row as `*`.
pub(crate) fn without_time(row: &str) -> String {
    let bytes = row.as_bytes();
    let is_time =
        bytes.len() >= 5 && bytes[2] == b':' && [0, 1, 3, 4].iter().all(|&at| bytes[at].is_ascii_digit());
    if is_time { format!("*{}", &row[5..]) } else { row.to_owned() }
}
