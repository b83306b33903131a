//! Where a run begins, as `--since` says it: after which message of the lobby, and of each room. Knows nothing of what
//! comes after it.

use std::collections::HashMap;

use hobnob_protocol::room::RoomName;

use super::ConfigError;
use crate::cli::SinceOption;

/// After which messages a run begins.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Since {
    /// Of the lobby, where that is said.
    pub lobby: Option<u64>,
    /// Of rooms, once they are joined.
    pub rooms: HashMap<RoomName, u64>,
}

impl Since {
    /// What all these options say together.
    ///
    /// # Errors
    /// When two of them speak of one log.
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
    use super::*;

    fn of(options: &[&str]) -> Result<Since, ConfigError> {
        Since::of(options.iter().map(|option| option.parse().unwrap()).collect())
    }

    #[test]
    fn the_lobby_and_each_room_have_a_place_of_their_own() {
        let since = of(&["7", "tea=4", "#Dev=0"]).unwrap();
        assert_eq!(since.lobby, Some(7));
        assert_eq!(since.rooms.get(&"TEA".parse().unwrap()), Some(&4));
        assert_eq!(since.rooms.get(&"dev".parse().unwrap()), Some(&0));
        assert_eq!(of(&[]).unwrap(), Since::default());
    }

    #[test]
    fn one_place_twice_and_what_is_none_are_refused() {
        assert!(of(&["1", "2"]).is_err() && of(&["tea=1", "#TEA=1"]).is_err());
        for bad in ["", "x", "-1", "tea=", "tea", "=3", "a b=3", "tea=x", "##tea=3"] {
            assert!(bad.parse::<SinceOption>().is_err(), "{bad}");
        }
    }
}
