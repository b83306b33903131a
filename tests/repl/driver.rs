//! A tiny app around the line editor, run as a process of its own on a pseudo-terminal.
//!
//! It says back what is typed, and does what the test orders over a socket: each line is one order, and is answered by
//! a line when the order is carried out.

use std::env;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process;
use std::sync::Arc;
use std::thread;
use std::time::Instant;

use hobnob::repl::{
    self, Argument, AsSaid, CommandWord, Draft, EditorWords, Grant, Prompt, ReplHandle, ReplOptions, Stays,
    Typed, terminal,
};
use hobnob::session::id::SessionId;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, watch};

/// The path of the tests' socket; this variable is set only in the driver's process.
pub(crate) const SOCKET: &str = "HOBNOB_TEST_SOCKET";
/// The file in which the driver keeps the typed lines, if there is one.
pub(crate) const HISTORY: &str = "HOBNOB_TEST_HISTORY";

/// Lines longer than this are handed back to the editor.
const TOO_LONG: usize = 16 * 1024;

/// An order of the test, and the stream to which the answer goes.
type Order = (String, UnixStream);

struct App {
    repl: ReplHandle,
    words: watch::Sender<Arc<EditorWords>>,
    prompt: String,
    held: Option<Draft>,
    holding: bool,
    /// Whether lines are judged: the test tells by an order what stays of each.
    judges: bool,
}

/// Runs the app, if this process was started as the driver.
pub(crate) fn run() {
    let Ok(socket) = env::var(SOCKET) else { return };
    terminal::hold_resizes();
    let _guard = terminal::guard();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let code = runtime.block_on(app(socket));
    process::exit(code);
}

async fn app(socket: String) -> i32 {
    let (words, watched) = watch::channel(Arc::new(vocabulary(0)));
    let options = ReplOptions {
        history_file: env::var_os(HISTORY).map(PathBuf::from),
        color: env::var_os("NO_COLOR").is_none(),
        words: watched,
    };
    let (repl, mut typed) = repl::start(options).unwrap();
    let mut terminate = signal(SignalKind::terminate()).unwrap();
    let mut interrupt = signal(SignalKind::interrupt()).unwrap();
    let mut orders = orders(&socket);
    let prompt = "[lobby] ".to_owned();
    let mut app = App { repl, words, prompt, held: None, holding: false, judges: false };
    app.grant(Draft::default());
    loop {
        let code = tokio::select! {
            Some(typed) = typed.recv() => app.typed(typed),
            Some(order) = orders.recv() => app.obey(order),
            _ = interrupt.recv() => { app.print("a signal: SIGINT"); None }
            _ = terminate.recv() => {
                terminal::restore();
                return 143;
            }
        };
        if let Some(code) = code {
            app.repl.close();
            return code;
        }
    }
}

fn orders(socket: &str) -> mpsc::UnboundedReceiver<Order> {
    let (sender, receiver) = mpsc::unbounded_channel();
    let stream = UnixStream::connect(socket).unwrap();
    thread::spawn(move || {
        for line in BufReader::new(stream.try_clone().unwrap()).lines() {
            let Ok(line) = line else { return };
            if sender.send((line, stream.try_clone().unwrap())).is_err() {
                return;
            }
        }
    });
    receiver
}

impl App {
    fn grant(&mut self, draft: Draft) {
        if self.holding {
            self.held = Some(draft);
            return;
        }
        self.repl.grant(self.next(draft));
    }

    fn next(&self, draft: Draft) -> Grant {
        let styled = format!("\x1b[32m{}\x1b[0m ", self.prompt.trim_end());
        Grant {
            prompt: Prompt::styled(&self.prompt, &styled),
            session: Some(SessionId(0)),
            draft,
            is_judged: self.judges,
            ..Grant::default()
        }
    }

    fn print(&self, text: &str) {
        self.repl.print(text.to_owned());
    }

    fn typed(&mut self, typed: Typed) -> Option<i32> {
        match typed {
            Typed::Line { text, .. } if text == "\\quit" => return Some(0),
            Typed::Line { text, .. } if text.len() > TOO_LONG => {
                let note = Some(format!("too long: {}", text.len()));
                self.repl.grant(Grant { note, ..self.next(Draft::at_end(text)) });
            }
            Typed::Line { text, .. } if self.judges && !text.is_empty() => self.print("judging"),
            Typed::Line { text, session } => {
                let session = session.unwrap();
                let shown: String = text.chars().map(|c| if c == '\n' { '␤' } else { c }).collect();
                let shown = shown.replace(char::is_control, "?");
                self.print(&format!("said [{session}] {shown}"));
                self.grant(Draft::default());
            }
            Typed::Cancelled { draft, .. } => {
                self.print(&format!("cancelled {:?} {:?}", draft.left, draft.right));
                self.grant(draft);
            }
            Typed::NamesRoom | Typed::Brought(_) => {}
            Typed::Interrupted => {
                self.print("interrupted");
                self.grant(Draft::default());
            }
            Typed::EndOfInput => {
                self.print("end of input");
                return Some(0);
            }
            Typed::Failed(why) => {
                self.print(&format!("failed: {why}"));
                return Some(9);
            }
            Typed::Stepped { forward, draft, .. } => {
                self.print(&format!("stepped {forward} {:?} {:?}", draft.left, draft.right));
                self.grant(draft);
            }
            Typed::Edited { text, failed, .. } => {
                self.print(&format!("edited {text:?} {failed:?}"));
                self.grant(Draft::at_end(text));
            }
            Typed::NotUtf8(byte) => self.print(&format!("not UTF-8: {byte:02X}")),
            Typed::HistoryLost(why) => self.print(&format!("history lost: {why}")),
        }
        None
    }

    fn obey(&mut self, (order, mut answer): Order) -> Option<i32> {
        let (verb, rest) = order.split_once(' ').unwrap_or((&order, ""));
        let begun = Instant::now();
        let mut code = None;
        match verb {
            "print" => self.repl.print(rest.replace("\\n", "\n")),
            "bring" => self.repl.bring_back(rest.replace("\\n", "\n")),
            "flood" => {
                for n in 0..rest.parse().unwrap() {
                    self.repl.print(format!("m{n}\n"));
                }
            }
            "cancel" => {
                rest.clone_into(&mut self.prompt);
                self.repl.cancel();
            }
            "judge" => self.judges = true,
            "stays" => {
                let (before, text) = (Prompt::plain("anna: "), rest.replace("\\n", "\n"));
                self.repl.let_stay(Stays::AsSaid(AsSaid { before, text, links: false }));
                self.print("after");
                self.grant(Draft::default());
            }
            "hold" => self.holding = true,
            "release" => {
                self.holding = false;
                if let Some(draft) = self.held.take() {
                    self.grant(draft);
                }
            }
            "users" => {
                self.words.send_replace(Arc::new(vocabulary(rest.parse().unwrap())));
            }
            "exit" => {
                terminal::restore();
                process::exit(7);
            }
            "panic" => panic!("as the test asked"),
            "close" => code = Some(0),
            other => panic!("there is no such order: {other}"),
        }
        // The test may be gone already.
        let _ = writeln!(answer, "done {}", begun.elapsed().as_micros());
        code
    }
}

fn vocabulary(crowd: usize) -> EditorWords {
    let command = |name: &str, aliases: &[&str], usage: &str, about: &str, argument| CommandWord {
        name: name.to_owned(),
        aliases: aliases.iter().map(ToString::to_string).collect(),
        usage: usage.to_owned(),
        about: about.to_owned(),
        argument,
    };
    let mut users: Vec<_> = ["anna", "Anton", "bobby"].map(str::to_owned).into();
    users.extend((0..crowd).map(|n| format!("user{n:04}")));
    EditorWords {
        own: std::collections::BTreeMap::new(),
        commands: vec![
            command("fork", &[], "\\fork NAME", "private session with NAME", Argument::User),
            command("switch", &["sw"], "\\switch N", "makes session N current", Argument::Session),
            command("sessions", &["ss"], "\\sessions", "the sessions", Argument::None),
            command("quit", &["q"], "\\quit", "leaves", Argument::None),
        ],
        users,
        sessions: vec![(SessionId(0), "lobby".into()), (SessionId(1), "bobby".into())],
        ..EditorWords::default()
    }
}
