//! stub
use crate::session_id::SessionId;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::{mpsc, watch};
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Draft {
    pub left: String,
    pub right: String,
}
impl Draft {
    pub fn is_empty(&self) -> bool {
        self.left.is_empty() && self.right.is_empty()
    }
}
#[derive(Debug, Clone)]
pub struct Prompt {
    pub raw: String,
    pub styled: String,
}
#[derive(Debug, Clone)]
pub struct Grant {
    pub prompt: Prompt,
    pub session: Option<SessionId>,
    pub draft: Draft,
}
#[derive(Debug)]
pub enum Typed {
    Line { text: String, session: Option<SessionId> },
    Interrupted,
    EndOfInput,
    Cancelled { draft: Draft, session: Option<SessionId> },
    Failed(String),
}
#[derive(Debug, Default, Clone)]
pub struct Words {
    pub commands: Vec<CommandWord>,
    pub users: Vec<String>,
    pub sessions: Vec<(SessionId, String)>,
}
#[derive(Debug, Clone)]
pub struct CommandWord {
    pub name: String,
    pub aliases: Vec<String>,
    pub usage: String,
    pub about: String,
    pub argument: crate::commands::Argument,
}
pub struct ReplOptions {
    pub history_file: Option<PathBuf>,
    pub color: bool,
    pub words: watch::Receiver<Arc<Words>>,
}
#[derive(Debug, Clone)]
pub struct ReplHandle;
pub fn start(_o: ReplOptions) -> anyhow::Result<(ReplHandle, mpsc::Receiver<Typed>)> {
    anyhow::bail!("stub")
}
impl ReplHandle {
    pub fn grant(&self, _g: Grant) {}
    pub fn cancel(&self) {}
    pub fn print(&self, _t: String) {}
    pub fn close(self) {}
}
