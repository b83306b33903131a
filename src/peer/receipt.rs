//! Says that the user was shown a text of a private session. Whoever shows the text carries its receipt along and gives
//! it when that is done, from any thread. This file knows neither the link nor where texts are shown.

use std::fmt;
use std::sync::Arc;

use super::mailbox::Mailbox;

/// Stands for one text that is being shown, and for all texts of the same session before it.
pub struct Receipt {
    mailbox: Arc<Mailbox>,
    number: u64,
}

impl Receipt {
    pub(super) fn new(mailbox: Arc<Mailbox>, number: u64) -> Self {
        Self { mailbox, number }
    }

    /// Whether `later` is for a later text of the same session, so that this one need not be given.
    #[must_use]
    pub fn is_covered_by(&self, later: &Self) -> bool {
        Arc::ptr_eq(&self.mailbox, &later.mailbox) && self.number <= later.number
    }

    /// Notes that the text was shown, so that it may be acknowledged.
    pub fn give(self) {
        self.mailbox.show(self.number);
    }
}

#[cfg(test)]
impl Receipt {
    /// Makes the receipts of a session's first texts, and returns with them what tells the last number that was shown.
    pub(crate) fn of_first_texts(count: u64) -> (Vec<Self>, impl Fn() -> u64) {
        let mailbox = Arc::new(Mailbox::default());
        let receipts = (1..=count).map(|number| Self::new(Arc::clone(&mailbox), number)).collect();
        (receipts, move || mailbox.shown())
    }
}

impl fmt::Debug for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receipt").field("number", &self.number).finish_non_exhaustive()
    }
}
