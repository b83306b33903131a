//! The lobby and rendezvous server.

pub mod log;
pub mod verify;
// STUB
use std::net::SocketAddr;
use std::path::Path;
#[derive(Debug)]
pub struct Server;
#[derive(Debug)]
pub struct ServerConfig;
impl ServerConfig {
    pub fn new(_a: SocketAddr, _d: &Path) -> Self {
        Self
    }
}
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    #[error("in use")]
    AddressInUse { address: SocketAddr },
    #[error("held")]
    StoreHeld { address: Option<SocketAddr>, text: String },
    #[error("x")]
    Other,
}
impl Server {
    pub async fn bind(_c: ServerConfig) -> Result<Self, ServerError> {
        Err(ServerError::Other)
    }
    pub fn local_addr(&self) -> SocketAddr {
        todo!()
    }
    pub fn public_key(&self) -> hobnob_protocol::name::PublicKey {
        todo!()
    }
    pub async fn run(self, _t: tokio_util::sync::CancellationToken) -> Result<(), ServerError> {
        Ok(())
    }
}
