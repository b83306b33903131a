//! How often somebody may do something: one connection ([`rate`]), or each of many keys or addresses ([`allowance`]).
//! Both are plain token buckets that are told the time. They know nothing of what is limited.

pub(crate) mod allowance;
pub(crate) mod rate;
