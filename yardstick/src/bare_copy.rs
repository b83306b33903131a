//! The limit of a relay: the least that a machine has to do to join two sockets. It joins the first connection with the
//! second, the third with the fourth, and so on, and copies what comes, without a request, keys, limits or a rate.

use std::io::{self, Write};
use std::net::Ipv4Addr;

use tokio::io::copy_bidirectional_with_sizes;
use tokio::net::TcpListener;

/// How many bytes are read at once; as many as hobnob's relay reads.
const CHUNK: usize = 64 * 1024;

/// Copies until the process is killed.
pub(crate) fn run() -> anyhow::Result<()> {
    rlimit::increase_nofile_limit(u64::MAX)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        writeln!(io::stdout(), "bare copy listening on {}", listener.local_addr()?)?;
        loop {
            let (mut one, _) = listener.accept().await?;
            let (mut other, _) = listener.accept().await?;
            one.set_nodelay(true)?;
            other.set_nodelay(true)?;
            tokio::spawn(async move {
                // The measuring side notices by itself when a copy has ended.
                let _ended = copy_bidirectional_with_sizes(&mut one, &mut other, CHUNK, CHUNK).await;
            });
        }
    })
}
