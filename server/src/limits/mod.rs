//! How often somebody may do something: a rate ([`rate`]), a rate that many share ([`shared_rate`]), or how often each of
//! many keys or addresses may ([`allowance`]). All are token buckets that are told the time. They know nothing of what is
//! limited.

pub(crate) mod allowance;
pub(crate) mod rate;
pub(crate) mod shared_rate;
