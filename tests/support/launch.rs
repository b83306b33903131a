//! How a program is started: which program, in whose home, with which options, environment and network.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use super::DEADLINE;
use super::client::{Client, Pipe};
use super::home::Home;
use super::namespace::Namespace;
use super::output::Output;
use super::process::Process;

/// A program that is about to be started.
#[derive(Clone)]
#[must_use]
pub(crate) struct Launch {
    label: String,
    program: PathBuf,
    home: Home,
    prefix: Vec<String>,
    args: Vec<String>,
    env: Vec<(String, String)>,
}

impl Launch {
    /// Starts to describe a launch of `hobnob`, in a home of its own.
    pub(crate) fn hobnob() -> Self {
        Self::of(PathBuf::from(env!("CARGO_BIN_EXE_hobnob")))
    }

    /// Starts to describe a launch of `hobnob-server`, in a home of its own.
    #[track_caller]
    pub(crate) fn server_program() -> Self {
        let program = PathBuf::from(env!("CARGO_BIN_EXE_hobnob")).with_file_name("hobnob-server");
        assert!(
            program.exists(),
            "{} is not built; run the scenes with `cargo test --workspace`",
            program.display()
        );
        Self::of(program)
    }

    /// Starts to describe a launch of `sh -c SCRIPT`, with both programs on its path.
    pub(crate) fn shell(script: &str) -> Self {
        Self::of(PathBuf::from("sh")).args(["-c", script])
    }

    fn of(program: PathBuf) -> Self {
        let label = program.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        Self { label, program, home: Home::new(), prefix: vec![], args: vec![], env: vec![] }
    }

    /// Lets the program run in this home.
    pub(crate) fn home(mut self, home: &Home) -> Self {
        self.home = home.clone();
        self
    }

    /// Lets the program run in this network.
    pub(crate) fn inside(mut self, namespace: &Namespace) -> Self {
        self.prefix = namespace.prefix();
        self
    }

    /// Adds an argument to the command line.
    pub(crate) fn arg(mut self, arg: impl Into<String>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// Adds several arguments to the command line.
    pub(crate) fn args<'a>(mut self, args: impl IntoIterator<Item = &'a str>) -> Self {
        self.args.extend(args.into_iter().map(str::to_owned));
        self
    }

    /// Gives the client this name, which also stands in the messages of failed tests.
    pub(crate) fn name(mut self, name: &str) -> Self {
        self.label = format!("{} {name}", self.label);
        self.args(["--name", name])
    }

    /// Makes the client join the lobby at this address.
    pub(crate) fn server(self, address: &str) -> Self {
        self.args(["--server", address])
    }

    /// Adds a variable to the environment.
    pub(crate) fn env(mut self, variable: &str, value: &str) -> Self {
        self.env.push((variable.to_owned(), value.to_owned()));
        self
    }

    /// Starts the program as a bare process.
    #[track_caller]
    #[must_use]
    pub(crate) fn spawn(self) -> Process {
        let command = self.command();
        Process::start(&self.label, command, Some(self.home))
    }

    /// Starts the program on a pipe.
    #[track_caller]
    #[must_use]
    pub(crate) fn start(self) -> Pipe {
        Pipe::of(self.spawn())
    }

    /// Starts the program with `--json`.
    #[track_caller]
    #[must_use]
    pub(crate) fn start_json(self) -> Client {
        Client::of(self.arg("--json").spawn())
    }

    /// Starts the program with `--json`, and waits until it is in the lobby.
    #[track_caller]
    #[must_use]
    pub(crate) fn join(self) -> Client {
        let client = self.start_json();
        client.welcome();
        client
    }

    /// Runs the program on `input` until it ends.
    #[track_caller]
    pub(crate) fn run(self, input: impl Into<Vec<u8>>) -> Output {
        self.run_within(DEADLINE, input)
    }

    /// Runs the program on `input` until it ends, which may take up to `deadline`.
    #[track_caller]
    pub(crate) fn run_within(self, deadline: Duration, input: impl Into<Vec<u8>>) -> Output {
        let json = self.args.iter().any(|arg| arg == "--json");
        let mut process = self.spawn();
        process.write(input);
        process.close_input();
        Output::of(process, deadline, json)
    }

    /// Runs the program with `--json` on `input` until it ends.
    #[track_caller]
    pub(crate) fn run_json(self, input: impl Into<Vec<u8>>) -> Output {
        self.arg("--json").run(input)
    }

    /// Returns the command itself, for tests that need other pipes than those of [`Process`].
    #[must_use]
    pub(crate) fn command(&self) -> Command {
        let mut command = match self.prefix.split_first() {
            None => Command::new(&self.program),
            Some((first, rest)) => {
                let mut command = Command::new(first);
                command.args(rest).arg(&self.program);
                command
            }
        };
        command.args(&self.args);
        self.home.furnish(&mut command);
        let programs = PathBuf::from(env!("CARGO_BIN_EXE_hobnob"));
        let here = programs.parent().expect("a program is in a directory").display().to_string();
        let path = std::env::var("PATH").unwrap_or_default();
        command.env("PATH", format!("{here}:{path}"));
        command.envs(self.env.iter().map(|(variable, value)| (variable, value)));
        command
    }
}
