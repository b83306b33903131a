//! The settings of a server, with their defaults. This file knows no command line and no file format: the program that
//! embeds a server fills them in.

use std::net::{Ipv6Addr, SocketAddr};
use std::path::PathBuf;

use hobnob_protocol::DEFAULT_PORT;
use hobnob_protocol::candidate::Candidate;
use hobnob_protocol::key::PublicKey;

/// Who the operators of a server are by its own settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operators {
    /// The settings name no operators.
    Nobody,
    /// The users whose keys this file lists.
    Listed(PathBuf),
    /// The user with this key, who hosts the lobby in his own client.
    Host(PublicKey),
}

/// The settings of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerConfig {
    /// The address at which clients connect; with port 0 the system picks a port. `[::]` includes IPv4.
    pub listen: SocketAddr,
    /// The data directory; the server's key and log are in its folder `server`.
    pub data_dir: PathBuf,
    /// The program's name. Another program that finds the store in use shows it.
    pub program: String,
    /// How many clients may be connected at once.
    pub max_clients: usize,
    /// How many clients may be connected at once from one address; an IPv6 /64 counts as one address.
    pub max_clients_per_ip: usize,
    /// How many messages a second one client may send in the long run; it may save up ten seconds' worth.
    pub rate: u32,
    /// How many bytes a second are relayed for one private session; `None` if nothing is relayed.
    pub relay: Option<u32>,
    /// How many messages of the lobby are kept, and how many of each room.
    pub history: u64,
    /// How many bytes the messages of the lobby and of all rooms may take together.
    pub history_size: u64,
    /// How many rooms there may be.
    pub rooms: usize,
    /// After how many days the name of an absent user becomes free.
    pub name_ttl: u32,
    /// Who the operators are, besides those whom operators name.
    pub operators: Operators,
    /// The file with the message of the day, if there is one.
    pub motd: Option<PathBuf>,
    /// The addresses at which clients reach this server. The clients of all servers of the lobby are told them.
    pub advertise: Vec<Candidate>,
    /// The address at which Prometheus reads metrics; `None` for no metrics.
    pub metrics: Option<SocketAddr>,
}

impl ServerConfig {
    /// The address at which a server listens by default: every address of the machine.
    pub const DEFAULT_LISTEN: SocketAddr =
        SocketAddr::new(std::net::IpAddr::V6(Ipv6Addr::UNSPECIFIED), DEFAULT_PORT);

    /// How many rooms there may be by default.
    pub const DEFAULT_ROOMS: usize = 1000;

    /// Makes the default settings for a server at `listen` with its data in `data_dir`.
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
