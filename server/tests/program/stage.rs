//! What the scenes are played with: the real server program on its own port, and a scripted client that speaks the
//! protocol over real TLS.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use hobnob_protocol::chain::{LobbyMessage, Position, Seq};
use hobnob_protocol::codec::{self, MessageReader};
use hobnob_protocol::identity::Identity;
use hobnob_protocol::ids::RunId;
use hobnob_protocol::message::{ClientMessage, Hello, ServerMessage, Welcome};
use hobnob_protocol::said::Said;
use hobnob_protocol::text::Text;
use hobnob_protocol::transport::{KeyPolicy, client_config, server_name};
use hobnob_protocol::{LOBBY_ALPN, MAX_LINE_BYTES, PROTOCOL_VERSION};
use tokio::io::{AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Nothing in a scene takes this long unless something has gone wrong.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A server that was started as a program and has said where it listens.
pub(crate) struct ServerProcess {
    child: Child,
    pub(crate) addr: SocketAddr,
    pub(crate) line: String,
    _stdout: BufReader<ChildStdout>,
}

impl ServerProcess {
    #[track_caller]
    pub(crate) fn start(data_dir: &Path, options: &[&str]) -> Self {
        Self::start_at(data_dir, "127.0.0.1:0", options)
    }

    #[track_caller]
    pub(crate) fn start_at(data_dir: &Path, listen: &str, options: &[&str]) -> Self {
        let mut command = command();
        command.args(["--listen", listen, "--data-dir"]).arg(data_dir).args(options);
        Self::run(command)
    }

    /// Starts a server whose standard error [`end`](Self::end) gives back.
    #[track_caller]
    pub(crate) fn start_heard(data_dir: &Path, options: &[&str]) -> Self {
        let mut command = command();
        command.args(["--listen", "127.0.0.1:0", "--data-dir"]).arg(data_dir).args(options);
        command.stderr(Stdio::piped());
        Self::run(command)
    }

    /// Runs a server with `command`, and waits until it listens.
    #[track_caller]
    pub(crate) fn run(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let port = line
            .split("listening on ")
            .nth(1)
            .and_then(|rest| rest.split(", key SHA256:").next())
            .and_then(|addr| addr.parse::<SocketAddr>().ok())
            .unwrap_or_else(|| panic!("no address in {line:?}"))
            .port();
        let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        Self { child, addr, line, _stdout: stdout }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Resident memory in KiB.
    pub(crate) fn resident_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    pub(crate) fn signal(&self, signal: &str) {
        let status = Command::new("kill").args([signal, &self.pid().to_string()]).status().unwrap();
        assert!(status.success());
    }

    /// Waits for the end. Returns the exit code and everything that was written on standard error, which must have been
    /// piped.
    pub(crate) fn end(mut self) -> (Option<i32>, String) {
        let mut said = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        (self.child.wait().unwrap().code(), said)
    }

    /// Waits for the end. Returns the exit status and how long it took.
    pub(crate) fn wait(mut self) -> (ExitStatus, Duration) {
        let started = Instant::now();
        (self.child.wait().unwrap(), started.elapsed())
    }

    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    #[track_caller]
    pub(crate) fn assert_alive(&mut self) {
        assert!(self.child.try_wait().unwrap().is_none(), "the server has ended");
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        let _ended_already = self.child.kill();
        let _ended_already = self.child.wait();
    }
}

/// Returns the program, without the environment of the user who runs the tests.
pub(crate) fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hobnob-server"));
    command.env_clear();
    command
}

/// Runs the program to its end. Returns the exit code and what it wrote on standard error.
pub(crate) fn run_to_end(args: &[&str], data_dir: &Path) -> (Option<i32>, String) {
    let output = command().args(args).arg("--data-dir").arg(data_dir).output().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

/// Runs the program to its end, which must be a success. Returns what it wrote on standard output.
#[track_caller]
pub(crate) fn output(args: &[&str], data_dir: &Path) -> String {
    let output = command().args(args).arg("--data-dir").arg(data_dir).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// A user with a key.
#[derive(Clone)]
pub(crate) struct User {
    pub(crate) identity: Arc<Identity>,
    pub(crate) name: String,
    pub(crate) run: RunId,
}

impl User {
    pub(crate) fn new(name: &str) -> Self {
        Self {
            identity: Arc::new(Identity::generate().unwrap()),
            name: name.to_owned(),
            run: RunId::random(),
        }
    }

    /// Returns the same user in another client.
    pub(crate) fn other_run(&self) -> Self {
        Self { run: RunId::random(), ..self.clone() }
    }

    pub(crate) fn hello(&self) -> Hello {
        Hello {
            protocol: PROTOCOL_VERSION,
            agent: "scene".to_owned(),
            name: self.name.parse().unwrap(),
            run: self.run,
            candidates: Vec::new(),
            port: None,
            cursor: None,
            since: None,
            backlog: 0,
            rooms: Vec::new(),
        }
    }

    /// Returns a TLS link, before the hello.
    pub(crate) async fn connect(&self, addr: SocketAddr) -> Client {
        self.over(TcpStream::connect(addr).await.unwrap()).await
    }

    /// Returns a TLS link over a TCP connection that was made already.
    pub(crate) async fn over(&self, stream: TcpStream) -> Client {
        self.try_over(stream).await.expect("the server takes part in the handshake")
    }

    /// Returns the same, or `None` if the server closes it before the handshake is done.
    pub(crate) async fn try_over(&self, stream: TcpStream) -> Option<Client> {
        stream.set_nodelay(true).ok()?;
        let (config, _) = client_config(&self.identity, KeyPolicy::Any, LOBBY_ALPN);
        let connect = TlsConnector::from(config).connect(server_name(), stream);
        let stream = timeout(PATIENCE, connect).await.expect("the server must answer").ok()?;
        let (read, write) = tokio::io::split(stream);
        let reader = MessageReader::new(read, MAX_LINE_BYTES);
        Some(Client { reader, writer: write, position: None, heard: VecDeque::new() })
    }

    /// Returns a link on which the hello was sent.
    pub(crate) async fn ask(&self, addr: SocketAddr, hello: Hello) -> Client {
        let mut client = self.connect(addr).await;
        client.send(&ClientMessage::Hello(hello)).await;
        client
    }

    /// Joins the lobby with `hello`.
    pub(crate) async fn join_with(&self, addr: SocketAddr, hello: Hello) -> (Client, Welcome) {
        let mut client = self.ask(addr, hello).await;
        match client.next().await {
            Some(ServerMessage::Welcome(welcome)) => (client, welcome),
            other => panic!("{} was not welcomed but {other:?}", self.name),
        }
    }

    /// Joins the lobby, and gets only what is said from now on.
    pub(crate) async fn join(&self, addr: SocketAddr) -> (Client, Welcome) {
        self.join_with(addr, self.hello()).await
    }
}

/// One end of a link.
pub(crate) struct Client {
    pub(crate) reader: MessageReader<ReadHalf<TlsStream<TcpStream>>>,
    pub(crate) writer: WriteHalf<TlsStream<TcpStream>>,
    /// The position up to which the client has read the log; `None` before the welcome.
    position: Option<Position>,
    /// Messages of the lobby that came together with the last one that was taken.
    heard: VecDeque<LobbyMessage>,
}

impl Client {
    pub(crate) async fn send(&mut self, message: &ClientMessage) {
        self.send_bytes(&codec::encode(message)).await;
    }

    pub(crate) async fn send_bytes(&mut self, bytes: &[u8]) {
        timeout(PATIENCE, async {
            self.writer.write_all(bytes).await.unwrap();
            self.writer.flush().await.unwrap();
        })
        .await
        .expect("the server must read");
    }

    /// Sends a message to a server that may have closed the link; false if it has.
    pub(crate) async fn try_send(&mut self, message: &ClientMessage) -> bool {
        let bytes = codec::encode(message);
        let sent = async { self.writer.write_all(&bytes).await.and(self.writer.flush().await) };
        timeout(PATIENCE, sent).await.expect("the server must read").is_ok()
    }

    pub(crate) async fn say(&mut self, id: u64, text: &str) {
        self.send(&ClientMessage::Say { id, room: None, text: Text::new(text).unwrap() }).await;
    }

    /// Returns the next message, or `None` at the end. Pings are answered.
    pub(crate) async fn next(&mut self) -> Option<ServerMessage> {
        loop {
            match timeout(PATIENCE, self.reader.next()).await.expect("the server must answer") {
                Ok(Some(ServerMessage::Ping)) => self.send(&ClientMessage::Pong).await,
                Ok(message) => {
                    if let Some(ServerMessage::Welcome(welcome)) = &message {
                        self.position = Some(welcome.start);
                    }
                    return message;
                }
                Err(_lost) => return None,
            }
        }
    }

    /// Returns the next message for which `pick` finds something; other messages are ignored.
    pub(crate) async fn find<T>(&mut self, mut pick: impl FnMut(ServerMessage) -> Option<T>) -> T {
        loop {
            let message = self.next().await.expect("the server closed the link");
            if let Some(found) = pick(message) {
                return found;
            }
        }
    }

    /// Returns the next message of the lobby: its author's name, its text, and its number.
    pub(crate) async fn said(&mut self) -> (String, String, Seq) {
        let message = self.message().await;
        (message.name.to_string(), message.content.text().unwrap().as_str().to_owned(), message.seq)
    }

    /// Returns the next message of the lobby, checked against the one before it.
    pub(crate) async fn message(&mut self) -> LobbyMessage {
        loop {
            if let Some(message) = self.heard.pop_front() {
                return message;
            }
            let said = self.find(|m| if let ServerMessage::Said(said) = m { Some(said) } else { None }).await;
            self.hear(&said);
        }
    }

    /// Returns what became of a text: its id and its number in the log, or `None` at the end of the link.
    pub(crate) async fn answer(&mut self) -> Option<(u64, Seq)> {
        loop {
            if let Some(message) = self.heard.pop_front() {
                return Some((message.id, message.seq));
            }
            match self.next().await? {
                ServerMessage::Said(said) => self.hear(&said),
                ServerMessage::Accepted { id, seq } => return Some((id, seq)),
                message @ ServerMessage::NotAccepted(_) => panic!("{message:?}"),
                _ => {}
            }
        }
    }

    /// Returns the position up to which the client has read the log.
    pub(crate) fn position(&self) -> Position {
        self.position.expect("nothing is read before the welcome")
    }

    fn hear(&mut self, said: &Said) {
        let position = self.position.as_mut().expect("nothing is said before the welcome");
        self.heard.extend(position.advance_over(said).unwrap());
    }

    /// Says a text and waits until it comes back.
    pub(crate) async fn post(&mut self, id: u64, text: &str) -> Seq {
        self.say(id, text).await;
        loop {
            let (_, said, seq) = self.said().await;
            if said == text {
                return seq;
            }
        }
    }

    /// Returns everything that comes until the server closes the link.
    pub(crate) async fn rest(&mut self) -> Vec<ServerMessage> {
        let mut rest = Vec::new();
        while let Some(message) = self.next().await {
            rest.push(message);
        }
        rest
    }

    /// Returns the names of the users in the lobby.
    pub(crate) async fn users(&mut self) -> Vec<String> {
        self.send(&ClientMessage::Users { request: 7, room: None }).await;
        let mut all = Vec::new();
        loop {
            let (names, more) = self
                .find(|message| match message {
                    ServerMessage::Users { request: 7, names, more, .. } => Some((names, more)),
                    _ => None,
                })
                .await;
            all.extend(names.iter().map(ToString::to_string));
            if !more {
                return all;
            }
        }
    }
}
