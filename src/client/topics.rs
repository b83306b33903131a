//! The topics of the lobby and of each room, as far as this run knows. This is plain data and does not know how a topic
//! is set.

use std::collections::HashMap;

use hobnob_protocol::name::UserName;

use crate::client::State;
use crate::session::SessionId;
use crate::show::{Notice, Repeated};

/// A topic, and who set it, if this run has seen that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Topic {
    /// The text of the topic.
    pub(crate) text: String,
    /// The user who set it.
    pub(crate) by: Option<UserName>,
}

/// The known topics, by session.
#[derive(Debug, Default)]
pub(crate) struct Topics {
    by_session: HashMap<SessionId, Topic>,
}

impl Topics {
    /// Notes a topic; an empty text removes it.
    fn set(&mut self, session: SessionId, text: &str, by: Option<UserName>) {
        if text.is_empty() {
            self.by_session.remove(&session);
        } else {
            self.by_session.insert(session, Topic { text: text.to_owned(), by });
        }
    }

    /// Forgets the topic of a session that is over.
    pub(crate) fn forget(&mut self, session: SessionId) {
        self.by_session.remove(&session);
    }
}

impl State {
    /// Takes the topic of the lobby or a room from the server, and shows it if there is one.
    pub(crate) fn topic_is(&mut self, session: SessionId, text: Option<&str>) {
        let text = text.unwrap_or_default();
        // The server does not tell here who set the topic. If the topic is the known one, what is known of who set it
        // stays.
        if self.topics.by_session.get(&session).is_some_and(|known| known.text == text) {
            return;
        }
        self.topics.set(session, text, None);
        if !text.is_empty() {
            self.show_topic(session);
        }
    }

    /// Notes that a user has set the topic.
    pub(crate) fn topic_set(&mut self, session: SessionId, text: &str, by: Option<UserName>) {
        self.topics.set(session, text, by.clone());
        let (room, text) = (self.room_of(session), text.to_owned());
        self.emit_repeated(Repeated::Topic, 1, Notice::Topic { session, room, text, by });
    }

    /// Shows the topic of the lobby or a room.
    pub(crate) fn show_topic(&mut self, session: SessionId) {
        let topic = self.topics.by_session.get(&session).cloned();
        let (text, by) = topic.map_or((String::new(), None), |Topic { text, by }| (text, by));
        let room = self.room_of(session);
        self.emit(Notice::Topic { session, room, text, by });
    }
}
