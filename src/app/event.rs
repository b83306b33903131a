//! All that can happen to a run of the client: the list an app's loop waits for.

use crate::input::script::ScriptLine;
use crate::lobby::event::LobbyEvent;
use crate::peer::PeerEvent;
use crate::plugins::PluginEvent;
use crate::repl::Typed;

/// One thing that happened.
#[derive(Debug)]
pub(crate) enum Event {
    /// The user did something at the terminal.
    Typed(Typed),
    /// A line of a script, or its end.
    Script(Option<ScriptLine>),
    /// Something happened in the lobby or on its link.
    Lobby(LobbyEvent),
    /// Something happened on a peer's link.
    Peer(PeerEvent),
    /// A program that is one of the user's own commands has something to tell.
    Plugin(PluginEvent),
    /// The system asks the program to end.
    Signal(Signal),
    /// Nobody reads standard output any more.
    OutputClosed,
    /// A moment something waited for has come.
    Time,
}

/// A signal that ends the program in good order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// Ctrl-C where no editor reads it.
    Interrupt,
    /// SIGTERM.
    Terminate,
    /// The terminal is gone.
    HangUp,
}
