//! What a server is told to do, with the defaults users rely on. Knows no command line and no file
//! format: whoever embeds a server fills this in.

use std::net::{Ipv6Addr, SocketAddr};
use std::path::PathBuf;

use hobnob_protocol::DEFAULT_PORT;
use hobnob_protocol::name::{Candidate, PublicKey};

/// Who the operators of a server are by its own settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operators {
    /// Nobody.
    Nobody,
    /// Those whose keys this file lists.
    Listed(PathBuf),
    /// Whoever hosts the lobby in a client of his own.
    Host(PublicKey),
}

/// How a server runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerConfig {
    /// Where it takes clients; port 0 for one the system picks. `[::]` takes IPv4 as well.
    pub listen: SocketAddr,
    /// The data directory; the server's key and log live in its folder `server`.
    pub data_dir: PathBuf,
    /// The program's name, for those who find the store taken.
    pub program: String,
    /// Clients at once.
    pub max_clients: usize,
    /// Clients at once from one address; an IPv6 /64 counts as one.
    pub max_clients_per_ip: usize,
    /// Messages a second each client may sustain; it may save up ten seconds' worth.
    pub rate: u32,
    /// Bytes a second of one private session that are relayed; none where nothing is.
    pub relay: Option<u32>,
    /// Messages kept of the lobby, and of each room.
    pub history: u64,
    /// Bytes that the messages of the lobby and of all rooms may take together.
    pub history_size: u64,
    /// Rooms there may be.
    pub rooms: usize,
    /// Days after which the name of somebody unseen is free.
    pub name_ttl: u32,
    /// Who the operators are besides those whom operators name.
    pub operators: Operators,
    /// The file with what whoever joins is told, if there is one.
    pub motd: Option<PathBuf>,
    /// Where clients reach this server, to be told to those of the lobby's other servers.
    pub advertise: Vec<Candidate>,
    /// Where Prometheus reads metrics, if anywhere.
    pub metrics: Option<SocketAddr>,
}

impl ServerConfig {
    /// Where a server listens unless told otherwise: on every address.
    pub const DEFAULT_LISTEN: SocketAddr =
        SocketAddr::new(std::net::IpAddr::V6(Ipv6Addr::UNSPECIFIED), DEFAULT_PORT);

    /// Rooms there may be unless told otherwise.
    pub const DEFAULT_ROOMS: usize = 1000;

    /// A server with the defaults, at `listen`, with its data in `data_dir`.
    #[must_use]
    pub fn new(listen: SocketAddr, data_dir: impl Into<PathBuf>) -> Self {
        Self {
            listen,
            data_dir: data_dir.into(),
            program: "hobnob-server".to_owned(),
            max_clients: 10_000,
            max_clients_per_ip: 100,
            rate: 50,
            relay: Some(64 * 1024),
            history: 100_000,
            history_size: 2 << 30,
            rooms: Self::DEFAULT_ROOMS,
            name_ttl: 90,
            operators: Operators::Nobody,
            motd: None,
            advertise: Vec::new(),
            metrics: None,
        }
    }
}
