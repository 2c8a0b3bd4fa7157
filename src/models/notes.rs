//! What modelled processes saw, kept outside of the model.

use std::sync::{Arc as StdArc, Mutex as StdMutex};

/// What reached whom, kept outside of the model: a note is no step of anybody.
#[derive(Clone, Default)]
pub(crate) struct Notes(StdArc<StdMutex<Vec<u32>>>);

impl Notes {
    pub(crate) fn push(&self, item: u32) {
        self.0.lock().unwrap().push(item);
    }
    pub(crate) fn all(&self) -> Vec<u32> {
        self.0.lock().unwrap().clone()
    }
    pub(crate) fn except(&self, others: &[u32]) -> Vec<u32> {
        let mut all = self.all();
        all.retain(|item| !others.contains(item));
        all
    }
}

pub(crate) fn sorted(mut items: Vec<u32>) -> Vec<u32> {
    items.sort_unstable();
    items
}
