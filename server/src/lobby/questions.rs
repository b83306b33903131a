//! Questions to the lobby: who is here, who a user is, which rooms, bans, mutes and operators there are.

use hobnob_protocol::message::ServerMessage;
use hobnob_protocol::name::UserName;

use super::{Lobby, LobbyCommand};
use crate::decide::ConnectionId;

impl Lobby {
    /// Answers a question. If its answer depends on entries that came before it, it is answered after they were
    /// applied.
    pub(super) fn ask(&mut self, question: LobbyCommand) {
        let kept = self.gathered.keep(question).or_else(|question| match &mut self.open {
            Some(open) => open.later.keep(question),
            None => Err(question),
        });
        if let Err(question) = kept {
            self.reply(question);
        }
    }

    /// Answers a question from the present state.
    pub(super) fn reply(&mut self, question: LobbyCommand) {
        match question {
            LobbyCommand::Users { from, request, room: None } => self.users(from, request),
            LobbyCommand::Users { from, request, room: Some(room) } => {
                self.users_of_room(from, request, &room)
            }
            LobbyCommand::Rooms { from, request } => self.list_rooms(from, request),
            LobbyCommand::Bans { from, request } => self.bans(from, request),
            LobbyCommand::Mutes { from, request } => self.mutes(from, request),
            LobbyCommand::Ops { from, request } => self.ops(from, request),
            LobbyCommand::Whois { from, request, name } => self.whois(from, request, name),
            _ => {}
        }
    }

    fn users(&mut self, from: ConnectionId, request: u32) {
        let present = self.machine.roster_mut().present();
        if let Some(seat) = self.seats.get(&from) {
            seat.outlet.users(request, present);
        }
    }

    fn whois(&self, from: ConnectionId, request: u32, name: UserName) {
        let answer = match self.machine.roster().by_name(&name) {
            Some((_, member)) => ServerMessage::Whois {
                request,
                name: (*member.name).clone(),
                key: member.key,
                since: member.since,
                away: member.away.clone(),
            },
            None => ServerMessage::NoSuchUser { request, name },
        };
        self.tell(from, &answer);
    }
}
