//! Whom a word of the segment names.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use crate::raw::Token;
use crate::segment::Glance;

/// A participant that has something or waits for it, dead or alive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Who {
    /// Process id, in the process's own process-id namespace; 0 where nothing is known of it any
    /// more.
    pub pid: u32,
    /// What the process calls itself.
    pub label: String,
    /// Whether it lives, by the kernel's word on its lease.
    pub is_alive: bool,
}

impl Who {
    pub(super) fn named(glance: &Glance, token: Token) -> Self {
        let known = glance.identity(token);
        Self {
            pid: known.pid,
            label: known.label,
            is_alive: glance.is_alive(token),
        }
    }
}

/// `label (pid)`, and whether it is dead.
impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.label, self.pid)?;
        f.write_str(if self.is_alive { "" } else { " dead" })
    }
}

/// A participant, and how many it has of something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Holder {
    /// Who.
    pub who: Who,
    /// How many permits, read guards, or messages.
    pub count: u64,
}

/// More than take part and have died since the last repair; garbage may name any number.
pub(super) const MOST: usize = 2 * crate::segment::MOST_PARTICIPANTS as usize;

/// How many each participant has.
#[derive(Debug, Default)]
pub(super) struct Tally(BTreeMap<u32, u64>);

impl Tally {
    pub(super) fn add(&mut self, token: Token, count: u64) {
        if self.0.len() == MOST && !self.0.contains_key(&token.bits()) {
            return;
        }
        let sum = self.0.entry(token.bits()).or_default();
        *sum = sum.saturating_add(count);
    }

    pub(super) fn holders(self, glance: &Glance) -> Vec<Holder> {
        let holder = |(bits, count)| {
            Some(Holder {
                who: Who::named(glance, Token::from_bits(bits)?),
                count,
            })
        };
        self.0.into_iter().filter_map(holder).collect()
    }
}
