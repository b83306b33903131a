//! The number of a peer link. A link exists from the introduction on. The session on it gets a number of its own only
//! when it opens, so that an introduction that fails does not use up a number.

/// The number of a peer link, counted in this run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkId(pub u32);

impl std::fmt::Display for LinkId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "link {}", self.0)
    }
}
