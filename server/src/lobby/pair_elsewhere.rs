//! Introductions of two users who are on different servers. What they are told of each other goes from server to server
//! and never through the order, because addresses and tokens concern nobody else.
//!
//! When two forks cross, one server has to see both, or they would make two sessions. The server of the user with the
//! smaller key decides; the other server asks it, or is only told. Each server tells the other where it relays, so that
//! both name the same relay to their clients.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hobnob_protocol::candidate::Candidate;
use hobnob_protocol::ids::PairToken;
use hobnob_protocol::key::PublicKey;
use hobnob_protocol::message::{Introduction, NoAnswerCode, ServerMessage};
use hobnob_protocol::name::UserName;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::{Lobby, LobbyCommand};
use crate::decide::{ConnectionId, Party};
use crate::introductions::meeting_place::{AtServer, relay_for};
use crate::introductions::rendezvous::{Meeting, Told};
use crate::neighbour::{Answer, Asked, Asker, Met};

/// How long another server may take. Its client is only a message away, and the user who asks waits.
const ASK_LIMIT: Duration = Duration::from_secs(2);

/// An introduction for which another server was asked and has not answered yet.
#[derive(Debug)]
pub(crate) struct Elsewhere {
    from: ConnectionId,
    request: u32,
    /// The key of the asker.
    asker: PublicKey,
    /// The other user, as the asker will be told of him.
    name: UserName,
    key: PublicKey,
    to: ConnectionId,
    /// The two users, if a session was made here for this introduction.
    made: Option<(Party, Party)>,
}

impl Lobby {
    /// Introduces a client of this server to a client of another server, with the name and key that everybody sees.
    pub(super) fn pair_elsewhere(
        &mut self,
        (from, request): (ConnectionId, u32),
        to: ConnectionId,
        session: Option<PairToken>,
        read: u64,
    ) {
        let roster = self.machine.roster();
        let (Some(asker), Some(other)) = (roster.member(from), roster.member(to)) else { return };
        let parties = ((asker.key, asker.run), (other.key, other.run));
        let (name, key) = ((*other.name).clone(), other.key);
        let known = Asker {
            connection: from,
            request,
            session,
            name: (*asker.name).clone(),
            key: asker.key,
            run: asker.run,
            candidates: asker.candidates.to_vec(),
            read,
            relay: self.relay_address().cloned(),
        };
        let decides_here = session.is_none() && asker.key < other.key;
        let meeting = match session {
            Some(session) => Some(Meeting { session, forked: true, tell_other: true }),
            None if decides_here => {
                let (read, now) = (Told { connection: from, number: read }, Instant::now());
                let token = self.tokens.make(&asker.key, &other.key);
                Some(self.rendezvous.fork(parties.0, parties.1, read, token, now))
            }
            None => None,
        };
        let made =
            (decides_here && meeting.as_ref().is_some_and(|meeting| meeting.forked)).then_some(parties);
        let met = meeting.map(|Meeting { session, forked, tell_other }| Met { session, forked, tell_other });
        let elsewhere = Elsewhere { from, request, asker: parties.0.0, name, key, to, made };
        self.send_elsewhere(elsewhere, Asked::Pair { asker: Box::new(known), to, met });
    }

    fn send_elsewhere(&self, elsewhere: Elsewhere, question: Asked) {
        let Some(servers) = &self.servers else { return };
        let (neighbours, commands) = (Arc::clone(&servers.neighbours), servers.commands());
        tokio::spawn(async move {
            let answer = neighbours.ask(elsewhere.to.server(), question.to_bytes(), ASK_LIMIT).await;
            let answer = answer.ok().and_then(|answer| Answer::read(&answer)).map(Box::new);
            if let Some(commands) = commands.upgrade() {
                let _ending =
                    commands.send(LobbyCommand::Paired { elsewhere: Box::new(elsewhere), answer }).await;
            }
        });
    }

    /// The other server has answered, or has not answered in time.
    pub(super) fn paired(&mut self, elsewhere: Elsewhere, answer: Option<Answer>) {
        let Elsewhere { from, request, asker, name, key, to, made } = elsewhere;
        let code = match answer {
            Some(Answer::Paired { session, forked, candidates, number, relay }) => {
                if let (Some((asker, other)), Some(number)) = (made, number) {
                    self.rendezvous.told(asker, other, Told { connection: to, number });
                }
                let request = Some(request);
                let own = AtServer { key: asker, relay: self.relay_address() };
                let relay = relay_for(own, AtServer { key, relay: relay.as_ref() });
                let told = Introduction { request, session, name, key, candidates, relay, forked };
                return self.tell(from, &ServerMessage::Introduced(told));
            }
            Some(Answer::Gone) => {
                self.not_paired(made);
                return self.tell(from, &ServerMessage::NoSuchUser { request, name });
            }
            Some(Answer::Busy) => NoAnswerCode::Busy,
            Some(Answer::Alive | Answer::Messages { .. }) | None => NoAnswerCode::Silent,
        };
        self.not_paired(made);
        self.tell(from, &ServerMessage::NoAnswer { request, code });
    }

    /// Returns the address at which this server relays, if other servers can name one to their clients.
    fn relay_address(&self) -> Option<&Candidate> {
        self.advertised.first().filter(|_| self.relays)
    }

    /// Forgets the session that was made here.
    fn not_paired(&mut self, made: Option<(Party, Party)>) {
        if let Some((asker, other)) = made {
            self.rendezvous.withdraw(asker, other);
        }
    }

    /// Another server asks to introduce one of its clients to a client of this server.
    pub(super) fn pair_for(
        &mut self,
        asker: Asker,
        to: ConnectionId,
        met: Option<Met>,
        back: oneshot::Sender<Bytes>,
    ) {
        let _nobody_waits = back.send(self.introduce_for(asker, to, met).to_bytes());
    }

    fn introduce_for(&mut self, asker: Asker, to: ConnectionId, met: Option<Met>) -> Answer {
        let Some(seat) = self.seats.get(&to).filter(|seat| seat.entered && !seat.gone) else {
            return Answer::Gone;
        };
        let Some(other) = self.machine.roster().member(to) else { return Answer::Gone };
        let now = Instant::now();
        // Nobody is introduced to a user to whom he has not agreed.
        if !self.consents.take_agreement((asker.connection, asker.request), to, asker.session, now) {
            return Answer::Busy;
        }
        let parties = ((asker.key, asker.run), (other.key, other.run));
        let decides_here = met.is_none();
        let meeting = match met {
            Some(Met { session, forked, tell_other }) => Meeting { session, forked, tell_other },
            None => {
                let read = Told { connection: asker.connection, number: asker.read };
                let token = self.tokens.make(&asker.key, &other.key);
                self.rendezvous.fork(parties.0, parties.1, read, token, now)
            }
        };
        let here = self.relay_address().cloned();
        let own = AtServer { key: other.key, relay: here.as_ref() };
        let relay = relay_for(own, AtServer { key: asker.key, relay: asker.relay.as_ref() });
        let Asker { name, key, candidates, .. } = asker;
        let (session, forked, made) = (meeting.session, meeting.forked, decides_here && meeting.forked);
        let mut number = None;
        if meeting.tell_other {
            let word = Introduction { request: None, session, name, key, candidates, relay, forked: !forked };
            number = seat.outlet.introduce(word);
            match number {
                Some(number) if made => {
                    self.rendezvous.told(parties.0, parties.1, Told { connection: to, number });
                }
                Some(_) => {}
                None => {
                    self.not_paired(made.then_some(parties));
                    return Answer::Busy;
                }
            }
        }
        Answer::Paired { session, forked, candidates: other.candidates.to_vec(), number, relay: here }
    }
}
