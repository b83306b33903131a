//! The links of the private sessions: which session is carried by which link, and what waits for a link that is not
//! there yet. It knows nothing of screens; `client/private` decides what an introduction or an event means.

use std::collections::{HashMap, VecDeque};

use hobnob_protocol::message::Introduction;
use hobnob_protocol::name::{PairToken, PublicKey, Text, UserName};
use hobnob_protocol::verification::VerifyMessage;
use thiserror::Error;

use crate::peer::{Familiarity, PeerLinkHandle, PeerNetwork, SayError, TooManyLinks};
use crate::session::SessionId;
use crate::session::link_id::LinkId;
use crate::timestamp::now;

/// Texts that may wait for an introduction, which takes a second or fails.
const MAX_EARLY_TEXTS: usize = 1000;

/// Tokens of sessions that are over. A server that brings one again means nothing good.
const ENDED_KEPT: usize = 1000;

/// Why a text cannot be taken for a private session now.
#[derive(Debug, Error)]
pub enum NotTaken {
    /// The session's link does not take it.
    #[error(transparent)]
    Link(#[from] SayError),
    /// As much waits for the session to open as may.
    #[error("too much waits for the session to open")]
    NotOpenYet,
}

/// One private session's way to its peer.
#[derive(Debug, Default)]
struct PrivateLink {
    link: Option<(LinkId, PeerLinkHandle)>,
    token: Option<PairToken>,
    /// Texts said before the introduction came, with their numbers and times.
    early: Vec<(u64, Text, u64)>,
    leaving: bool,
    /// The command that asked for it.
    opened_by: Option<&'static str>,
}

/// A session the other side is opening; it has no number before it is up.
#[derive(Debug)]
pub(crate) struct Inbound {
    /// Who, with which key.
    pub introduction: Introduction,
    handle: PeerLinkHandle,
}

/// All links of private sessions.
#[derive(Debug, Default)]
pub struct PrivateLinks {
    network: Option<PeerNetwork>,
    last_link: u32,
    links: HashMap<SessionId, PrivateLink>,
    sessions: HashMap<LinkId, SessionId>,
    inbound: HashMap<LinkId, Inbound>,
    ended: VecDeque<PairToken>,
}

impl PrivateLinks {
    /// Links over this network.
    #[must_use]
    pub fn new(network: PeerNetwork) -> Self {
        Self { network: Some(network), ..Self::default() }
    }

    /// Hands a text to the session's link, or keeps it until there is a link.
    ///
    /// # Errors
    /// When it cannot be taken, because too much waits already.
    pub fn say(&mut self, session: SessionId, id: u64, text: Text) -> Result<(), NotTaken> {
        let at = now().0;
        let private = self.links.entry(session).or_default();
        match &private.link {
            Some((_, link)) => Ok(link.say(id, text, at)?),
            None if private.early.len() < MAX_EARLY_TEXTS => {
                private.early.push((id, text, at));
                Ok(())
            }
            None => Err(NotTaken::NotOpenYet),
        }
    }

    /// A session that is to be opened was asked for by this command.
    pub fn opens_for(&mut self, session: SessionId, command: &'static str) {
        self.links.entry(session).or_default().opened_by = Some(command);
    }

    /// The command that asked for a session; none where nobody here did.
    #[must_use]
    pub fn opened_by(&self, session: SessionId) -> Option<&'static str> {
        self.links.get(&session)?.opened_by
    }

    /// Opens the link of one of this user's own forks.
    ///
    /// # Errors
    /// When there are too many links.
    pub fn open(&mut self, session: SessionId, introduction: &Introduction) -> Result<(), TooManyLinks> {
        if let Some((id, handle)) = self.make_link(introduction, Familiarity::Known)? {
            self.attach(session, id, handle, introduction.session);
        }
        Ok(())
    }

    /// Opens the link of a session that the other side is opening.
    ///
    /// # Errors
    /// When there are too many links; the other side is told that the session is not taken.
    pub fn open_inbound(
        &mut self,
        introduction: Introduction,
        familiarity: Familiarity,
    ) -> Result<(), TooManyLinks> {
        if let Some((id, handle)) = self.make_link(&introduction, familiarity)? {
            self.inbound.insert(id, Inbound { introduction, handle });
        }
        Ok(())
    }

    /// This user has answered whoever opened the session: it is no stranger's any more.
    pub fn acquaint(&self, session: SessionId) {
        if let Some((_, link)) = self.links.get(&session).and_then(|private| private.link.as_ref()) {
            link.acquaint();
        }
    }

    /// Opens nothing: the other side, which dials by now, is told at once that its session is not taken.
    pub fn refuse(&mut self, introduction: &Introduction) {
        if let Some(network) = &self.network {
            network.refuse(introduction);
        }
        self.note_ended(introduction.session);
    }

    /// Whether the session of this token is over.
    #[must_use]
    pub fn has_ended(&self, token: &PairToken) -> bool {
        self.ended.contains(token)
    }

    /// Who is opening a session over this link.
    #[must_use]
    pub fn inbound(&self, link: LinkId) -> Option<&Introduction> {
        self.inbound.get(&link).map(|inbound| &inbound.introduction)
    }

    /// The link by which somebody of this name is opening a session.
    #[must_use]
    pub fn inbound_named(&self, name: &UserName) -> Option<LinkId> {
        self.inbound.iter().find(|(_, inbound)| inbound.introduction.name == *name).map(|(link, _)| *link)
    }

    /// The link by which this client, one of those its user may have, is opening a session.
    #[must_use]
    pub fn inbound_from(&self, key: &PublicKey, name: &UserName) -> Option<LinkId> {
        let is_it = |it: &Introduction| it.key == *key && it.name == *name;
        self.inbound.iter().find(|(_, inbound)| is_it(&inbound.introduction)).map(|(link, _)| *link)
    }

    /// A session the other side opened has its number now; what waited in it goes out.
    pub fn adopt(&mut self, link: LinkId, session: SessionId) {
        if let Some(Inbound { introduction, handle }) = self.inbound.remove(&link) {
            self.attach(session, link, handle, introduction.session);
        }
    }

    /// Fresh addresses for a session the other side is opening. False when it is another session.
    pub fn offer_inbound(&self, link: LinkId, introduction: &Introduction) -> bool {
        let same =
            self.inbound.get(&link).filter(|inbound| inbound.introduction.session == introduction.session);
        if let Some(inbound) = same {
            inbound.handle.introduced(introduction);
        }
        same.is_some()
    }

    /// Forgets a session that the other side was opening, and ends its link.
    pub fn drop_inbound(&mut self, link: LinkId) {
        if let Some(inbound) = self.inbound.remove(&link) {
            inbound.handle.leave();
            self.note_ended(inbound.introduction.session);
        }
    }

    /// Which session a link carries.
    #[must_use]
    pub fn session_of(&self, link: LinkId) -> Option<SessionId> {
        self.sessions.get(&link).copied()
    }

    /// The session this token was given to.
    #[must_use]
    pub fn with_token(&self, token: &PairToken) -> Option<SessionId> {
        self.links
            .iter()
            .find(|(_, private)| private.token.as_ref() == Some(token))
            .map(|(session, _)| *session)
    }

    /// The token of a session.
    #[must_use]
    pub fn token(&self, session: SessionId) -> Option<PairToken> {
        self.links.get(&session)?.token
    }

    /// Whether a session has a link, up or not.
    #[must_use]
    pub fn has_link(&self, session: SessionId) -> bool {
        self.links.get(&session).is_some_and(|private| private.link.is_some())
    }

    /// Hands fresh addresses to a session's link, which dials them while it is rebuilt.
    pub fn offer(&self, session: SessionId, introduction: &Introduction) {
        if let Some((_, link)) = self.links.get(&session).and_then(|private| private.link.as_ref()) {
            link.introduced(introduction);
        }
    }

    /// Tells a session's link that the other's text with this number has been shown, so that it acknowledges it.
    pub fn shown(&self, session: SessionId, number: u64) {
        if let Some((_, link)) = self.links.get(&session).and_then(|private| private.link.as_ref()) {
            link.shown(number);
        }
    }

    /// Hands a session's link all that this side has said in the present verification of keys.
    pub fn verify(&self, session: SessionId, said: Vec<VerifyMessage>) {
        if let Some((_, link)) = self.links.get(&session).and_then(|private| private.link.as_ref()) {
            link.verify(said);
        }
    }

    /// This user's own key, which all links have; none once the network is closed.
    #[must_use]
    pub fn own_key(&self) -> Option<PublicKey> {
        self.network.as_ref().map(PeerNetwork::own_key)
    }

    /// Ends a session. Returns false when the session has no link yet, so that no event will follow.
    pub fn leave(&mut self, session: SessionId) -> bool {
        let Some(private) = self.links.get_mut(&session) else { return false };
        private.leaving = true;
        match &private.link {
            Some((_, link)) => {
                link.leave();
                true
            }
            None => false,
        }
    }

    /// Whether this user has ended a session.
    #[must_use]
    pub fn is_leaving(&self, session: SessionId) -> bool {
        self.links.get(&session).is_some_and(|private| private.leaving)
    }

    /// Forgets a session that is over.
    pub fn remove(&mut self, session: SessionId) {
        if let Some(PrivateLink { link: Some((id, handle)), token, .. }) = self.links.remove(&session) {
            self.sessions.remove(&id);
            // Has no effect on a link that is over already.
            handle.leave();
            token.into_iter().for_each(|token| self.note_ended(token));
        }
    }

    fn note_ended(&mut self, token: PairToken) {
        if self.ended.len() == ENDED_KEPT {
            self.ended.pop_front();
        }
        self.ended.push_back(token);
    }

    /// Takes the network out, to close it.
    pub fn take_network(&mut self) -> Option<PeerNetwork> {
        self.network.take()
    }

    /// None once the network is closed.
    fn make_link(
        &mut self,
        introduction: &Introduction,
        familiarity: Familiarity,
    ) -> Result<Option<(LinkId, PeerLinkHandle)>, TooManyLinks> {
        self.last_link += 1;
        let id = LinkId(self.last_link);
        let Some(network) = &self.network else { return Ok(None) };
        Ok(Some((id, network.open(id, introduction, familiarity)?)))
    }

    fn attach(&mut self, session: SessionId, id: LinkId, handle: PeerLinkHandle, token: PairToken) {
        let private = self.links.entry(session).or_default();
        for (text_id, text, at) in private.early.drain(..) {
            // The link's outbox takes as many texts as may have waited here.
            let _fits = handle.say(text_id, text, at);
        }
        private.link = Some((id, handle));
        private.token = Some(token);
        self.sessions.insert(id, session);
    }
}
