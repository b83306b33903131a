//! The list of everything that can happen to a run of the client; the app's loop waits for these events.

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
    /// One of the user's own programs, which are commands, reports something.
    Plugin(PluginEvent),
    /// The system asks the program to end.
    Signal(Signal),
    /// Nobody reads standard output any more.
    OutputClosed,
    /// A point in time for which something waited has come.
    Time,
}

/// A signal that ends the program in good order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// Ctrl-C at a moment when no editor reads it as a key.
    Interrupt,
    /// The system or a user asks the process to end, with SIGTERM.
    Terminate,
    /// The terminal is gone.
    HangUp,
}
