//! A private session, from memory to memory through the real link, compared with a bare TLS 1.3 stream over the same
//! kind of socket. Both ends and both streams are in this process, on one runtime.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use hobnob::peer::{Familiarity, PeerConfig, PeerEvent, PeerEventKind, PeerLinkHandle, PeerNetwork};
use hobnob::session::link_id::LinkId;
use hobnob::session::path::PathChoice;
use hobnob_protocol::PEER_ALPN;
use hobnob_protocol::identity::Identity;
use hobnob_protocol::ids::PairToken;
use hobnob_protocol::message::Introduction;
use hobnob_protocol::text::Text;
use hobnob_protocol::transport::{self, KeyPolicy};
use hobnob_server::tokens::Tokens;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::World;
use crate::process;
use crate::report::{Figure, Goal};
use crate::tally::Histogram;

/// The length of a text where bytes are counted: the longest there may be.
const LONG: usize = 16 * 1024;

/// The length of a line that is answered.
const LINE: usize = 128;

/// Measures the throughput and the round trips of a session and of the bare stream.
pub(super) fn peer(world: &mut World) -> anyhow::Result<Vec<Figure>> {
    let (bytes, trips) = if world.smoke { (1 << 20, 50) } else { (256 << 20, 5000) };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let figure = |name: &str, unit, goal| Figure::new("peer", name, unit, goal);
    let mut long = figure("throughput, texts of 16 KiB", "MiB/s", Goal::Part(0.7));
    let mut short = figure("throughput, texts of 128 bytes", "MiB/s", Goal::Shown);
    let mut trip = figure("round trip of a line, p50", "us", Goal::Times(1.5));
    let mut cpu = figure("CPU of both ends, texts of 16 KiB", "ms/MiB", Goal::Shown);
    runtime.block_on(async {
        for _ in 0..world.rounds {
            let (anna, bobby) = session().await?;
            let before = process::own_cpu()?;
            long.ours.push(on_a_worker(texts(anna, bobby, bytes / LONG, LONG)).await?);
            let between = process::own_cpu()?;
            long.limit.push(on_a_worker(stream(bytes / LONG, LONG)).await?);
            let per_mib = |used: Duration| used.as_secs_f64() * 1e3 / (bytes >> 20) as f64;
            cpu.ours.push(per_mib(between - before));
            cpu.limit.push(per_mib(process::own_cpu()? - between));
            let (anna, bobby) = session().await?;
            short.ours.push(on_a_worker(texts(anna, bobby, bytes / 16 / LINE, LINE)).await?);
            short.limit.push(on_a_worker(stream(bytes / 16 / LINE, LINE)).await?);
            let (anna, bobby) = session().await?;
            trip.ours.push(on_a_worker(round_trips(anna, bobby, trips)).await?);
            trip.limit.push(on_a_worker(bare_round_trips(trips)).await?);
        }
        anyhow::Ok(())
    })?;
    Ok(vec![long, cpu, short, trip])
}

/// Runs both ends of both streams on the runtime's workers, where the links run: waking a thread outside of the workers
/// has a cost that has nothing to do with either stream.
async fn on_a_worker<T: Send + 'static>(
    work: impl Future<Output = anyhow::Result<T>> + Send + 'static,
) -> anyhow::Result<T> {
    tokio::spawn(work).await?
}

/// One side of a session.
struct Side {
    _network: PeerNetwork,
    handle: PeerLinkHandle,
    events: mpsc::Receiver<PeerEvent>,
}

impl Side {
    async fn next(&mut self) -> anyhow::Result<PeerEventKind> {
        Ok(self.events.recv().await.context("the session is over")?.kind)
    }

    /// The next text. It counts as shown as soon as it is here.
    async fn hear(&mut self) -> anyhow::Result<()> {
        loop {
            match self.next().await? {
                PeerEventKind::Said { number, .. } => {
                    self.handle.shown(number);
                    return Ok(());
                }
                PeerEventKind::Up { .. } | PeerEventKind::Delivered { .. } => {}
                other => bail!("the session broke: {other:?}"),
            }
        }
    }

    fn say(&self, local_id: u64, text: &Text) -> bool {
        self.handle.say(local_id, text.clone(), 0).is_ok()
    }
}

/// A server that relays.
#[derive(Clone)]
pub(super) struct Server {
    pub(super) at: SocketAddr,
    pub(super) identity: Identity,
}

/// What two users notice: the throughput of texts of 16 KiB, and the round trip of a line; directly, or through a
/// server.
pub(super) async fn talk(server: Option<Server>, mib: usize, trips: usize) -> anyhow::Result<(f64, f64)> {
    let (anna, bobby) = session_by(server.as_ref()).await?;
    let throughput = on_a_worker(texts(anna, bobby, (mib << 20) / LONG, LONG)).await?;
    let (anna, bobby) = session_by(server.as_ref()).await?;
    Ok((throughput, on_a_worker(round_trips(anna, bobby, trips)).await?))
}

/// Two users with an open session between them.
async fn session() -> anyhow::Result<(Side, Side)> {
    session_by(None).await
}

/// The same, directly or through a server.
async fn session_by(server: Option<&Server>) -> anyhow::Result<(Side, Side)> {
    let (anna, bobby) = (Identity::generate()?, Identity::generate()?);
    let (annas, mut anna_events) = network(&anna, server).await?;
    let (bobbys, mut bobby_events) = network(&bobby, server).await?;
    let token = match server {
        Some(server) => Tokens::of(&server.identity).make(&anna.public(), &bobby.public()),
        None => PairToken::random(),
    };
    let introduce = |other: &Identity, at: Option<SocketAddr>, forked| Introduction {
        request: None,
        session: token,
        name: "bobby".parse().expect("it is a name"),
        key: other.public(),
        candidates: at.into_iter().map(Into::into).collect(),
        relay: None,
        forked,
    };
    let bobbys_handle =
        bobbys.open(LinkId(1), &introduce(&anna, annas.listening(), false), Familiarity::Known)?;
    let annas_handle =
        annas.open(LinkId(1), &introduce(&bobby, bobbys.listening(), true), Familiarity::Known)?;
    for events in [&mut anna_events, &mut bobby_events] {
        let first = events.recv().await.context("the session is over")?;
        anyhow::ensure!(matches!(first.kind, PeerEventKind::Up { .. }), "it does not open: {first:?}");
    }
    Ok((
        Side { _network: annas, handle: annas_handle, events: anna_events },
        Side { _network: bobbys, handle: bobbys_handle, events: bobby_events },
    ))
}

async fn network(
    identity: &Identity,
    server: Option<&Server>,
) -> anyhow::Result<(PeerNetwork, mpsc::Receiver<PeerEvent>)> {
    let (event_tx, events) = mpsc::channel(1024);
    let mut config = PeerConfig::new(identity.clone());
    config.listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    config.path = if server.is_some() { PathChoice::Relay } else { PathChoice::Direct };
    let network = PeerNetwork::start(config, event_tx).await?;
    // As if the lobby were on this machine, because otherwise loopback addresses are not dialled.
    let lobby = server.map_or(SocketAddr::from((Ipv4Addr::LOCALHOST, 43210)), |server| server.at);
    network.dial_filter().lobby_is_at(lobby);
    if let Some(server) = server {
        network.dial_filter().lobby_has_key(server.identity.public());
    }
    Ok((network, events))
}

/// Says `count` texts of `len` bytes as fast as they are taken. Returns MiB a second.
async fn texts(mut anna: Side, mut bobby: Side, count: usize, len: usize) -> anyhow::Result<f64> {
    let text = Text::new("x".repeat(len))?;
    let began = Instant::now();
    let hearing = tokio::spawn(async move {
        for _ in 0..count {
            bobby.hear().await?;
        }
        anyhow::Ok(bobby)
    });
    let (mut said, mut delivered) = (0, 0);
    while delivered < count {
        while said < count && anna.say(said as u64, &text) {
            said += 1;
        }
        match anna.next().await? {
            PeerEventKind::Delivered { .. } => delivered += 1,
            PeerEventKind::Up { .. } => {}
            other => bail!("the session broke: {other:?}"),
        }
    }
    let took = began.elapsed();
    hearing.await??;
    Ok((count * len) as f64 / took.as_secs_f64() / (1 << 20) as f64)
}

/// Sends a line back and forth. Returns the median in microseconds.
async fn round_trips(mut anna: Side, mut bobby: Side, count: usize) -> anyhow::Result<f64> {
    let text = Text::new("x".repeat(LINE))?;
    let answer = text.clone();
    let answering = tokio::spawn(async move {
        for id in 0..count as u64 {
            bobby.hear().await?;
            anyhow::ensure!(bobby.say(id, &answer), "the outbox is full");
        }
        anyhow::Ok(bobby)
    });
    let mut times = Histogram::default();
    for id in 0..count as u64 {
        let began = Instant::now();
        anyhow::ensure!(anna.say(id, &text), "the outbox is full");
        anna.hear().await?;
        times.add(began.elapsed().as_nanos() as u64);
    }
    answering.await??;
    Ok(times.quantile(0.5).as_secs_f64() * 1e6)
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// Two ends of a bare TLS stream with the same kind of keys and the same key exchange.
async fn bare() -> anyhow::Result<(Box<dyn Stream>, Box<dyn Stream>)> {
    let (anna, bobby) = (Identity::generate()?, Identity::generate()?);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let addr = listener.local_addr()?;
    let acceptor = TlsAcceptor::from(transport::server_config(&bobby, KeyPolicy::Any, PEER_ALPN));
    let accepting = tokio::spawn(async move {
        let (socket, _from) = listener.accept().await?;
        socket.set_nodelay(true)?;
        acceptor.accept(socket).await
    });
    let socket = TcpStream::connect(addr).await?;
    socket.set_nodelay(true)?;
    let config: Arc<_> = transport::client_config(&anna, KeyPolicy::Any, PEER_ALPN).0;
    let near = TlsConnector::from(config).connect(transport::server_name(), socket).await?;
    Ok((Box::new(near), Box::new(accepting.await??)))
}

/// The same bytes through the bare stream, written in pieces of the length of a text, and read in pieces of any length.
async fn stream(count: usize, len: usize) -> anyhow::Result<f64> {
    let (mut near, mut far) = bare().await?;
    let block = vec![b'x'; len];
    let began = Instant::now();
    let reading = tokio::spawn(async move {
        let mut buffer = vec![0; 64 * 1024];
        let mut left = count * len;
        while left > 0 {
            left -= far.read(&mut buffer).await?.min(left);
        }
        far.write_all(b"!").await?;
        far.flush().await?;
        std::io::Result::Ok(far)
    });
    // Short pieces are gathered, as any program would do.
    let mut writer = tokio::io::BufWriter::with_capacity(64 * 1024, &mut near);
    for _ in 0..count {
        writer.write_all(&block).await?;
    }
    writer.flush().await?;
    near.read_u8().await?;
    let took = began.elapsed();
    reading.await??;
    Ok((count * len) as f64 / took.as_secs_f64() / (1 << 20) as f64)
}

async fn bare_round_trips(count: usize) -> anyhow::Result<f64> {
    let (mut near, mut far) = bare().await?;
    let answering = tokio::spawn(async move {
        let mut line = [0; LINE];
        for _ in 0..count {
            far.read_exact(&mut line).await?;
            far.write_all(&line).await?;
            far.flush().await?;
        }
        std::io::Result::Ok(far)
    });
    let mut times = Histogram::default();
    let mut line = [b'x'; LINE];
    for _ in 0..count {
        let began = Instant::now();
        near.write_all(&line).await?;
        near.flush().await?;
        near.read_exact(&mut line).await?;
        times.add(began.elapsed().as_nanos() as u64);
    }
    answering.await??;
    Ok(times.quantile(0.5).as_secs_f64() * 1e6)
}
