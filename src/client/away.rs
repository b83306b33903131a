//! Users who are away are announced where it matters: a person who forks or names such a user is told that he is away,
//! once an hour for each user. This file owns for whom that was told. The server knows who is away, and is asked each
//! time.

use std::collections::HashMap;
use std::time::Duration;

use hobnob_protocol::away::AwayText;
use hobnob_protocol::message::ClientMessage;
use hobnob_protocol::name::UserName;
use tokio::time::Instant;

use crate::client::State;
use crate::client::questions::Question;
use crate::session::LinkState;
use crate::show::{mention, saying};

/// After it was told that a user is away, it is not told again for this long.
const AGAIN_AFTER: Duration = Duration::from_secs(60 * 60);

/// How many users are remembered; nobody names more within an hour.
const MOST_TOLD: usize = 1000;

/// For how many users named in one text the server is asked. A text that names more speaks about them and not to them.
const MOST_ASKED: usize = 3;

/// For which users it was told that they are away, and when.
#[derive(Debug, Default)]
pub(crate) struct AwayTold {
    at: HashMap<UserName, Instant>,
}

impl AwayTold {
    fn is_due(&self, name: &UserName, now: Instant) -> bool {
        self.at.get(name).is_none_or(|at| now.duration_since(*at) >= AGAIN_AFTER)
    }

    fn told(&mut self, name: UserName, now: Instant) {
        if self.at.len() >= MOST_TOLD {
            self.at.retain(|_, at| now.duration_since(*at) < AGAIN_AFTER);
        }
        if self.at.len() < MOST_TOLD {
            self.at.insert(name, now);
        }
    }
}

impl State {
    /// Asks whether the users named in a text are away, because this user says the text in the lobby.
    pub(crate) fn ask_after_named(&mut self, text: &str) {
        if !self.screen.is_terminal() {
            return;
        }
        let known = |name: &UserName| self.known_names.contains(name) && *name != self.me.name;
        let mut named: Vec<UserName> = mention::names(text).filter(known).take(MOST_ASKED).collect();
        named.dedup();
        named.iter().for_each(|name| self.ask_after(name));
    }

    /// Asks whether a user is away, because this user wants to talk to him.
    pub(crate) fn ask_after(&mut self, name: &UserName) {
        let is_up = self.sessions.lobby_state() == LinkState::Up;
        if self.screen.is_terminal() && is_up && self.away_told.is_due(name, Instant::now()) {
            let request = self.questions.ask(Question::Away, None);
            self.lobby.ask(ClientMessage::Whois { request, name: name.clone() });
        }
    }

    /// Takes the server's answer whether a user is away.
    pub(crate) fn answered_after(&mut self, name: UserName, away: Option<AwayText>) {
        let now = Instant::now();
        let Some(why) = away.filter(|_| self.away_told.is_due(&name, now)) else { return };
        self.emit(saying::Lobby::IsAway { name: &name, why: why.as_str() }.into());
        self.away_told.told(name, now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_absence_is_told_once_an_hour_and_the_remembered_names_are_bounded() {
        let mut told = AwayTold::default();
        let (bobby, now) = ("bobby".parse().unwrap(), Instant::now());
        assert!(told.is_due(&bobby, now));
        told.told(bobby.clone(), now);
        assert!(!told.is_due(&"BOBBY".parse().unwrap(), now + AGAIN_AFTER / 2));
        assert!(told.is_due(&bobby, now + AGAIN_AFTER));
        (0..2 * MOST_TOLD).for_each(|number| told.told(format!("user{number}").parse().unwrap(), now));
        assert_eq!(told.at.len(), MOST_TOLD);
    }
}
