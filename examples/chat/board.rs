//! What all in the room see: plain data, which a [`outlive::Value`] can hold.

use std::fmt;
use std::process::id;

use bytemuck::{Pod, Zeroable};
use outlive::segment::Participant;

/// What was said last, and who is here.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
pub(crate) struct Board {
    /// Lines that were ever said.
    pub(crate) count: u64,
    /// The last of them.
    lines: [Line; 64],
    pub(crate) guests: [Guest; 32],
}

impl Board {
    pub(crate) fn push(&mut self, line: Line) {
        self.lines[place(self.count)] = line;
        self.count += 1;
    }

    /// The lines that were said after the first `seen`, as far as they are still here.
    pub(crate) fn since(&self, seen: u64) -> impl Iterator<Item = &Line> {
        let first = seen.max(self.count.saturating_sub(64));
        (first..self.count).map(|number| &self.lines[place(number)])
    }

    /// Lets this process in, if there is a chair, and nobody of that name.
    pub(crate) fn seat(&mut self, name: &str) -> bool {
        let guest = Guest {
            pid: id(),
            name: Name::new(name),
        };
        let is_here = |other: &Guest| other.pid != 0 && other.name == guest.name;
        if self.guests.iter().any(is_here) {
            return false;
        }
        let Some(chair) = self.guests.iter_mut().find(|chair| chair.pid == 0) else {
            return false;
        };
        *chair = guest;
        self.push(Line::new(0, &format!("* {name} comes in")));
        true
    }

    /// Tells of the guests who are `gone` what became of them, and frees their chairs.
    pub(crate) fn dismiss(&mut self, gone: impl Fn(&Guest) -> bool, what: &str) {
        for at in 0..self.guests.len() {
            let guest = self.guests[at];
            if guest.pid != 0 && gone(&guest) {
                self.guests[at] = Guest::zeroed();
                self.push(Line::new(0, &format!("* {} {what}", guest.name)));
            }
        }
    }
}

fn place(number: u64) -> usize {
    usize::try_from(number % 64).unwrap_or(0)
}

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
pub(crate) struct Guest {
    /// 0 where the chair is free.
    pub(crate) pid: u32,
    pub(crate) name: Name,
}

impl Guest {
    /// Whether it is one of `all`, and lives.
    pub(crate) fn is_among(&self, all: &[Participant]) -> bool {
        let is_it = |who: &Participant| who.pid == self.pid && Name::new(&who.label) == self.name;
        all.iter().any(|who| who.is_alive && is_it(who))
    }
}

pub(crate) type Name = Text<28>;

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
pub(crate) struct Line {
    /// Process id of who said it; 0 for what the room says.
    pub(crate) by: u32,
    pub(crate) text: Text<252>,
}

impl Line {
    pub(crate) fn new(by: u32, text: &str) -> Self {
        let text = Text::new(text);
        Self { by, text }
    }
}

/// Up to `N` bytes of text, with zeroes after it.
#[derive(Clone, Copy, PartialEq, Eq, Pod, Zeroable)]
#[repr(transparent)]
pub(crate) struct Text<const N: usize>([u8; N]);

impl<const N: usize> Text<N> {
    pub(crate) const MOST: usize = N;

    fn new(text: &str) -> Self {
        let mut bytes = [0; N];
        let len = text.floor_char_boundary(N);
        bytes[..len].copy_from_slice(&text.as_bytes()[..len]);
        Self(bytes)
    }
}

impl<const N: usize> fmt::Display for Text<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.split(|byte| *byte == 0).next();
        f.write_str(&String::from_utf8_lossy(text.unwrap_or_default()))
    }
}
