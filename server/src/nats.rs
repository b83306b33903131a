//! The options of NATS, and the order that they lead to. They belong to the program; the library takes any order.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use clap::Args;
use hobnob_nats::{
    AGREES_FROM, Link, LobbyName, NatsNeighbours, NatsStream, Settings, StreamState, SyncAlways,
    may_disagree, sync_always,
};
use hobnob_order::{Later, Place, StreamIdentity};
use hobnob_server::decide::Proposals;
use hobnob_server::{LobbyOrder, OrderOrNone, SharedOrder};
use serde::Deserialize;

/// The options of many servers; each may stand in the file as well.
#[derive(Debug, Default, Clone, PartialEq, Eq, Args, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub(crate) struct NatsOptions {
    /// Share a lobby with other servers over these nodes of NATS, such as nats://one:4222,nats://two:4222
    #[arg(long, value_name = "URL[,URL...]", value_delimiter = ',', env = "HOBNOB_SERVER_NATS")]
    pub(crate) nats: Option<Vec<String>>,

    /// The lobby's name on NATS; all servers of the lobby use the same name [default: lobby]
    #[arg(long, value_name = "NAME", env = "HOBNOB_SERVER_LOBBY")]
    pub(crate) lobby: Option<String>,

    /// File with the credentials that NATS asks for
    #[arg(long, value_name = "FILE", env = "HOBNOB_SERVER_NATS_CREDS")]
    pub(crate) nats_creds: Option<PathBuf>,

    /// File with the certificates of the authority that signed the nodes' certificates, in PEM; with it the link is
    /// always encrypted [default: the authorities that the system trusts]
    #[arg(long, value_name = "FILE", env = "HOBNOB_SERVER_NATS_CA")]
    pub(crate) nats_ca: Option<PathBuf>,

    /// File with this server's own certificate for NATS, in PEM
    #[arg(long, value_name = "FILE", env = "HOBNOB_SERVER_NATS_CERT")]
    pub(crate) nats_cert: Option<PathBuf>,

    /// File with the key of that certificate, in PEM
    #[arg(long, value_name = "FILE", env = "HOBNOB_SERVER_NATS_KEY")]
    pub(crate) nats_key: Option<PathBuf>,

    /// How many nodes keep the lobby's stream, if this server founds it [default: 3 if there are as many, otherwise 1]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=5), env = "HOBNOB_SERVER_REPLICAS")]
    pub(crate) replicas: Option<u8>,

    /// A node's monitoring port, such as http://one:8222; the server asks there whether acknowledged texts survive a
    /// power cut
    #[arg(long, value_name = "URL", env = "HOBNOB_SERVER_NATS_MONITOR")]
    pub(crate) nats_monitor: Option<String>,
}

impl NatsOptions {
    /// Takes from `file` the options that are not given.
    pub(crate) fn or(self, file: Self) -> Self {
        Self {
            nats: self.nats.or(file.nats),
            lobby: self.lobby.or(file.lobby),
            nats_creds: self.nats_creds.or(file.nats_creds),
            nats_ca: self.nats_ca.or(file.nats_ca),
            nats_cert: self.nats_cert.or(file.nats_cert),
            nats_key: self.nats_key.or(file.nats_key),
            replicas: self.replicas.or(file.replicas),
            nats_monitor: self.nats_monitor.or(file.nats_monitor),
        }
    }

    /// Returns the settings of NATS, or `None` if NATS is not to be used.
    pub(crate) fn settings(&self) -> anyhow::Result<Option<Settings>> {
        let Some(urls) = self.nats.clone().filter(|urls| !urls.is_empty()) else {
            let alone = Self { nats: None, ..Self::default() };
            anyhow::ensure!(Self { nats: None, ..self.clone() } == alone, "options of NATS need --nats");
            return Ok(None);
        };
        let lobby: LobbyName = self.lobby.as_deref().unwrap_or("lobby").parse()?;
        let client_certificate = match (&self.nats_cert, &self.nats_key) {
            (Some(certificate), Some(key)) => Some((certificate.clone(), key.clone())),
            (None, None) => None,
            _ => anyhow::bail!("--nats-cert and --nats-key belong together"),
        };
        Ok(Some(Settings {
            urls,
            lobby,
            credentials: self.nats_creds.clone(),
            ca: self.nats_ca.clone(),
            client_certificate,
            replicas: self.replicas.map(usize::from),
        }))
    }
}

/// The order of a lobby on NATS.
pub(crate) struct NatsOrder {
    settings: Settings,
    link: Link,
}

impl NatsOrder {
    /// Connects to NATS.
    ///
    /// # Errors
    /// Fails when no node lets this server in.
    pub(crate) async fn reach(settings: Settings) -> anyhow::Result<Self> {
        let link = Link::connect(&settings).await?;
        tracing::info!(node = link.node(), version = link.node_version(), "NATS is reached");
        Ok(Self { settings, link })
    }

    /// Returns the state of the lobby's stream, and how far a server at `place` is behind it.
    ///
    /// # Errors
    /// Fails when NATS is not reached, or nobody has founded the lobby.
    pub(crate) async fn state(settings: Settings, place: Option<Place>) -> anyhow::Result<String> {
        let Self { settings, link } = Self::reach(settings).await?;
        let (node, version) = (link.node(), link.node_version());
        let existing = NatsStream::<Proposals>::find(link, &settings.lobby).await?;
        let (stream, _) =
            existing.with_context(|| format!("nobody has founded {} there", settings.lobby.as_str()))?;
        let state = stream.state().await.context("JetStream does not answer: its nodes have no majority")?;
        let StreamState { bounds: (oldest, newest), bytes, replicas, current, leader } = state;
        let leader = leader.unwrap_or_else(|| "nobody, it is being elected".to_owned());
        let behind = place.map(|place| newest.0.saturating_sub(place.0));
        let behind =
            behind.map_or_else(String::new, |behind| format!("\nbehind: {behind} batches, as last noted"));
        let warning = too_old(&node, &version, replicas);
        let warning = warning.map_or_else(String::new, |warning| format!("\nwarning: {warning}"));
        Ok(format!(
            "nats: node {node} ({version}); {current} of {replicas} nodes have all of the stream, led by {leader}\n\
             stream: places {} to {}, {bytes} bytes{behind}{warning}",
            oldest.0, newest.0
        ))
    }

    async fn find(&self, identity: StreamIdentity, founding: Option<&str>) -> OrderOrNone {
        let link = self.link.clone();
        let stream = match founding {
            Some(founding) => {
                NatsStream::<Proposals>::find_or_found(link, &self.settings, identity, founding)
                    .await
                    .map(Some)
            }
            None => NatsStream::find(link, &self.settings.lobby).await,
        };
        Ok(stream?.map(|(stream, founded)| {
            let replicas = founded.replicas;
            match founded.is_new {
                true => tracing::info!(replicas, "the lobby is founded on NATS"),
                false => tracing::info!(replicas, "the lobby is found on NATS"),
            }
            if let Some(warning) = too_old(&self.link.node(), &self.link.node_version(), replicas) {
                tracing::warn!("{warning}");
            }
            let neighbours = NatsNeighbours::new(&self.link, self.settings.lobby.clone());
            LobbyOrder {
                founding: founded.founding,
                stream: Arc::new(stream),
                neighbours: Arc::new(neighbours),
            }
        }))
    }
}

impl SharedOrder for NatsOrder {
    fn find<'a>(&'a self, identity: StreamIdentity, founding: Option<&'a str>) -> Later<'a, OrderOrNone> {
        Box::pin(self.find(identity, founding))
    }
}

/// Returns what to say of a node that is too old to keep the stream together with others. A single node has nobody to disagree
/// with.
fn too_old(node: &str, version: &str, replicas: usize) -> Option<String> {
    (replicas > 1 && may_disagree(version)).then(|| {
        format!(
            "node {node} runs NATS {version}: after a crash, nodes older than {AGREES_FROM} may have different texts at \
             the same place of the stream, and an acknowledged text may be lost; upgrade all nodes"
        )
    })
}

/// Reports once whether acknowledged texts survive a power cut, as far as that can be known.
pub(crate) async fn tell_of_durability(monitor: Option<&str>) {
    let Some(url) = monitor else {
        return tracing::info!(
            "whether acknowledged texts survive a power cut of NATS is not verified: see sync_interval in \
             docs/MANY_SERVERS.md, and --nats-monitor"
        );
    };
    match sync_always(url).await {
        Ok(SyncAlways::Yes) => tracing::info!("NATS writes each text to its disk before it is acknowledged"),
        Ok(SyncAlways::No) => tracing::warn!(
            "NATS acknowledges before it writes to its disk: texts of the last two minutes may be lost when the power \
             of all its nodes fails; set sync_interval: always"
        ),
        Err(err) => tracing::warn!(%err, "whether acknowledged texts survive a power cut is not verified"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_that_is_too_old_is_warned_of_where_several_nodes_keep_the_stream() {
        let warning = too_old("n1", "2.9.10", 3).unwrap();
        assert!(warning.starts_with("node n1 runs NATS 2.9.10: "), "{warning}");
        assert!(warning.contains("older than 2.10.23"), "{warning}");
        assert_eq!(too_old("n1", "2.9.10", 1), None);
        assert_eq!(too_old("n1", "2.15.1", 3), None);
    }

    #[test]
    fn options_of_nats_need_the_option_nats_a_valid_name_and_a_certificate_with_its_key() {
        let nats = NatsOptions { nats: Some(vec!["nats://one:4222".to_owned()]), ..NatsOptions::default() };
        let settings = nats.settings().unwrap().unwrap();
        assert_eq!((settings.lobby.as_str(), settings.replicas), ("lobby", None));
        assert!(NatsOptions::default().settings().unwrap().is_none());
        for bad in [
            NatsOptions { nats: None, lobby: Some("a".to_owned()), ..nats.clone() },
            NatsOptions { lobby: Some("a.b".to_owned()), ..nats.clone() },
            NatsOptions { nats_cert: Some("c".into()), ..nats.clone() },
        ] {
            assert!(bad.settings().is_err(), "{bad:?}");
        }
    }
}
