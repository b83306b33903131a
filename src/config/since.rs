//! After which messages a run begins, as the option `--since` says, for the lobby and for each room. This file knows
//! nothing of what is done with these numbers.

use std::collections::HashMap;

use hobnob_protocol::room::RoomName;

use super::ConfigError;
use crate::cli::SinceOption;

/// After which messages a run begins, for each log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Since {
    /// The number of a message in the lobby; `None` if the options say nothing about the lobby.
    pub lobby: Option<u64>,
    /// The number of a message in each room. It is used when the room is joined.
    pub rooms: HashMap<RoomName, u64>,
}

impl Since {
    /// Combines all `--since` options of a command line.
    ///
    /// # Errors
    /// Fails if two of the options are about the same log.
    pub(super) fn of(options: Vec<SinceOption>) -> Result<Self, ConfigError> {
        let mut since = Self::default();
        for SinceOption { room, seq } in options {
            let (before, log) = match room {
                None => (since.lobby.replace(seq), "the lobby".to_owned()),
                Some(room) => (since.rooms.insert(room.clone(), seq), format!("the room {room}")),
            };
            if before.is_some() {
                return Err(ConfigError::Value { what: "since", reason: format!("{log} is named twice") });
            }
        }
        Ok(since)
    }
}

#[cfg(test)]
mod tests {
    use hobnob_protocol::chain::Seq;

    use super::*;

    fn of(options: &[&str]) -> Result<Since, ConfigError> {
        Since::of(options.iter().map(|option| option.parse().unwrap()).collect())
    }

    #[test]
    fn since_options_set_a_number_for_the_lobby_and_for_each_room() {
        let since = of(&["7", "tea=4", "#Dev=0"]).unwrap();
        assert_eq!(since.lobby, Some(7));
        assert_eq!(since.rooms.get(&"TEA".parse().unwrap()), Some(&4));
        assert_eq!(since.rooms.get(&"dev".parse().unwrap()), Some(&0));
        assert_eq!(of(&[]).unwrap(), Since::default());
        let past_all = of(&["18446744073709551615"]).unwrap().lobby;
        assert_eq!(past_all, Some(Seq::MAX.0), "a server reads no higher number");
    }

    #[test]
    fn since_options_for_the_same_log_or_in_a_wrong_form_are_refused() {
        assert!(of(&["1", "2"]).is_err() && of(&["tea=1", "#TEA=1"]).is_err());
        for bad in ["", "x", "-1", "tea=", "tea", "=3", "a b=3", "tea=x", "##tea=3"] {
            assert!(bad.parse::<SinceOption>().is_err(), "{bad}");
        }
    }
}
