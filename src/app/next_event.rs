//! Waits for the next event. This file decides which of several waiting events comes first: what is already known is
//! shown before new input is taken, and a flood from the lobby or a peer does not keep everything else waiting. It does
//! not know what an event means.

use tokio::sync::{mpsc, oneshot};
use tokio::task::unconstrained;
use tokio::time::{Instant, sleep_until};

use super::ending::Ending;
use super::{App, InputSource};
use crate::app::event::{Event, Signal};
use crate::lobby::event_queue::LobbyEvents;
use crate::peer::PeerEvent;
use crate::plugins::PluginEvent;

/// After this many events in a row that came over links, everything else that waits has a turn, because a flood must
/// not keep its reader from leaving. The number is as large as the queues of the links, so that everything that arrived
/// before a line was typed is shown before the line is taken.
pub(super) const IN_A_ROW: u32 = 1024;

/// The queues from which the app takes its events.
#[derive(Debug)]
pub(crate) struct Sources {
    /// The events of the lobby's link.
    pub lobby: LobbyEvents,
    /// The events of all peer links.
    pub peers: mpsc::Receiver<PeerEvent>,
    /// The reports of the user's own programs, which are commands.
    pub plugins: mpsc::Receiver<PluginEvent>,
    /// The signals by which the system asks the process to end.
    pub signals: mpsc::Receiver<Signal>,
    /// Resolves when the reader of standard output has closed it.
    pub output_closed: Option<oneshot::Receiver<()>>,
}

impl App {
    /// Returns the next event.
    pub(super) async fn next_event(&mut self) -> Event {
        let mut overlooked = None;
        if self.in_a_row >= IN_A_ROW {
            self.in_a_row = 0;
            overlooked = self.overlooked().await;
        }
        let event = match overlooked {
            Some(event) => event,
            None => self.first_event().await,
        };
        match event {
            Event::Lobby(_) | Event::Peer(_) | Event::Plugin(_) => self.in_a_row += 1,
            _ => self.in_a_row = 0,
        }
        event
    }

    /// Returns an event of a kind that a flood from the lobby or a peer keeps waiting, if there is one.
    async fn overlooked(&mut self) -> Option<Event> {
        let deadline = self.deadline();
        let takes_line = self.takes_line();
        let others = async {
            tokio::select! {
                Some(event) = self.sources.peers.recv() => Event::Peer(event),
                Some(event) = self.sources.plugins.recv() => Event::Plugin(event),
                event = self.input.next(self.state.ledger.len()), if takes_line => event,
                () = sleep_until(deadline.unwrap_or_else(Instant::now)), if deadline.is_some() => Event::Time,
                else => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            // The flood has used up this task's budget in the runtime; this is one look without it.
            event = unconstrained(others) => Some(event),
            () = std::future::ready(()) => None,
        }
    }

    /// Returns the first of the waiting events, the most important kind first. If none waits, waits for one.
    async fn first_event(&mut self) -> Event {
        let deadline = self.deadline();
        let takes_line = self.takes_line();
        tokio::select! {
            // What is already known is shown before new input is taken, so that a line is judged by the state that its
            // author could see.
            biased;
            Some(signal) = self.sources.signals.recv() => Event::Signal(signal),
            Some(event) = self.sources.lobby.recv() => Event::Lobby(event),
            Some(event) = self.sources.peers.recv() => Event::Peer(event),
            Some(event) = self.sources.plugins.recv() => Event::Plugin(event),
            () = closed(&mut self.sources.output_closed) => Event::OutputClosed,
            event = self.input.next(self.state.ledger.len()), if takes_line => event,
            () = sleep_until(deadline.unwrap_or_else(Instant::now)), if deadline.is_some() => Event::Time,
        }
    }

    /// Whether a line may have its turn. The messages from before this run are shown first, so that a line is judged by
    /// what its author could see.
    fn takes_line(&self) -> bool {
        self.ending.is_none() && !self.state.is_catching_up()
    }

    /// Returns the next point in time at which something is due.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let ending = self.ending.as_ref().map(Ending::deadline);
        let counts = match &self.input {
            // While the program ends, there is no prompt that shows the counts.
            InputSource::Terminal(terminal) if self.ending.is_none() => terminal.deadline(&self.state),
            InputSource::Terminal(_) => None,
            InputSource::Script(..) => self.state.ledger.stall_deadline(),
        };
        let state = [
            self.state.questions.next_deadline(),
            self.state.watch_deadline(),
            self.state.knocks.deadline(),
            self.state.verification_deadline(),
            self.state.missed_deadline(),
            self.state.repeats_deadline(),
            self.state.leaving_deadline(),
            self.state.screen.deadline(),
        ];
        [ending, counts, self.input.deadline()].into_iter().chain(state).flatten().min()
    }
}

/// Resolves once, when the reader of standard output has closed it.
async fn closed(output: &mut Option<oneshot::Receiver<()>>) {
    match output {
        Some(receiver) => {
            let told = receiver.await;
            *output = None;
            if told.is_err() {
                // The writer ended normally, so this will never happen.
                std::future::pending::<()>().await;
            }
        }
        None => std::future::pending().await,
    }
}
