//! The title of the terminal while this program runs. It is set, given back whenever the program ends, and set again
//! after something else has had the terminal. This file owns the sequences. The caller decides what the title says, and
//! has made it harmless.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Makes the terminal remember its title, if it is able to.
const KEEP: &str = "\x1b[22;2t";

/// Removes the title, and then brings back the remembered one. A terminal that cannot remember a title then at least
/// shows no wrong one.
const GIVE_BACK: &str = "\x1b]2;\x07\x1b[23;2t";

/// The title that this program has set; `None` while it has set none.
static TITLE: Mutex<Option<String>> = Mutex::new(None);

/// Returns the sequence that sets another title or gives the old one back. It is empty if nothing has to change.
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

/// Returns the sequence that gives the old title back, for a while or for good.
pub(super) fn give_back() -> &'static str {
    if standing().is_some() { GIVE_BACK } else { "" }
}

/// Returns the sequence that sets the title again after it was given back.
pub(super) fn again() -> String {
    standing().as_deref().map_or_else(String::new, |title| format!("{KEEP}{}", set(title)))
}

/// Returns the sequence that sets the title again after another program may have changed it.
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

    /// This is a single test, because there is only one terminal.
    #[test]
    fn the_old_title_is_remembered_once_and_given_back() {
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
