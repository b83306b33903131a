//! The limit of texts, and of topics in rooms, in a slow lobby: each key that is no operator's may say one in a number of
//! seconds. Only this server knows when a key last spoke to it, so that is checked here, before the order; how slow the
//! lobby is was decided by the order. A server that starts anew has forgotten when keys spoke, and everybody may speak at
//! once.

use std::collections::HashMap;
use std::time::Duration;

use hobnob_protocol::key::PublicKey;
use hobnob_protocol::message::{NotAccepted, NotAcceptedCode, ServerMessage};
use hobnob_protocol::room::RoomName;
use tokio::time::Instant;

use super::Lobby;
use crate::decide::ConnectionId;

/// For how many keys the last text is remembered. When the limit is reached, keys that have waited long enough are
/// forgotten. If there are none, all keys are forgotten; then some may speak too early once, which is better than
/// unbounded memory.
const MAX_KEYS: usize = 16 * 1024;

/// When each key last said something while the lobby was slow.
#[derive(Debug, Default)]
pub(super) struct LastTexts(HashMap<PublicKey, Instant>);

impl LastTexts {
    /// A key wants to say something. If it may, that is noted as its last text.
    ///
    /// # Errors
    /// Fails with the number of seconds for which the key has to wait.
    fn speak(&mut self, key: PublicKey, pause: Duration, now: Instant) -> Result<(), u32> {
        if let Some(ready) = self.0.get(&key).map(|last| *last + pause).filter(|ready| *ready > now) {
            let wait = (ready - now).as_millis().div_ceil(1000);
            return Err(u32::try_from(wait).unwrap_or(u32::MAX));
        }
        if self.0.len() >= MAX_KEYS {
            self.0.retain(|_, last| *last + pause > now);
            if self.0.len() >= MAX_KEYS {
                self.0.clear();
            }
        }
        self.0.insert(key, now);
        Ok(())
    }
}

impl Lobby {
    /// Whether a text may be proposed. If not, its author is told so. A text that has a number already gets its answer,
    /// however slow the lobby is.
    pub(super) fn is_slow_enough(&mut self, from: ConnectionId, id: u64, room: Option<&RoomName>) -> bool {
        let rules = self.machine.rules();
        let pause = Duration::from_secs(rules.slow().into());
        let Some(key) = self.machine.roster().member(from).map(|member| member.key) else { return true };
        if pause.is_zero() || rules.is_operator(&key) || self.machine.is_known(from, id, room) {
            return true;
        }
        let Err(wait) = self.last_texts.speak(key, pause, Instant::now()) else { return true };
        let (code, wait) = (NotAcceptedCode::Slow, Some(wait));
        let answer = NotAccepted { id, code, wait, by: None, reason: None, until: None };
        self.tell(from, &ServerMessage::NotAccepted(answer));
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAUSE: Duration = Duration::from_secs(30);

    fn key(number: u64) -> PublicKey {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&number.to_be_bytes());
        PublicKey::new(bytes)
    }

    #[test]
    fn each_key_speaks_once_in_the_pause_and_is_told_how_long_to_wait() {
        let (mut texts, now) = (LastTexts::default(), Instant::now());
        assert_eq!(texts.speak(key(1), PAUSE, now), Ok(()));
        assert_eq!(texts.speak(key(1), PAUSE, now + Duration::from_millis(9_500)), Err(21));
        assert_eq!(texts.speak(key(2), PAUSE, now), Ok(()), "another's pause is another");
        assert_eq!(texts.speak(key(1), PAUSE, now + PAUSE), Ok(()), "what was refused does not count");
        assert_eq!(texts.speak(key(1), PAUSE, now + PAUSE), Err(30));
    }

    #[test]
    fn the_number_of_remembered_keys_is_bounded() {
        let (mut texts, now) = (LastTexts::default(), Instant::now());
        for number in 0..3 * MAX_KEYS as u64 {
            assert_eq!(texts.speak(key(number), PAUSE, now), Ok(()));
            assert!(texts.0.len() <= MAX_KEYS);
        }
        assert_eq!(texts.speak(key(0), PAUSE, now + PAUSE), Ok(()));
    }
}
