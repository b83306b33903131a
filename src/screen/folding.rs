//! Notices as rows of a terminal, with comings and goings that fall together in one of them: what a
//! running chat and a replayed one have in common. Is told the time and the columns; writes nowhere.

use tokio::time::Instant;

use crate::screen::presence::Presence;
use crate::show::Notice;
use crate::show::human::Shown;
use crate::show::terminal::TerminalForm;

/// A terminal's form, and who came and went and is not told of yet.
#[derive(Debug)]
pub struct Folding {
    /// How everything else is shown.
    pub form: TerminalForm,
    presence: Presence,
}

impl Folding {
    /// Nobody came or went yet.
    #[must_use]
    pub fn new(form: TerminalForm) -> Self {
        Self { form, presence: Presence::default() }
    }

    /// What was gathered and comes first, and the notice itself.
    pub fn show(&mut self, notice: &Notice, columns: usize, now: Instant) -> (Shown, Shown) {
        let folds = self.form.preferences.fold;
        let gathered = match notice {
            Notice::Joined { ignored: true, .. } | Notice::Left { ignored: true, .. } => {
                return (Shown::Nothing, Shown::Nothing);
            }
            Notice::Joined { name, room, .. }
                if folds && !self.presence.note(room.as_ref(), name, true, now) =>
            {
                return (Shown::Nothing, Shown::Nothing);
            }
            Notice::Left { name, room, .. }
                if folds && !self.presence.note(room.as_ref(), name, false, now) =>
            {
                return (Shown::Nothing, Shown::Nothing);
            }
            // Nothing is shown, so nothing has to come first.
            Notice::Message(message) if message.ignored => Shown::Nothing,
            // Who speaks is seen to come in first.
            Notice::Message(message) if !self.presence.holds(message.room.as_ref(), &message.from) => {
                Shown::Nothing
            }
            Notice::Joined { .. } | Notice::Left { .. } => Shown::Nothing,
            _ => self.gathered(columns),
        };
        (gathered, self.form.show(notice, columns))
    }

    /// All that is not told yet.
    pub fn gathered(&mut self, columns: usize) -> Shown {
        let line = self.presence.take();
        self.said(line, columns)
    }

    /// What is to be told by now.
    pub fn due(&mut self, columns: usize, now: Instant) -> Shown {
        let line = self.presence.due(now);
        self.said(line, columns)
    }

    /// When something is to be told by time alone.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.presence.deadline()
    }

    fn said(&self, line: Option<String>, columns: usize) -> Shown {
        line.map_or(Shown::Nothing, |line| Shown::Out(self.form.say(&line, columns)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::preferences::Preferences;

    #[test]
    fn names_that_share_a_line_are_not_broken_inside_one() {
        let today = jiff::Timestamp::UNIX_EPOCH;
        let form = TerminalForm::new(false, jiff::tz::TimeZone::UTC, Preferences::default(), today);
        let (mut folding, now) = (Folding::new(form), Instant::now());
        let names = ["bobby", "山田太郎山田", "佐藤花子佐藤花子", "鈴木一郎鈴木一", "田中美咲田中"];
        for name in names {
            let name = name.parse().unwrap();
            folding.show(&Notice::Joined { name, session: None, room: None, ignored: false }, 34, now);
        }
        let Shown::Out(shown) = folding.gathered(34) else { panic!("nothing was gathered") };
        for name in &names[1..] {
            assert!(shown.lines().any(|row| row.contains(name)), "{shown}");
        }
    }
}
