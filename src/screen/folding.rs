//! Turns notices into rows of a terminal, and shows comings and goings at about the same time in one row. A running
//! chat and a replayed one both use this. It is told the time and the number of columns, and it does not write
//! anywhere.

use tokio::time::Instant;

use crate::screen::presence::Presence;
use crate::show::Notice;
use crate::show::human::Shown;
use crate::show::terminal::TerminalForm;

/// The form of a terminal, together with the comings and goings that were not shown yet.
#[derive(Debug)]
pub struct Folding {
    /// The form in which everything else is shown.
    pub form: TerminalForm,
    presence: Presence,
}

impl Folding {
    /// Starts without any comings and goings.
    #[must_use]
    pub fn new(form: TerminalForm) -> Self {
        Self { form, presence: Presence::default() }
    }

    /// Returns what was gathered and has to be shown first, and then the notice itself.
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
            // Nothing is shown for this message, so nothing has to be shown before it.
            Notice::Message(message) if message.ignored => Shown::Nothing,
            // Gathered comings and goings are shown first only if the author is among them, so that nobody is seen to
            // speak before they came in.
            Notice::Message(message) if !self.presence.holds(message.room.as_ref(), &message.from) => {
                Shown::Nothing
            }
            Notice::Joined { .. } | Notice::Left { .. } => Shown::Nothing,
            _ => self.gathered(columns),
        };
        (gathered, self.form.show(notice, columns))
    }

    /// Returns everything that was gathered and not shown yet.
    pub fn gathered(&mut self, columns: usize) -> Shown {
        let line = self.presence.take();
        self.said(line, columns)
    }

    /// Returns what has to be shown by now.
    pub fn due(&mut self, columns: usize, now: Instant) -> Shown {
        let line = self.presence.due(now);
        self.said(line, columns)
    }

    /// Returns when something has to be shown even if no further notice arrives.
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
    fn no_name_is_broken_in_a_row_with_several_names() {
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
