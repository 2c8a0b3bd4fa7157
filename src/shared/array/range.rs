//! Which elements are meant, and what is said where there are none such.

use std::ops::{Bound as Edge, Range, RangeBounds};

use bytemuck::Pod;

use crate::error::{Error, ErrorKind, Result};

use super::Array;

impl<T: Pod> Array<T> {
    pub(super) fn range(&self, range: &impl RangeBounds<usize>) -> Result<Range<usize>> {
        let start = match range.start_bound() {
            Edge::Included(start) => Some(*start),
            Edge::Excluded(before) => before.checked_add(1),
            Edge::Unbounded => Some(0),
        };
        let end = match range.end_bound() {
            Edge::Included(last) => last.checked_add(1),
            Edge::Excluded(end) => Some(*end),
            Edge::Unbounded => Some(self.len()),
        };
        match (start, end) {
            (Some(start), Some(end)) if start <= end && end <= self.len() => Ok(start..end),
            (start, end) => {
                Err(self.no_range(start.unwrap_or(usize::MAX)..end.unwrap_or(usize::MAX)))
            }
        }
    }

    pub(super) fn range_of(&self, start: usize, len: usize) -> Result<Range<usize>> {
        self.range(&(start..start.saturating_add(len)))
    }

    #[cold]
    pub(super) fn no_element(&self, index: usize) -> Error {
        self.refuse(format_args!("reach element {index}"))
            .advise("the first element is 0")
    }

    #[cold]
    fn no_range(&self, range: Range<usize>) -> Error {
        let error = self.refuse(format_args!("reach elements {range:?}"));
        if range.start > range.end {
            error.advise("a range must not begin behind its end")
        } else {
            error.advise("a range ends with the last element, or before")
        }
    }

    #[cold]
    pub(super) fn other_length(&self, len: usize) -> Error {
        self.refuse(format_args!("copy {len} elements over all"))
            .advise("give as many as there are, or use copy_range_from")
    }

    fn refuse(&self, what: std::fmt::Arguments<'_>) -> Error {
        let doing = format!("{what} of {self:?}, which has {} elements", self.len());
        Error::new(ErrorKind::InvalidInput, doing)
    }
}
