//! What the targets share: a segment whose bytes somebody else writes as he likes, and a deque as
//! every queue is to behave.

pub mod fifo;
pub mod hostile;
pub mod limits;
