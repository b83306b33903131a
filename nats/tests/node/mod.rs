//! NATS nodes that belong to one test: they have their own ports on the loopback interface and their own folder, and
//! are ended by their process numbers. This module is used by every test that needs real nodes, also in other crates.
//!
//! On a machine without `nats-server`, the tests say so and are skipped; if the variable `CI` is set, that is a
//! failure. `.ci/run` puts the program into `target/tools/bin`.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]
#![allow(clippy::print_stderr, reason = "whoever runs the tests is told which did not run")]
#![allow(dead_code, reason = "each test uses some of it")]

use std::ffi::OsStr;
use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// How long nodes may take until they answer.
const READY_WITHIN: Duration = Duration::from_secs(20);

/// The environment variable that names the program, if it is neither in `target/tools/bin` nor in the path.
const PROGRAM: &str = "HOBNOB_NATS_SERVER";

/// A node of NATS: a process that belongs to one test.
pub(crate) struct Node {
    program: PathBuf,
    config: PathBuf,
    network: Network,
    port: u16,
    monitor: u16,
    child: Child,
}

/// The network in which nodes run: the machine's own, or a network namespace.
#[derive(Clone)]
struct Network {
    host: String,
    /// The words before a command that make it run in this network.
    prefix: Vec<String>,
}

impl Network {
    fn here() -> Self {
        Self { host: Ipv4Addr::LOCALHOST.to_string(), prefix: Vec::new() }
    }
}

/// One node, or several nodes that form one cluster. They end with the test.
pub(crate) struct Nodes {
    pub(crate) nodes: Vec<Node>,
    joined: String,
    _dir: tempfile::TempDir,
}

/// Returns the path of the program, if this machine has it.
fn program() -> Option<PathBuf> {
    let named = std::env::var_os(PROGRAM).map(PathBuf::from);
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let tools =
        root.ancestors().map(|dir| dir.join("target/tools/bin/nats-server")).find(|path| path.exists());
    let in_path = || {
        let path = std::env::var_os("PATH")?;
        std::env::split_paths(&path).map(|dir| dir.join("nats-server")).find(|path| path.exists())
    };
    named.or(tools).or_else(in_path)
}

/// Returns the path of `nats-server`. If this machine has none, says so on standard error.
fn program_or_notice() -> Option<PathBuf> {
    let program = program();
    if program.is_none() {
        assert!(std::env::var_os("CI").is_none(), "nats-server is needed here: .ci/run installs it");
        let test = std::thread::current().name().unwrap_or("a test").to_owned();
        eprintln!("SKIPPED {test}: no nats-server in target/tools/bin, in PATH or in {PROGRAM}");
    }
    program
}

/// Starts `count` nodes with JetStream. If `sync` is set, each writes to its disk before it acknowledges. Returns
/// `None` and says so on standard error if this machine has no `nats-server`, or one that is too old for `sync`.
pub(crate) fn start(count: usize, sync: bool) -> Option<Nodes> {
    let program = program_or_notice()?;
    if sync && !can_sync_always(&program) {
        let test = std::thread::current().name().unwrap_or("a test").to_owned();
        eprintln!("SKIPPED {test}: this nats-server is older than 2.10 and knows no sync_interval");
        return None;
    }
    Some(spawn_all(&program, &Network::here(), count, sync, ""))
}

/// Starts one node with JetStream and adds `more` to its configuration file.
pub(crate) fn start_with(more: &str) -> Option<Nodes> {
    Some(spawn_all(&program_or_notice()?, &Network::here(), 1, false, more))
}

/// Starts one node with JetStream in its own network namespace, where it has the address `host`.
pub(crate) fn start_inside(host: &str, prefix: &[String]) -> Option<Nodes> {
    let network = Network { host: host.to_owned(), prefix: prefix.to_vec() };
    Some(spawn_all(&program_or_notice()?, &network, 1, false, ""))
}

fn spawn_all(program: &Path, network: &Network, count: usize, sync: bool, more: &str) -> Nodes {
    let dir = tempfile::tempdir().unwrap();
    let ports = free_ports(count * 3);
    let (clients, others) = ports.split_at(count);
    let (routes, monitors) = others.split_at(count);
    let nodes = (0..count).map(|index| {
        let config = dir.path().join(format!("n{index}.conf"));
        let listen = format!("{}:{}", network.host, clients[index]);
        let text = configuration(dir.path(), index, (&listen, monitors[index]), routes, sync);
        fs::write(&config, text + more).unwrap();
        let (child, ready) = spawn(program, network, &config).unwrap();
        let (program, network) = (program.to_owned(), network.clone());
        (Node { program, config, network, port: clients[index], monitor: monitors[index], child }, ready)
    });
    let (nodes, ready): (Vec<Node>, Vec<_>) = nodes.unzip();
    let joined = nodes.iter().map(Node::url).collect::<Vec<_>>().join(",");
    let nodes = Nodes { nodes, joined, _dir: dir };
    nodes.nodes.iter().zip(&ready).for_each(|(node, ready)| node.wait_until_it_answers(ready));
    nodes
}

/// Whether this `nats-server` can write to its disk before it acknowledges: from 2.10 on.
fn can_sync_always(program: &Path) -> bool {
    let said = Command::new(program).arg("--version").output().unwrap().stdout;
    let said = String::from_utf8(said).unwrap();
    let version = said.trim().rsplit(['v', ' ']).next().unwrap();
    let mut parts = version.split('.').map(|part| part.parse::<u32>().unwrap_or_default());
    (parts.next(), parts.next()) >= (Some(2), Some(10))
}

fn configuration(
    dir: &Path,
    index: usize,
    (listen, monitor): (&str, u16),
    routes: &[u16],
    sync: bool,
) -> String {
    let (store, sync) = (dir.join(format!("n{index}")), if sync { ", sync_interval: always" } else { "" });
    let mut text = format!(
        "server_name: n{index}\nlisten: {listen}\nhttp: 127.0.0.1:{monitor}\n\
         jetstream {{ store_dir: \"{}\", max_mem: 64MB, max_file: 1GB{sync} }}\n",
        store.display()
    );
    if routes.len() > 1 {
        let urls: Vec<String> = routes.iter().map(|port| format!("nats://127.0.0.1:{port}")).collect();
        text += &format!(
            "cluster {{ name: c, listen: 127.0.0.1:{}, routes: [{}] }}\n",
            routes[index],
            urls.join(", ")
        );
    }
    text
}

/// Returns ports that nobody listens at, below the range that the system picks from: a node that is started again finds
/// its ports free, whatever connections were made meanwhile. Test runs that began one after the other look for ports in
/// places that are far apart.
fn free_ports(count: usize) -> Vec<u16> {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = u16::try_from(std::process::id().wrapping_mul(7919) % 9_000).unwrap();
    let ports = std::iter::repeat_with(|| 10_000 + (start + NEXT.fetch_add(1, Ordering::Relaxed)) % 9_000);
    ports.filter(|port| TcpListener::bind((Ipv4Addr::UNSPECIFIED, *port)).is_ok()).take(count).collect()
}

/// Starts a node, and gives what receives something as soon as the node answers.
fn spawn(program: &Path, network: &Network, config: &Path) -> io::Result<(Child, mpsc::Receiver<()>)> {
    let log = fs::File::create(config.with_extension("log"))?;
    let mut words = network.prefix.iter().map(OsStr::new).chain([program.as_os_str()]);
    let mut child = Command::new(words.next().unwrap())
        .args(words)
        .arg("-c")
        .arg(config)
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(Stdio::piped())
        .spawn()?;
    let (answers, ready) = mpsc::channel();
    let said = child.stderr.take().unwrap();
    thread::spawn(move || follow(said, log, &answers));
    Ok((child, ready))
}

/// Writes what a node says to its log until the node ends, and tells when the node answers.
fn follow(said: ChildStderr, mut log: fs::File, answers: &mpsc::Sender<()>) {
    for line in BufReader::new(said).lines().map_while(Result::ok) {
        writeln!(log, "{line}").unwrap();
        if line.contains("Server is ready") {
            let _nobody_waits_any_more = answers.send(());
        }
    }
}

fn copy_folder(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap();
    assert!(copied.success());
}

impl Node {
    /// Returns the address at which clients reach the node.
    pub(crate) fn url(&self) -> String {
        format!("nats://{}:{}", self.network.host, self.port)
    }

    /// Ends the node as a crash does.
    pub(crate) fn kill(&mut self) {
        let _dead_already = self.child.kill();
        self.child.wait().unwrap();
    }

    /// Starts the node again with what it had stored.
    pub(crate) fn start_again(&mut self) {
        let (child, ready) = spawn(&self.program, &self.network, &self.config).unwrap();
        self.child = child;
        self.wait_until_it_answers(&ready);
    }

    /// Kills the node, makes a copy of what it has stored, and starts it again.
    pub(crate) fn copy_store(&mut self) {
        self.kill();
        copy_folder(&self.store(), &self.older_store());
        self.start_again();
    }

    /// Kills the node, and starts it again with the copy in place of what it has stored since, as a disk without its
    /// last writes.
    pub(crate) fn go_back(&mut self) {
        self.kill();
        fs::remove_dir_all(self.store()).unwrap();
        copy_folder(&self.older_store(), &self.store());
        self.start_again();
    }

    /// Returns the folder in which the node keeps its data.
    fn store(&self) -> PathBuf {
        self.config.with_extension("")
    }

    fn older_store(&self) -> PathBuf {
        self.config.with_extension("older")
    }

    /// Freezes the node, or lets it go on.
    pub(crate) fn freeze(&self, frozen: bool) {
        let signal = if frozen { "-STOP" } else { "-CONT" };
        let sent = Command::new("kill").arg(signal).arg(self.child.id().to_string()).status().unwrap();
        assert!(sent.success());
    }

    fn wait_until_it_answers(&self, ready: &mpsc::Receiver<()>) {
        let answer = ready.recv_timeout(READY_WITHIN);
        assert!(answer.is_ok(), "no node answers: {}", self.log());
    }

    fn log(&self) -> String {
        fs::read_to_string(self.config.with_extension("log")).unwrap_or_default()
    }
}

impl Nodes {
    /// Returns the addresses of all nodes in one line, as an option takes them.
    pub(crate) fn joined(&self) -> &str {
        &self.joined
    }

    /// Returns the addresses at which clients reach the nodes.
    pub(crate) fn urls(&self) -> Vec<String> {
        self.nodes.iter().map(Node::url).collect()
    }

    /// Returns the index of the node with this name.
    pub(crate) fn index_of(&self, name: &str) -> usize {
        (0..self.nodes.len()).find(|index| name == format!("n{index}")).unwrap()
    }

    /// Returns the address of the first node's monitoring port.
    pub(crate) fn monitor(&self) -> String {
        format!("http://127.0.0.1:{}", self.nodes[0].monitor)
    }
}

impl Drop for Nodes {
    fn drop(&mut self) {
        for node in &mut self.nodes {
            let _dead_already = node.child.kill();
            let _gone_already = node.child.wait();
        }
    }
}
