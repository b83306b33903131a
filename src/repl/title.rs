//! The terminal's title while this program has it: set, given back on every way out, and set again after something else
//! has had the terminal. Owns the sequences; what the title says is the caller's, who has made it harmless.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Keeps the title there is, on terminals that can.
const KEEP: &str = "\x1b[22;2t";

/// No title, and then the one that was kept: a terminal that keeps none at least does not tell what is not so.
const GIVE_BACK: &str = "\x1b]2;\x07\x1b[23;2t";

/// The title that stands on the terminal; nothing while it is not ours.
static TITLE: Mutex<Option<String>> = Mutex::new(None);

/// What sets another title, or gives the old one back; nothing where that is so already.
pub(super) fn change(title: Option<String>) -> String {
    let mut standing = standing();
    let sequence = match (standing.as_deref(), title.as_deref()) {
        (before, after) if before == after => String::new(),
        (None, Some(title)) => format!("{KEEP}{}", set(title)),
        (Some(_), Some(title)) => set(title),
        (_, None) => GIVE_BACK.to_owned(),
    };
    *standing = title;
    sequence
}

/// What gives the old title back for a while, or for good.
pub(super) fn give_back() -> &'static str {
    if standing().is_some() { GIVE_BACK } else { "" }
}

/// What sets the title anew after it was given back.
pub(super) fn again() -> String {
    standing().as_deref().map_or_else(String::new, |title| format!("{KEEP}{}", set(title)))
}

/// What sets the title anew after another program may have set its own.
pub(super) fn renew() -> String {
    standing().as_deref().map_or_else(String::new, set)
}

fn set(title: &str) -> String {
    format!("\x1b]2;{title}\x07")
}

fn standing() -> MutexGuard<'static, Option<String>> {
    TITLE.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One test, for there is one terminal.
    #[test]
    fn the_old_title_is_kept_once_and_given_back() {
        assert_eq!((give_back(), again().as_str(), renew().as_str()), ("", "", ""));
        assert_eq!(change(None), "");
        assert_eq!(change(Some("one".into())), "\x1b[22;2t\x1b]2;one\x07");
        assert_eq!(change(Some("one".into())), "");
        assert_eq!(change(Some("two".into())), "\x1b]2;two\x07");
        assert_eq!(give_back(), "\x1b]2;\x07\x1b[23;2t");
        assert_eq!(again(), "\x1b[22;2t\x1b]2;two\x07");
        assert_eq!(renew(), "\x1b]2;two\x07");
        assert_eq!(change(None), "\x1b]2;\x07\x1b[23;2t");
        assert_eq!((give_back(), again().as_str(), renew().as_str()), ("", "", ""));
    }
}
