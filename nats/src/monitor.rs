//! Finds out whether a NATS node writes each batch to its disk before it acknowledges the batch. An ordinary client
//! cannot see that; a node's monitoring port says it. This file asks one short question over plain HTTP/1.0, and owns
//! the limits of its time and of the length of the answer.

use std::time::Duration;

use thiserror::Error;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long connecting, asking and reading may take together.
const LIMIT: Duration = Duration::from_secs(3);

/// How many bytes of an answer are read. Even a long answer says what is needed within these bytes.
const MAX_ANSWER: u64 = 4 * 1024 * 1024;

/// When a node writes to its disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SyncAlways {
    /// Each batch is on the disk before it is acknowledged.
    Yes,
    /// Batches of the last minutes may be lost when the power fails.
    No,
}

/// It cannot be found out from the node.
#[derive(Debug, Error)]
#[error("NATS does not say at {url} whether it syncs: {reason}")]
pub struct MonitorError {
    url: String,
    reason: String,
}

/// Asks the monitoring port at `url`, such as `http://127.0.0.1:8222`.
///
/// # Errors
/// Fails when there is no such port, or it does not answer as NATS does.
pub async fn sync_always(url: &str) -> Result<SyncAlways, MonitorError> {
    let failed = |reason: String| MonitorError { url: url.to_owned(), reason };
    let address = address(url).ok_or_else(|| failed("it has to be http://HOST:PORT".to_owned()))?;
    match timeout(LIMIT, ask(address)).await {
        Ok(Ok(answer)) => read(&answer).ok_or_else(|| failed("its answer is not NATS's".to_owned())),
        Ok(Err(err)) => Err(failed(err.to_string())),
        Err(_elapsed) => Err(failed("no answer".to_owned())),
    }
}

/// Returns the host and port of a URL that contains nothing else.
fn address(url: &str) -> Option<&str> {
    let address = url.strip_prefix("http://")?.trim_end_matches('/');
    let (host, port) = address.rsplit_once(':')?;
    (!host.is_empty() && port.parse::<u16>().is_ok() && !address.contains('/')).then_some(address)
}

async fn ask(address: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    let question = format!("GET /jsz HTTP/1.0\r\nHost: {address}\r\n\r\n");
    stream.write_all(question.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.take(MAX_ANSWER).read_to_end(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// Reads an answer. A node that syncs says so in its configuration of JetStream; otherwise the field is missing.
fn read(answer: &str) -> Option<SyncAlways> {
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let is_ok = head.lines().next()?.split(' ').nth(1) == Some("200");
    if !is_ok || !body.contains("\"store_dir\"") {
        return None;
    }
    let packed: String = body.split_whitespace().collect();
    match packed.contains("\"sync_always\":true") {
        true => Some(SyncAlways::Yes),
        false => Some(SyncAlways::No),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_with_anything_but_a_host_and_a_port_is_refused() {
        assert_eq!(address("http://127.0.0.1:8222/"), Some("127.0.0.1:8222"));
        assert_eq!(address("http://[::1]:8222"), Some("[::1]:8222"));
        for bad in
            ["127.0.0.1:8222", "https://x:1", "http://x", "http://:1", "http://x:1/jsz", "http://x:99999"]
        {
            assert_eq!(address(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_node_syncs_only_if_it_says_so_and_only_answers_of_nats_are_believed() {
        let answer = |field| {
            format!("HTTP/1.0 200 OK\r\nA: b\r\n\r\n{{\n \"config\": {{ \"store_dir\": \"/x\"{field} }} }}")
        };
        assert_eq!(read(&answer(", \"sync_always\": true")), Some(SyncAlways::Yes));
        assert_eq!(read(&answer(", \"sync_always\": false")), Some(SyncAlways::No));
        assert_eq!(read(&answer("")), Some(SyncAlways::No));
        assert_eq!(read("HTTP/1.0 404 Not Found\r\n\r\n\"store_dir\""), None);
        assert_eq!(read("HTTP/1.0 200 OK\r\n\r\nhello"), None);
    }
}
