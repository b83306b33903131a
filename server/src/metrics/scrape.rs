//! The HTTP endpoint: `/metrics` for Prometheus, and `/health` for a program that checks whether the server runs. It is
//! plain HTTP on an address of its own, and changes nothing. A slow reader is closed when a new one needs its place,
//! because an honest reader is done in milliseconds.

use std::collections::{HashMap, VecDeque};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{sleep, timeout};

use crate::metrics::Metrics;
use crate::network::Network;

/// How many readers there may be at once, in all and from one address: enough for every Prometheus that reads a server,
/// and for people who look by hand. When a limit is reached, the oldest reader is closed.
const MAX_READERS: usize = 32;
const MAX_READERS_OF_ONE: usize = 8;

/// How long a reader may take to send its question, and how long for everything, including the answer.
const HEADER_TIMEOUT: Duration = Duration::from_secs(2);
const READER_TIMEOUT: Duration = Duration::from_secs(5);

/// How long no reader is accepted after the system had no room for one.
const BACK_OFF: Duration = Duration::from_millis(500);

/// The media type of OpenMetrics text.
const METRICS_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The readers that are open now, the oldest first. `T` is a reader's task.
struct Readers<T> {
    open: VecDeque<(Network, T)>,
}

impl<T> Readers<T> {
    /// Makes room for a reader from `network`. Returns the reader that has to be closed for it, if any. When all places
    /// are taken, that is the oldest reader of the network that has most of them.
    fn make_room(&mut self, network: Network) -> Option<T> {
        let mut counts: HashMap<Network, usize> = HashMap::new();
        for (from, _) in &self.open {
            *counts.entry(*from).or_default() += 1;
        }
        let crowd = if counts.get(&network).is_some_and(|&count| count >= MAX_READERS_OF_ONE) {
            network
        } else if self.open.len() >= MAX_READERS {
            counts.into_iter().max_by_key(|&(_, count)| count)?.0
        } else {
            return None;
        };
        let oldest = self.open.iter().position(|(from, _)| *from == crowd)?;
        self.open.remove(oldest).map(|(_, reader)| reader)
    }
}

/// Answers readers. The caller stops this and all readers by dropping the future.
pub(crate) async fn serve(listener: TcpListener, metrics: Arc<Metrics>) {
    let mut tasks = JoinSet::new();
    let mut readers: Readers<AbortHandle> = Readers { open: VecDeque::new() };
    loop {
        let (stream, remote) = match listener.accept().await {
            Ok(newcomer) => newcomer,
            Err(err) => {
                tracing::warn!(%err, "no reader of metrics can be taken now");
                sleep(BACK_OFF).await;
                continue;
            }
        };
        while tasks.try_join_next().is_some() {}
        readers.open.retain(|(_, reader)| !reader.is_finished());
        let network = Network::of(remote.ip());
        if let Some(slow) = readers.make_room(network) {
            tracing::debug!("a reader of metrics gives way to another");
            slow.abort();
        }
        let reader = tasks.spawn(read(stream, remote, Arc::clone(&metrics)));
        readers.open.push_back((network, reader));
    }
}

async fn read(stream: TcpStream, remote: SocketAddr, metrics: Arc<Metrics>) {
    let answer = service_fn(move |request| {
        let response = answer(&request, &metrics);
        async move { Ok::<_, Infallible>(response) }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), answer);
    match timeout(READER_TIMEOUT, connection).await {
        Ok(Ok(())) => {}
        Ok(Err(err)) => tracing::debug!(%err, %remote, "a reader of metrics failed"),
        Err(_elapsed) => tracing::debug!(%remote, "a reader of metrics took too long"),
    }
}

fn answer(request: &Request<Incoming>, metrics: &Metrics) -> Response<Full<Bytes>> {
    let (status, body, kind) = match (request.method(), request.uri().path()) {
        (&Method::GET | &Method::HEAD, "/metrics") => (StatusCode::OK, metrics.text(), METRICS_TYPE),
        (&Method::GET | &Method::HEAD, "/health") => (StatusCode::OK, "ok\n".to_owned(), "text/plain"),
        _ => (StatusCode::NOT_FOUND, "there are /metrics and /health\n".to_owned(), "text/plain"),
    };
    let mut response = Response::new(Full::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(n: usize) -> Network {
        Network::of(format!("2001:db8:0:{n:x}::1").parse().unwrap())
    }

    /// Takes a reader from network `n`, with its number as its task. Returns the reader that was closed for it.
    fn take(readers: &mut Readers<usize>, n: usize, reader: usize) -> Option<usize> {
        let slow = readers.make_room(network(n));
        readers.open.push_back((network(n), reader));
        slow
    }

    #[test]
    fn the_oldest_reader_of_an_address_is_closed_for_the_next_one_of_that_address() {
        let mut readers = Readers { open: VecDeque::new() };
        assert_eq!(take(&mut readers, 1, 1000), None);
        for reader in 0..MAX_READERS_OF_ONE {
            assert_eq!(take(&mut readers, 2, reader), None);
        }
        assert_eq!(take(&mut readers, 2, 99), Some(0));
        assert_eq!(take(&mut readers, 2, 100), Some(1));
        assert!(readers.open.iter().any(|&(_, reader)| reader == 1000), "nobody else gives way");
    }

    #[test]
    fn the_network_with_most_readers_loses_one_when_all_places_are_taken() {
        let mut readers = Readers { open: VecDeque::new() };
        take(&mut readers, 1, 1000);
        for reader in 0..MAX_READERS - 1 {
            assert_eq!(take(&mut readers, 2 + reader / 7, reader), None);
        }
        let slow = take(&mut readers, 100, 2000).unwrap();
        assert_ne!(slow, 1000);
        assert_eq!(readers.open.len(), MAX_READERS);
    }
}
