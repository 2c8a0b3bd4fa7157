//! The ring of one producer and one consumer: one store publishes, one store consumes.
//!
//! Positions count items for ever and are masked at access. A slot is a *tag* and the payload next
//! to it, so that a consumer that polls the tag gets the payload with the same cache line.
//!
//! # States
//!
//! The tag of the slot of position `p`, seen by a consumer whose next boundary is `p`:
//!
//! | tag | meaning | who may change it, to what |
//! |---|---|---|
//! | `p + k`, `k` in `1..=capacity` | items `p..p + k` are published | the producer, a lap later |
//! | anything else | `p` is not published | the producer: `p + k`, after the `k` payloads |
//!
//! Tags inside a batch keep what they held: tags of earlier laps are at most `p`, so they never
//! look like a boundary. The *hold* of an end:
//!
//! | hold | meaning | who may change it, to what |
//! |---|---|---|
//! | 0 | never held | anyone: held; its maker, who gives it up unused: left |
//! | token | held | the owner: left; after its death anyone: held; the reaper: crashed |
//! | left | the last owner went in order | anyone: held |
//! | crashed | the last owner died | anyone: held |
//!
//! # Invariants
//!
//! 1. Slots, tags and the noted tail are written by the owner of the producer's end alone, the head
//!    by the owner of the consumer's end alone; an end changes hands by one compare-and-swap, from
//!    the dead or from nobody.
//! 2. The tail is noted after its batch is published and before the next one is. So the truth is
//!    the noted tail, or the end of the one batch that begins there.
//! 3. `head <= tail <= head + capacity`, so a slot is written only after it was consumed.
//! 4. Whoever sleeps says so in the other end's bell first; whoever publishes or consumes looks at
//!    its bell afterwards.
//!
//! # Memory orderings
//!
//! The tag is stored with Release, which publishes the batch's payloads, and loaded with Acquire.
//! The head is stored with Release, which says that the payloads were copied out, and loaded with
//! Acquire before the slots are written again. The noted tail is stored with Release and loaded
//! with Acquire, because it publishes to a new consumer what the tag publishes to the old one.
//! A hold is taken with Acquire and left with Release: the successor reads what the last owner
//! wrote. From the dead: the kernel orders their stores, see [`super::lock`].
//!
//! Invariant 4 is Dekker's: store, then load, on both sides. The side that works pays nothing but a
//! compiler fence; the one that goes to sleep pays [`Peers::fence_everywhere`]. Where there is no
//! such fence, sleeps keep to the shortest slice instead, so that a wake-up lost in a store buffer
//! costs one millisecond: a locked instruction per item, for kernels that the rest of the crate
//! hardly runs on, would cost everybody three times the whole operation.
//!
//! # If a process dies
//!
//! A producer before the store of the tag: the items never existed, and the next producer writes
//! over them. After it, before the tail is noted: invariant 2. A consumer before the store of the
//! head: the items are there for the next one. Between a store and the wake: the sleeper's slice
//! ends. The other end learns of the death once all that was published is consumed, or nothing
//! more can be published. Garbage in a position starts over at the head; garbage in a tag is an
//! item that never comes.

#[cfg(not(loom))]
mod counts;
mod ends;
#[cfg(not(loom))]
mod geometry;
#[cfg(loom)]
mod parts;
mod sleep;

pub(crate) use ends::AlreadyHeld;
#[cfg(not(loom))]
pub(crate) use geometry::{Geometry, payload};

use crate::sys::atomic::{AtomicU32, AtomicU64, Ordering};

/// What concerns both ends and hardly ever changes: both may look at it often.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Fixed {
    capacity: AtomicU64,
    item_size: AtomicU64,
    item_align: AtomicU64,
    producer: Post,
    consumer: Post,
    closed: AtomicU32,
    _rest: AtomicU32,
}

/// What concerns one end.
///
/// The bell is not in the line of the end's position: that line comes and goes with every look of
/// the other end, and a load from it would wait for it after every store, which nobody else does.
#[derive(Debug)]
#[repr(C)]
struct Post {
    hold: AtomicU32,
    /// Nonzero: the other end sleeps here, and this end wakes it.
    bell: AtomicU32,
}

/// One of the two ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Producer,
    Consumer,
}

impl End {
    /// As it is called in messages.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Producer => "producer",
            Self::Consumer => "consumer",
        }
    }

    /// The end at the other side.
    pub(crate) fn other(self) -> Self {
        match self {
            Self::Producer => Self::Consumer,
            Self::Consumer => Self::Producer,
        }
    }
}

/// Why a wait ended with nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stopped {
    TimedOut,
    /// Nothing more can come from the other end, or go to it.
    Disconnected {
        /// It was a death, and not a word.
        crashed: bool,
    },
}

/// Where the producer is; its own, so that no garbage can move it.
#[derive(Debug)]
pub(crate) struct Tail {
    position: u64,
    /// The position that the consumer has not freed yet, as last seen.
    limit: u64,
}

/// Where the consumer is; its own, so that no garbage can move it.
#[derive(Debug)]
pub(crate) struct Head {
    position: u64,
    /// The position up to which items are published, as last seen; always a boundary.
    published: u64,
}

impl Tail {
    /// The position of the next item.
    #[inline]
    pub(crate) fn position(&self) -> u64 {
        self.position
    }
}

impl Head {
    /// The position of the next item.
    #[inline]
    pub(crate) fn position(&self) -> u64 {
        self.position
    }
}

/// Looks at words that change under our hands, before they are called garbage.
const ROUNDS: u32 = 8;

/// A resident ring; its geometry was checked once and is not read again.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spsc<'a> {
    fixed: &'a Fixed,
    /// The tail as noted, in lines of its own.
    tail: &'a AtomicU64,
    /// In lines of its own.
    head: &'a AtomicU64,
    /// Tags and payloads, word by word.
    slots: &'a [AtomicU64],
    /// Words from one tag to the next.
    stride: usize,
    /// Capacity less one; the capacity is a power of two.
    mask: u64,
}

impl Spsc<'_> {
    /// Items that the ring holds at most.
    pub(crate) fn capacity(&self) -> u64 {
        self.mask + 1
    }

    /// Items published and not consumed; it may change at once, except for what the caller's own
    /// end does.
    pub(crate) fn len(&self) -> u64 {
        // Acquire, both: the caller may know from the length what the other end has done.
        let head = self.head.load(Ordering::Acquire);
        // A batch that was consumed before its tail was noted counts as none.
        let len = self.tail.load(Ordering::Acquire).wrapping_sub(head);
        if len > self.capacity() { 0 } else { len }
    }

    /// How many items, up to `wanted`, the producer may write now.
    #[inline]
    pub(crate) fn room(&self, tail: &mut Tail, wanted: u64) -> u64 {
        let known = tail.limit.wrapping_sub(tail.position);
        if known >= wanted {
            return wanted;
        }
        // Acquire: pairs with the Release in `consume`; the slots were copied out.
        let head = self.head.load(Ordering::Acquire);
        let limit = head.wrapping_add(self.capacity());
        let room = limit.wrapping_sub(tail.position);
        // A head of garbage gives no more room than there was.
        if room > self.capacity() {
            return known;
        }
        tail.limit = limit;
        room.min(wanted)
    }

    /// Publishes `count` items, written to the slots from the tail on; `count` is at most what
    /// [`Spsc::room`] gave. True where the consumer sleeps, and [`Spsc::wake`] is due.
    #[inline]
    #[must_use]
    pub(crate) fn publish(&self, tail: &mut Tail, count: u64) -> bool {
        if count == 0 {
            return false;
        }
        let end = tail.position.wrapping_add(count);
        if let Some(tag) = self.tag(tail.position) {
            // Release: pairs with the Acquire in `boundary_after`; publishes the payloads.
            tag.store(end, Ordering::Release);
        }
        tail.position = end;
        // Release: pairs with the Acquire in `claim_consumer`, for which it stands for the tag.
        self.tail.store(end, Ordering::Release);
        self.fixed.producer.is_awaited()
    }

    /// How many items, up to `wanted`, the consumer may copy out now.
    #[inline]
    pub(crate) fn ready(&self, head: &mut Head, wanted: u64) -> u64 {
        loop {
            let ready = head.published.wrapping_sub(head.position);
            if ready >= wanted {
                return wanted;
            }
            match self.boundary_after(head.published) {
                // More than a lap ahead of the head is garbage.
                Some(end) if end.wrapping_sub(head.position) <= self.capacity() => {
                    head.published = end;
                }
                _ => return ready,
            }
        }
    }

    /// Gives the slots of `count` items back; `count` is at most what [`Spsc::ready`] gave. True
    /// where the producer sleeps, and [`Spsc::wake`] is due.
    #[inline]
    #[must_use]
    pub(crate) fn consume(&self, head: &mut Head, count: u64) -> bool {
        if count == 0 {
            return false;
        }
        head.position = head.position.wrapping_add(count);
        // Release: pairs with the Acquire in `room`; the payloads were copied out before.
        self.head.store(head.position, Ordering::Release);
        self.fixed.consumer.is_awaited()
    }

    /// The boundary after the boundary at `position`; `None` where nothing is published there.
    #[inline]
    fn boundary_after(&self, position: u64) -> Option<u64> {
        // Acquire: pairs with the Release in `publish`; the payloads are seen.
        let end = self.tag(position)?.load(Ordering::Acquire);
        let count = end.wrapping_sub(position);
        (count.wrapping_sub(1) <= self.mask).then_some(end)
    }

    #[inline]
    fn tag(&self, position: u64) -> Option<&AtomicU64> {
        self.slots.get(self.index(position) * self.stride)
    }

    #[inline]
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the mask came from a usize"
    )]
    fn index(&self, position: u64) -> usize {
        (position & self.mask) as usize
    }
}
