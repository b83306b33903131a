//! Which versions of NATS keep a stream alike on several nodes. Knows no node and no stream.
//!
//! A node that led the stream may have written a batch that it had not sent to any other node when it was killed. When
//! it comes back, it has to give that batch up. Nodes before 2.10.23 keep it in the place of a batch that the others
//! acknowledged meanwhile. From then on what a server reads depends on the node that it reads from, and when that node
//! is elected again, the acknowledged batch is lost. `a_node_gives_up_a_batch_that_no_majority_had` in `tests/order`
//! shows it.

/// The oldest version whose nodes still agree after some of them were killed.
pub const AGREES_FROM: &str = "2.10.23";

const FIRST: [u32; 3] = [2, 10, 23];

/// Returns whether nodes of this version may come to have different batches at the same place. A version that is not made of
/// numbers is taken for a current one.
#[must_use]
pub fn may_disagree(version: &str) -> bool {
    let numbers = version.split(['.', '-', '+']).take(FIRST.len()).map(str::parse);
    let Ok(numbers) = numbers.collect::<Result<Vec<u32>, _>>() else { return false };
    numbers.as_slice() < &FIRST[..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_versions_before_the_first_good_one_may_disagree() {
        for old in ["2.9.10", "2.9.25", "2.10.0", "2.10.22", "2.10.22-RC.3", "1.4.1", "2.10"] {
            assert!(may_disagree(old), "{old}");
        }
        for good in [AGREES_FROM, "2.10.26", "2.11.0-preview.2", "2.15.1", "3.0.0", "2.15.1+build", "dev", ""]
        {
            assert!(!may_disagree(good), "{good}");
        }
    }
}
