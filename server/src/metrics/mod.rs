//! What the server counts, in the form that Prometheus reads. This module owns the names of the metrics; it decides
//! nothing.

pub(crate) mod scrape;

use std::sync::atomic::AtomicI64;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// Upper bounds of the buckets for the duration of a commit, in seconds: from a fast disk to a stalled one.
const COMMIT_BUCKETS: [f64; 10] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 2.0, 10.0];

/// The counters, shared by all parts of the server.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    /// Open connections, also those that are not in the lobby yet.
    pub(crate) connections: Gauge<i64, AtomicI64>,
    /// Users in the lobby.
    pub(crate) clients: Gauge<i64, AtomicI64>,
    pub(crate) rooms: Gauge<i64, AtomicI64>,
    /// Users that have joined the lobby since the server started.
    pub(crate) joins: Counter,
    /// Connections that were turned away at a limit, by a ban or by a lock.
    pub(crate) turned_away: Counter,
    pub(crate) sent_out: Counter,
    /// Messages that were stored.
    pub(crate) messages: Counter,
    /// Messages that were written straight to a client.
    pub(crate) deliveries: Counter,
    /// Bytes of these messages, before encryption.
    pub(crate) delivered_bytes: Counter,
    /// How often the log was read for a client that is behind.
    pub(crate) log_reads: Counter,
    /// Private sessions whose bytes are being relayed.
    pub(crate) relayed_sessions: Gauge<i64, AtomicI64>,
    /// Clients that wait at the relay for the other side of a session.
    pub(crate) relay_waiting: Gauge<i64, AtomicI64>,
    /// Bytes that were relayed, in both directions together.
    pub(crate) relayed_bytes: Counter,
    /// Clients that came to be relayed and were refused.
    pub(crate) relay_refused: Counter,
    /// Batches that could not be stored.
    pub(crate) store_errors: Counter,
    /// Other servers of this lobby.
    pub(crate) neighbours: Gauge<i64, AtomicI64>,
    /// The place up to which everything in the order that several servers share is applied.
    pub(crate) place: Gauge<i64, AtomicI64>,
    /// Attempts to publish to that order of which it is not known whether they succeeded.
    pub(crate) unknown_publishes: Counter,
    /// How long it took until a batch of this server came back through that order.
    pub(crate) order_seconds: Histogram,
    /// How long storing a batch took.
    pub(crate) commit_seconds: Histogram,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("hobnob"),
            connections: Gauge::default(),
            clients: Gauge::default(),
            rooms: Gauge::default(),
            joins: Counter::default(),
            turned_away: Counter::default(),
            sent_out: Counter::default(),
            messages: Counter::default(),
            deliveries: Counter::default(),
            delivered_bytes: Counter::default(),
            log_reads: Counter::default(),
            relayed_sessions: Gauge::default(),
            relay_waiting: Gauge::default(),
            relayed_bytes: Counter::default(),
            relay_refused: Counter::default(),
            store_errors: Counter::default(),
            neighbours: Gauge::default(),
            place: Gauge::default(),
            unknown_publishes: Counter::default(),
            order_seconds: Histogram::new(COMMIT_BUCKETS),
            commit_seconds: Histogram::new(COMMIT_BUCKETS),
        };
        metrics.register();
        metrics
    }

    fn register(&mut self) {
        let registry = &mut self.registry;
        registry.register("connections", "Open connections", self.connections.clone());
        registry.register("clients", "Users in the lobby", self.clients.clone());
        registry.register("rooms", "Rooms there are", self.rooms.clone());
        registry.register("joins", "Users that came into the lobby", self.joins.clone());
        registry.register(
            "turned_away",
            "Connections turned away at a cap, by a ban or a lock",
            self.turned_away.clone(),
        );
        registry.register("sent_out", "Connections that operators sent out", self.sent_out.clone());
        registry.register("messages", "Messages stored", self.messages.clone());
        registry.register("deliveries", "Messages written straight to a client", self.deliveries.clone());
        let bytes = self.delivered_bytes.clone();
        registry.register("delivered_bytes", "Bytes of messages written straight to clients", bytes);
        registry.register(
            "log_reads",
            "Reads of the log for clients that are behind",
            self.log_reads.clone(),
        );
        self.register_relay();
        let registry = &mut self.registry;
        registry.register("store_errors", "Batches that could not be stored", self.store_errors.clone());
        registry.register("neighbours", "Other servers of this lobby", self.neighbours.clone());
        registry.register("place", "Newest place of the shared order that is applied", self.place.clone());
        let unknown = self.unknown_publishes.clone();
        registry.register("unknown_publishes", "Attempts to publish without an answer", unknown);
        let order_seconds = self.order_seconds.clone();
        registry.register("order_seconds", "Time until a batch came back through the order", order_seconds);
        registry.register("commit_seconds", "Duration of storing a batch", self.commit_seconds.clone());
    }

    fn register_relay(&mut self) {
        let registry = &mut self.registry;
        let sessions = self.relayed_sessions.clone();
        registry.register("relayed_sessions", "Private sessions being relayed", sessions);
        let waiting = self.relay_waiting.clone();
        registry.register("relay_waiting", "Clients that wait at the relay for their other side", waiting);
        registry.register("relayed_bytes", "Bytes relayed", self.relayed_bytes.clone());
        registry.register(
            "relay_refused",
            "Clients that were refused to be relayed",
            self.relay_refused.clone(),
        );
    }

    /// Counts a chunk of this many messages that was written straight to a client, as this many bytes before
    /// encryption.
    pub(crate) fn written_through(&self, messages: u64, bytes: usize) {
        self.deliveries.inc_by(messages);
        self.delivered_bytes.inc_by(bytes as u64);
    }

    /// Returns all metrics, in Prometheus's text format.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        encode(&mut text, &self.registry).expect("writing to a string does not fail");
        text
    }
}
