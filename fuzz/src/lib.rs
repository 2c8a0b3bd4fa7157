//! What the targets share: a segment whose bytes somebody else writes as he likes.

pub mod hostile;
pub mod limits;
