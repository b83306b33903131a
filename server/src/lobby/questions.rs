//! Questions to the lobby: who is here, who is that, and introductions.

use hobnob_protocol::message::{Introduction, NoAnswerCode, ServerMessage};
use hobnob_protocol::name::{PairToken, UserName};
use tokio::time::Instant;

use super::{Lobby, LobbyCommand};
use crate::decide::ConnectionId;
use crate::decide::roster::Member;
use crate::rendezvous::{Meeting, Told};

impl Lobby {
    /// Answers a question, after the entries it came behind if its answer depends on them.
    pub(super) fn ask(&mut self, question: LobbyCommand) {
        let kept = self.gathered.keep(question).or_else(|question| match &mut self.open {
            Some(open) => open.later.keep(question),
            None => Err(question),
        });
        if let Err(question) = kept {
            self.reply(question);
        }
    }

    /// Answers a question as things are.
    pub(super) fn reply(&mut self, question: LobbyCommand) {
        match question {
            LobbyCommand::Users { from, request, room: None } => self.users(from, request),
            LobbyCommand::Users { from, request, room: Some(room) } => {
                self.users_of_room(from, request, &room)
            }
            LobbyCommand::Rooms { from, request } => self.list_rooms(from, request),
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

    /// Introduces two users to each other, for a new session or to rebuild `session`.
    pub(super) fn pair(
        &mut self,
        from: ConnectionId,
        request: u32,
        name: UserName,
        session: Option<PairToken>,
        read: u64,
    ) {
        let Some(asker) = self.machine.roster().member(from) else { return };
        let Some((to, other)) = self.machine.roster().by_name(&name) else {
            return self.tell(from, &ServerMessage::NoSuchUser { request, name });
        };
        if asker.key == other.key {
            let code = NoAnswerCode::Yourself;
            return self.tell(from, &ServerMessage::NoAnswer { request, code });
        }
        let now = Instant::now();
        let busy = ServerMessage::NoAnswer { request, code: NoAnswerCode::Busy };
        if !self.rendezvous.may_ask(asker.key, other.key, now) {
            return self.tell(from, &busy);
        }
        if to.server() != self.server {
            return self.pair_elsewhere((from, request), to, session, read);
        }
        let parties = ((asker.key, asker.run), (other.key, other.run));
        let meeting = match session {
            Some(session) => Meeting { session, forked: true, tell_other: true },
            None => {
                let read = Told { connection: from, number: read };
                let token = self.tokens.make(&asker.key, &other.key);
                self.rendezvous.fork(parties.0, parties.1, read, token, now)
            }
        };
        let is_new = session.is_none() && meeting.forked;
        let answer = introduction(Some(request), &meeting, other, meeting.forked);
        let word = introduction(None, &meeting, asker, !meeting.forked);
        if meeting.tell_other
            && let Some(seat) = self.seats.get(&to)
        {
            match seat.outlet.introduce(word) {
                Some(number) if is_new => {
                    self.rendezvous.told(parties.0, parties.1, Told { connection: to, number });
                }
                Some(_) => {}
                None => {
                    if is_new {
                        self.rendezvous.withdraw(parties.0, parties.1);
                    }
                    return self.tell(from, &busy);
                }
            }
        }
        self.tell(from, &ServerMessage::Introduced(answer));
    }
}

fn introduction(request: Option<u32>, meeting: &Meeting, other: &Member, forked: bool) -> Introduction {
    Introduction {
        request,
        session: meeting.session,
        name: (*other.name).clone(),
        key: other.key,
        candidates: other.candidates.clone(),
        // Both are at this server.
        relay: None,
        forked,
    }
}
