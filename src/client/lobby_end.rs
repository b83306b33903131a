//! What happens when the lobby's link ends for good while the run goes on: an operator sends this user out, or the
//! server has another key. Texts that wait for the lobby are reported then, and no notice promises that the lobby comes
//! back. This file knows nothing of links.

use hobnob_protocol::message::{Refused, RefusedCode};

use crate::client::State;
use crate::session::SessionId;
use crate::show::unsent::{LobbyEnded, Unsent};
use crate::show::{Failure, failing, saying};
use crate::timestamp::Timestamp;

impl State {
    /// Handles that an operator sent this user out.
    pub(super) fn sent_out(&mut self, refused: &Refused) {
        let until = refused.until.map(Timestamp);
        let is_ban = refused.code == RefusedCode::Banned;
        self.lobby_ended = Some(if is_ban { LobbyEnded::Banned { until } } else { LobbyEnded::Kicked });
        self.fail(Failure::from(failing::Operators::SentOut(refused)));
        if self.screen.is_terminal() && !(is_ban && until.is_none()) {
            self.emit(saying::Operators::ComeBack { banned: is_ban }.into());
        }
        self.give_up_lobby("an operator sent this user out");
    }

    /// Handles that the server has a key other than the trusted one. `servers` are the addresses that the user named.
    pub(super) fn lobby_key_changed(&mut self, reason: &str, servers: &[String]) {
        self.lobby_ended = Some(LobbyEnded::KeyChanged);
        // If the pins cannot be read, all addresses of the lobby are named.
        let pinned_at = self.trust.pinned_at(servers).unwrap_or_else(|_unreadable| servers.to_vec());
        let trust_file = self.trust.path().to_owned();
        let advice = failing::NewServerKey { pinned_at: &pinned_at, trust_file: &trust_file };
        self.fail(failing::Lobby::KeyChanged { reason, advice });
        self.give_up_lobby("its key changed");
    }

    /// Reports the texts and questions that wait for the lobby and its rooms.
    fn give_up_lobby(&mut self, reason: &str) {
        self.lobby_down(reason);
        let Some(ended) = self.lobby_ended else { return };
        let rooms: Vec<SessionId> = self.sessions.rooms().map(|(session, _)| session).collect();
        for session in std::iter::once(SessionId::LOBBY).chain(rooms) {
            let texts = self.ledger.take_session(session);
            self.report_unanswered(texts, &Unsent::LobbyEnded(ended));
        }
        for command in self.acts.take_all() {
            self.fail(Failure::from(failing::Lobby::Ended(ended)).of_command(command));
        }
    }

    /// Returns why something that needs the lobby cannot be done while its link is down.
    pub(super) fn why_down(&self) -> failing::Lobby<'static> {
        self.lobby_ended.map_or(failing::Lobby::Down, failing::Lobby::Ended)
    }

    /// Returns why a question to the lobby is not answered, when its link has gone down.
    pub(super) fn went_down(&self) -> failing::Lobby<'static> {
        self.lobby_ended.map_or(failing::Lobby::WentDown, failing::Lobby::Ended)
    }
}
