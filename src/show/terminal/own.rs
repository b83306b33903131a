//! What this user said, as it stands on a terminal afterwards: with its time and name as others' messages
//! have them, and in private with whom it is for. Broken at the terminal's edge, as the editor broke it.

use hobnob_protocol::name::UserName;
use nu_ansi_term::{Color, Style};

use super::super::Mode;
use super::super::harmless::harmless;
use super::TerminalForm;
use crate::config::preferences::Times;
use crate::timestamp::Timestamp;

/// How times are written, as `strftime` takes it; nothing where none are wanted.
#[must_use]
pub const fn time_form(times: Times) -> Option<&'static str> {
    match times {
        Times::Off => None,
        Times::Short => Some("%H:%M"),
        Times::Long => Some("%H:%M:%S"),
    }
}

/// What stands between the time and the text, without colour and with it.
#[must_use]
pub fn head(own: &UserName, to: Option<(Mode, &str)>) -> (String, String) {
    let styled = Style::new().bold().paint(own.as_str());
    let Some((mode, peer)) = to else { return (format!("{own}: "), format!("{styled}: ")) };
    let (to, private) = (format!("{} {peer} <", mode.prefix()), Color::Magenta.bold());
    (format!("{to}{own}> "), format!("{}{styled}{}", private.paint(to.as_str()), private.paint("> ")))
}

impl TerminalForm {
    /// A text of this user's that was said then; nothing before it is known who that is.
    #[must_use]
    pub fn said(&self, to: Option<(Mode, &str)>, text: &str, at: Option<Timestamp>) -> Option<String> {
        let (raw, styled) = head(self.own.as_ref()?, to);
        let time = match (time_form(self.preferences.times), at) {
            (Some(form), Some(at)) => format!("{} ", self.local(at).strftime(form)),
            _ => String::new(),
        };
        let head = if self.color { styled } else { raw };
        Some(format!("{}{head}{}\n", self.paint(Style::new().dimmed(), &time), harmless(text, "")))
    }
}
