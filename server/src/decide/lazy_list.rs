//! A list that is written one item at a time, so that it never stands whole in memory in the form in which it is written.
//! Knows nothing of what is written.

use serde::{Serialize, Serializer};

/// Makes the items whenever they are written.
pub(super) struct LazyList<F>(pub(super) F);

impl<F, I> Serialize for LazyList<F>
where
    F: Fn() -> I,
    I: IntoIterator<Item: Serialize>,
{
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq((self.0)())
    }
}
