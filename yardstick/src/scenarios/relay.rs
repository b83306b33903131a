//! Private sessions through the server: what the server uses for a MiB, compared with a bare copy of bytes between two
//! sockets; how fast a relayed session is beside a direct one; and the memory of idle sessions.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use hobnob_protocol::RELAY_ALPN;
use hobnob_protocol::codec::{LineBuffer, encode};
use hobnob_protocol::identity::Identity;
use hobnob_protocol::ids::PairToken;
use hobnob_protocol::key::PublicKey;
use hobnob_protocol::records::RecordByRecord;
use hobnob_protocol::relay::{RelayAnswer, RelayRequest};
use hobnob_protocol::transport::{self, KeyPolicy};
use hobnob_server::tokens::Tokens;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;

use super::peer::{self, Server};
use super::{World, note};
use crate::report::{Figure, Goal};
use crate::subject::{Kind, Subject};

/// How many bytes are written at once: the contents of one record of a client's TLS.
const BLOCK: usize = 16 * 1024;

/// How many idle sessions are measured for their memory, and how many busy sessions there are at once.
const IDLE: usize = 1000;
const BUSY: usize = 100;

/// How many sessions one of the measured keys has: nearly as many as a server allows.
const OF_A_KEY: usize = 60;

/// Measures the CPU, the throughput, the round trips and the memory.
pub(super) fn relay(world: &mut World) -> anyhow::Result<Vec<Figure>> {
    let (mib, busy_mib, trips) = if world.smoke { (4, 20, 50) } else { (512, 1000, 5000) };
    let (idle, busy) = (world.clients(IDLE), world.clients(BUSY));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let figure = |name: String, unit, goal| Figure::new("relay", name, unit, goal);
    let mut cpu = figure("server CPU, one session".to_owned(), "ms/MiB", Goal::Times(1.3));
    let mut through = figure("throughput, one session".to_owned(), "MiB/s", Goal::Shown);
    let mut many = figure(format!("server CPU, {busy} sessions at once"), "ms/MiB", Goal::Times(1.3));
    let mut trip = figure("round trip of a line, p50 (limit: direct)".to_owned(), "us", Goal::Shown);
    let mut texts = figure("throughput, texts of 16 KiB (limit: direct)".to_owned(), "MiB/s", Goal::Shown);
    let mut memory = figure(format!("server memory, {idle} idle sessions"), "KiB/ses", Goal::Shown);
    for _ in 0..world.rounds {
        for kind in Kind::BOTH {
            let subject = match kind {
                Kind::Hobnob => Subject::start(kind, &world.programs)?,
                Kind::Limit | Kind::Storing => Subject::start_bare_copy(&world.programs)?,
            };
            let one = runtime.block_on(push(&subject, 1, mib))?;
            note(&mut cpu, kind, one.cpu_per_mib);
            note(&mut through, kind, one.mib_per_second);
            note(&mut many, kind, runtime.block_on(push(&subject, busy, busy_mib))?.cpu_per_mib);
            note(&mut memory, kind, runtime.block_on(idle_memory(&subject, idle))?);
        }
        let subject = Subject::start(Kind::Hobnob, &world.programs)?;
        let server = Server { at: subject.addr, identity: subject.identity()? };
        for (server, column) in [(Some(server), Kind::Hobnob), (None, Kind::Limit)] {
            let (in_texts, in_trips) = runtime.block_on(peer::talk(server, mib / 4, trips))?;
            note(&mut texts, column, in_texts);
            note(&mut trip, column, in_trips);
        }
    }
    Ok(vec![cpu, many, through, texts, trip, memory])
}

/// What it cost to move a MiB, and how fast that was.
struct Pushed {
    cpu_per_mib: f64,
    mib_per_second: f64,
}

/// Moves `mib` MiB through `sessions` sessions at once, half of it in each direction.
async fn push(subject: &Subject, sessions: usize, mib: usize) -> anyhow::Result<Pushed> {
    let pairs = join(subject, sessions).await?;
    let blocks = (mib << 20) / BLOCK / 2 / sessions;
    let before = subject.cpu()?;
    let began = Instant::now();
    let mut moving = JoinSet::new();
    for (near, far) in pairs {
        let ((near_read, near_write), (far_read, far_write)) = (near.into_split(), far.into_split());
        moving.spawn(write(near_write, blocks));
        moving.spawn(write(far_write, blocks));
        moving.spawn(read(near_read, blocks));
        moving.spawn(read(far_read, blocks));
    }
    while let Some(moved) = moving.join_next().await {
        moved??;
    }
    let took = began.elapsed().as_secs_f64();
    let moved = (2 * blocks * sessions * BLOCK) as f64 / f64::from(1 << 20);
    let used = subject.cpu()?.saturating_sub(before).as_secs_f64() * 1e3;
    Ok(Pushed { cpu_per_mib: used / moved, mib_per_second: moved / took })
}

async fn write(mut to: tokio::net::tcp::OwnedWriteHalf, blocks: usize) -> anyhow::Result<()> {
    let block = vec![7; BLOCK];
    for _ in 0..blocks {
        to.write_all(&block).await?;
    }
    // The other half keeps the socket open until everything was read.
    to.forget();
    Ok(())
}

async fn read(mut from: tokio::net::tcp::OwnedReadHalf, blocks: usize) -> anyhow::Result<()> {
    let (mut left, mut room) = (blocks * BLOCK, vec![0; 64 * 1024]);
    while left > 0 {
        let count = from.read(&mut room).await?;
        ensure!(count > 0, "the relay ended a session");
        left -= count;
    }
    Ok(())
}

/// How much memory each of so many idle sessions takes, in KiB.
async fn idle_memory(subject: &Subject, sessions: usize) -> anyhow::Result<f64> {
    let before = subject.resident()?;
    let pairs = join(subject, sessions).await?;
    // Waits until all sessions have freed what they needed to arrive; the server reports that to nobody.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let after = subject.resident()?;
    drop(pairs);
    Ok(after.saturating_sub(before) as f64 / 1024.0 / sessions as f64)
}

/// This many joined pairs of sockets.
async fn join(subject: &Subject, sessions: usize) -> anyhow::Result<Vec<(TcpStream, TcpStream)>> {
    let mut pairs = Vec::with_capacity(sessions);
    if subject.kind != Kind::Hobnob {
        for _ in 0..sessions {
            pairs.push((TcpStream::connect(subject.addr).await?, TcpStream::connect(subject.addr).await?));
        }
        return Ok(pairs);
    }
    let server = subject.identity()?;
    let (tokens, key) = (Tokens::of(&server), server.public());
    let mut two = [Identity::generate()?, Identity::generate()?];
    for index in 0..sessions {
        if index % OF_A_KEY == 0 {
            two = [Identity::generate()?, Identity::generate()?];
        }
        let [anna, bobby] = &two;
        let session = tokens.make(&anna.public(), &bobby.public());
        let (near, far) = tokio::try_join!(
            meet(subject.addr, &key, anna, bobby, session),
            meet(subject.addr, &key, bobby, anna, session)
        )?;
        pairs.push((near, far));
    }
    Ok(pairs)
}

/// Comes to the relay as `own`, and waits until `other` is there.
async fn meet(
    at: SocketAddr,
    server: &PublicKey,
    own: &Identity,
    other: &Identity,
    session: PairToken,
) -> anyhow::Result<TcpStream> {
    let socket = TcpStream::connect(at).await?;
    socket.set_nodelay(true)?;
    let (config, _seen) = transport::client_config(own, KeyPolicy::Only(*server), RELAY_ALPN);
    let connector = TlsConnector::from(config);
    let mut line = connector.connect(transport::server_name(), RecordByRecord::new(socket)).await?;
    line.write_all(&encode(&RelayRequest::Meet { session, other: other.public() })).await?;
    line.flush().await?;
    let mut lines = LineBuffer::new(1024);
    loop {
        match lines.next_message().context("no answer of a relay")? {
            Some(RelayAnswer::Met) => return Ok(line.into_inner().0.into_inner()),
            Some(RelayAnswer::Waiting | RelayAnswer::Unknown) => {}
            Some(answer @ RelayAnswer::Refused { .. }) => anyhow::bail!("the relay refuses: {answer:?}"),
            None => {
                // Reads no more than one record, because what follows `met` is no record.
                let record = line.fill_buf().await?;
                let length = record.len();
                ensure!(length > 0, "the relay closed");
                lines.extend(record);
                line.consume(length);
            }
        }
    }
}
