//! The links of the private sessions: which link carries which session, and which texts wait for a link that does not
//! exist yet. This file knows nothing of screens; `client/private` decides what an introduction or an event means.

use std::collections::{HashMap, VecDeque};

use hobnob_protocol::ids::PairToken;
use hobnob_protocol::key::PublicKey;
use hobnob_protocol::message::Introduction;
use hobnob_protocol::name::UserName;
use hobnob_protocol::text::Text;
use hobnob_protocol::verification::VerifyMessage;
use thiserror::Error;

use crate::client::early_texts::{EarlyText, EarlyTexts, TooMuchWaits};
use crate::peer::{Familiarity, PeerLinkHandle, PeerNetwork, Receipt, SayError, TooManyLinks};
use crate::session::SessionId;
use crate::session::link_id::LinkId;
use crate::timestamp::now;

/// How many tokens of ended sessions are remembered. A server that brings such a token again is up to no good.
const ENDED_KEPT: usize = 1000;

/// Why a text cannot be taken for a private session now.
#[derive(Debug, Error)]
pub enum NotTaken {
    /// The link of the session does not take the text.
    #[error(transparent)]
    Link(#[from] SayError),
    /// As much waits for the session to open as may.
    #[error(transparent)]
    NotOpenYet(#[from] TooMuchWaits),
}

/// The way of one private session to its peer.
#[derive(Debug, Default)]
struct PrivateLink {
    link: Option<(LinkId, PeerLinkHandle)>,
    token: Option<PairToken>,
    /// The texts that were said before the introduction came.
    early: EarlyTexts,
    leaving: bool,
    /// The command that asked for the session.
    opened_by: Option<&'static str>,
}

/// A session that the other side is opening. It gets a number only when it is up.
#[derive(Debug)]
pub(crate) struct Inbound {
    /// The introduction, which says who the other side is and which key it has.
    pub introduction: Introduction,
    handle: PeerLinkHandle,
}

/// The links of all private sessions.
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
    /// Makes links over this network.
    #[must_use]
    pub fn new(network: PeerNetwork) -> Self {
        Self { network: Some(network), ..Self::default() }
    }

    /// Hands a text to the session's link, or keeps it until there is a link.
    ///
    /// # Errors
    /// Returns an error if too much waits already.
    pub fn say(&mut self, session: SessionId, id: u64, text: Text) -> Result<(), NotTaken> {
        let at = now().0;
        let private = self.links.entry(session).or_default();
        match &private.link {
            Some((_, link)) => Ok(link.say(id, text, at)?),
            None => Ok(private.early.take(EarlyText { id, text, at })?),
        }
    }

    /// Notes which command asked for this session, which is about to be opened.
    pub fn opens_for(&mut self, session: SessionId, command: &'static str) {
        self.links.entry(session).or_default().opened_by = Some(command);
    }

    /// Returns the command that asked for a session; `None` if nobody here asked for it.
    #[must_use]
    pub fn opened_by(&self, session: SessionId) -> Option<&'static str> {
        self.links.get(&session)?.opened_by
    }

    /// Opens the link for one of this user's own forks.
    ///
    /// # Errors
    /// Returns an error if there are too many links.
    pub fn open(&mut self, session: SessionId, introduction: &Introduction) -> Result<(), TooManyLinks> {
        if let Some((id, handle)) = self.make_link(introduction, Familiarity::Known)? {
            self.attach(session, id, handle, introduction.session);
        }
        Ok(())
    }

    /// Opens the link for a session that the other side is opening.
    ///
    /// # Errors
    /// Returns an error if there are too many links; the other side is told that the session is refused.
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

    /// Notes that this user has answered the user who opened the session, who is no stranger any more.
    pub fn acquaint(&self, session: SessionId) {
        if let Some((_, link)) = self.links.get(&session).and_then(|private| private.link.as_ref()) {
            link.acquaint();
        }
    }

    /// Refuses a session. The other side, which already dials, is told so at once.
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

    /// Returns the introduction of the user who is opening a session over this link.
    #[must_use]
    pub fn inbound(&self, link: LinkId) -> Option<&Introduction> {
        self.inbound.get(&link).map(|inbound| &inbound.introduction)
    }

    /// Returns the link by which a user of this name is opening a session.
    #[must_use]
    pub fn inbound_named(&self, name: &UserName) -> Option<LinkId> {
        self.inbound.iter().find(|(_, inbound)| inbound.introduction.name == *name).map(|(link, _)| *link)
    }

    /// Returns the link by which this client is opening a session; its user may have other clients.
    #[must_use]
    pub fn inbound_from(&self, key: &PublicKey, name: &UserName) -> Option<LinkId> {
        let is_it = |it: &Introduction| it.key == *key && it.name == *name;
        self.inbound.iter().find(|(_, inbound)| is_it(&inbound.introduction)).map(|(link, _)| *link)
    }

    /// Gives a session that the other side opened its number; texts that waited in it go out.
    pub fn adopt(&mut self, link: LinkId, session: SessionId) {
        if let Some(Inbound { introduction, handle }) = self.inbound.remove(&link) {
            self.attach(session, link, handle, introduction.session);
        }
    }

    /// Hands fresh addresses to a session that the other side is opening. Returns false if the introduction is for
    /// another session.
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

    /// Returns the session that a link carries.
    #[must_use]
    pub fn session_of(&self, link: LinkId) -> Option<SessionId> {
        self.sessions.get(&link).copied()
    }

    /// Returns the session with this token.
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

    /// Returns what is to be given when the other's text with this number has been shown, so that the session's link
    /// acknowledges it; `None` if the session has no link.
    #[must_use]
    pub fn receipt(&self, session: SessionId, number: u64) -> Option<Receipt> {
        let (_, link) = self.links.get(&session)?.link.as_ref()?;
        Some(link.receipt(number))
    }

    /// Hands a session's link all that this side has said in the present verification of keys.
    pub fn verify(&self, session: SessionId, said: Vec<VerifyMessage>) {
        if let Some((_, link)) = self.links.get(&session).and_then(|private| private.link.as_ref()) {
            link.verify(said);
        }
    }

    /// Returns this user's own key, which all links have; `None` when the network is closed.
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
            // This has no effect on a link that is already over.
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

    /// Removes and returns the network, so that it can be closed.
    pub fn take_network(&mut self) -> Option<PeerNetwork> {
        self.network.take()
    }

    /// Makes a link; `None` when the network is closed.
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
        for EarlyText { id: text_id, text, at } in private.early.drain() {
            // The outbox of a new link is empty, and no more waits here than it takes. If the link is over already, the
            // event that says so reports all texts of the session.
            let _fits = handle.say(text_id, text, at);
        }
        private.link = Some((id, handle));
        private.token = Some(token);
        self.sessions.insert(id, session);
    }
}
