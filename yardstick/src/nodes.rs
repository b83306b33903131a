//! Nodes of NATS that the yardstick starts for itself: on free ports of the loopback interface. Each writes to its disk
//! before it acknowledges. The nodes end when their [`Nodes`] is dropped. This file knows nothing of
//! hobnob.

use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use tempfile::TempDir;

use crate::process;

/// The environment variable that names the program, if it is neither in `target/tools/bin` nor in the path.
const PROGRAM: &str = "HOBNOB_NATS_SERVER";

/// How long a node may take until it answers.
const READY_WITHIN: Duration = Duration::from_secs(20);

/// The path of the program, if this machine has it: the one that [`PROGRAM`] names, or the one that `.ci/run` has
/// installed, or the one in the path.
pub(crate) fn program() -> Option<PathBuf> {
    let named = std::env::var_os(PROGRAM).map(PathBuf::from);
    let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/tools/bin/nats-server");
    let in_path = || {
        let path = std::env::var_os("PATH")?;
        std::env::split_paths(&path).map(|dir| dir.join("nats-server")).find(|path| path.exists())
    };
    named.or_else(|| tools.exists().then_some(tools)).or_else(in_path)
}

/// One node, or several nodes that form one cluster.
pub(crate) struct Nodes {
    children: Vec<Child>,
    urls: String,
    _data: TempDir,
}

impl Nodes {
    /// Starts `count` nodes with their data in a folder below `dir`, and waits until each of them answers.
    pub(crate) fn start(program: &Path, count: usize, dir: &Path) -> anyhow::Result<Self> {
        let data = TempDir::with_prefix_in("yardstick-nats-", dir)?;
        let ports = free_ports(count * 2)?;
        let (clients, routes) = ports.split_at(count);
        let urls: Vec<String> = clients.iter().map(|port| url(*port)).collect();
        let folder = data.path().to_owned();
        let mut nodes = Self { children: Vec::new(), urls: urls.join(","), _data: data };
        for (index, &port) in clients.iter().enumerate() {
            let config = folder.join(format!("n{index}.conf"));
            fs::write(&config, configuration(&folder, index, port, routes))?;
            let log = File::create(config.with_extension("log"))?;
            let mut command = Command::new(program);
            command.arg("-c").arg(&config).stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
            nodes.children.push(command.spawn().context("cannot start nats-server")?);
        }
        for (index, port) in clients.iter().enumerate() {
            wait_until_it_answers(*port, &folder.join(format!("n{index}.log")))?;
        }
        Ok(nodes)
    }

    /// The addresses of the nodes, as an option of the server takes them.
    pub(crate) fn urls(&self) -> &str {
        &self.urls
    }

    /// The CPU that each node has used so far.
    pub(crate) fn cpu(&self) -> anyhow::Result<Vec<Duration>> {
        self.children.iter().map(|child| process::cpu(child.id())).collect()
    }
}

impl Drop for Nodes {
    fn drop(&mut self) {
        for child in &mut self.children {
            // The data of the nodes is thrown away with them.
            let _ended = child.kill().and_then(|()| child.wait());
        }
    }
}

fn url(port: u16) -> String {
    format!("nats://127.0.0.1:{port}")
}

fn configuration(dir: &Path, index: usize, port: u16, routes: &[u16]) -> String {
    let store = dir.join(format!("n{index}"));
    let mut text = format!(
        "server_name: n{index}\nlisten: 127.0.0.1:{port}\n\
         jetstream {{ store_dir: \"{}\", sync_interval: always, max_mem: 64MB, max_file: 8GB }}\n",
        store.display()
    );
    if routes.len() > 1 {
        let urls: Vec<String> = routes.iter().map(|port| url(*port)).collect();
        text += &format!(
            "cluster {{ name: yardstick, listen: 127.0.0.1:{}, routes: [{}] }}\n",
            routes[index],
            urls.join(", ")
        );
    }
    text
}

/// Ports at which nobody listens. If another program takes one before the node does, that node ends and says so.
fn free_ports(count: usize) -> anyhow::Result<Vec<u16>> {
    let listeners: Vec<TcpListener> =
        (0..count).map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0))).collect::<Result<_, _>>()?;
    listeners.iter().map(|listener| Ok(listener.local_addr()?.port())).collect()
}

fn wait_until_it_answers(port: u16, log: &Path) -> anyhow::Result<()> {
    let until = Instant::now() + READY_WITHIN;
    while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
        if Instant::now() > until {
            bail!("a node of NATS does not answer: {}", fs::read_to_string(log).unwrap_or_default());
        }
        // A program that starts does not report when it is ready.
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}
