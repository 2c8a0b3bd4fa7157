//! The table that all workers add to: how often each word occurs, and what became of each piece.
//!
//! Everything is in one array of atomic words:
//!
//! ```text
//! | controls | heads: one for each bucket | seen: one for each piece | nodes: one for each word .. |
//!
//! node: | next in bucket | count | hash, length | the word, 8 bytes at a time .. |
//! ```
//!
//! and changes under one lock. A new word gets a node that counts 0, which changes no result: if
//! its maker dies before the bucket's head points to it, it is never found, and counts 0 for ever.
//! Counts, and all else that must change together, go through the log: pairs of a place and its new
//! value, valid from the store that says how many there are until the store that says none.
//!
//! | died | the heir finds | and so |
//! |---|---|---|
//! | before the log's length is stored | length 0 | nothing was counted; the batch is done again |
//! | before all values are copied | the length | copies all values; the batch is counted |
//! | before the length is 0 again | the length | copies the same values again |
//! | before the lock is free | length 0 | nothing to do |
//!
//! An heir that dies is no different from who died before it. Every store of an [`AtomicArray`] is
//! a release, so that none of these is seen before the one that it follows.

use outlive::sync::{LockError, LockGuard};
use outlive::{AtomicArray, Lock, SegmentOptions};
use serde::{Deserialize, Serialize};

use crate::Result;
use crate::plan::{Batch, Plan};
use crate::words::{Counts, Seen, hash};

/// A handle, which travels to the workers.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Table {
    words: AtomicArray<u64>,
    log: AtomicArray<u64>,
    lock: Lock,
    heads: usize,
    seen: usize,
}

// The controls.
/// Where the next node goes.
const TOP: usize = 0;
const BYTES: usize = 1;
/// How often the lock came from somebody who died with it.
const INHERITED: usize = 2;
/// How often a log was found then.
const REDONE: usize = 3;
/// How often a worker began with a batch.
const BEGUN: usize = 4;
/// Who began last, and with which batch: two halves.
const LATEST: usize = 5;
const CONTROLS: usize = 6;

// Parts of a node.
const NEXT: usize = 0;
const COUNT: usize = 1;
const NAME: usize = 2;
const TEXT: usize = 3;

/// How many words of memory the table and its log need, and how many heads the table has.
struct Needs {
    heads: usize,
    words: usize,
    log: usize,
}

impl Needs {
    /// A word of n bytes is followed by another byte and has a node of at most 24 + 1.5 n bytes,
    /// rounded up to 8: letters grow from 2 bytes to 3 at worst, when they become small. From n = 3
    /// on that is 8 bytes of node to a byte of text at most, and of shorter words there are few.
    /// None of that memory exists before it is written.
    fn of(plan: &Plan) -> Self {
        let bytes = index(plan.bytes());
        let heads = (bytes / 64).next_power_of_two().clamp(1 << 10, 1 << 22);
        let pieces = plan.pieces().count();
        let nodes = bytes.saturating_add(1 << 20).min(MOST_NODES);
        // Half of a piece's bytes are words, at worst, and one more.
        let entries = |batch: &Batch| index(batch.bytes / 2) + 2 * (batch.end - batch.first) + 1;
        let entries = plan.batches().iter().map(entries).max().unwrap_or(0);
        Self {
            heads,
            words: CONTROLS + heads + pieces + nodes,
            log: 1 + 2 * entries,
        }
    }
}

/// 64 GiB: an end to address space that is asked for, far beyond memory.
const MOST_NODES: usize = 8 << 30;

impl Table {
    pub(crate) fn new(plan: &Plan, workers: usize) -> Result<Self> {
        let needs = Needs::of(plan);
        let pieces = plan.pieces().count();
        let size = (needs.words + needs.log) * size_of::<u64>();
        let segment = SegmentOptions::new()
            .size(size as u64 + (1 << 20))
            // The dead keep their place until another comes.
            .participants(u32::try_from(2 * workers + 8)?)
            .anonymous()?;
        let words = AtomicArray::create(&segment, "table", needs.words)?;
        words.set(TOP, (CONTROLS + needs.heads + pieces) as u64)?;
        Ok(Self {
            words,
            log: AtomicArray::create(&segment, "log", needs.log)?,
            lock: Lock::create(&segment, "lock")?,
            heads: needs.heads,
            seen: pieces,
        })
    }

    /// Notes that this process begins with a batch.
    pub(crate) fn begin(&self, batch: u32) -> Result<()> {
        self.words.fetch_add(BEGUN, 1)?;
        let worker = u64::from(std::process::id());
        Ok(self.words.set(LATEST, worker << 32 | u64::from(batch))?)
    }

    /// How often a worker began with a batch; who was the last, and with which.
    pub(crate) fn begun(&self) -> Result<(u64, u32, u32)> {
        let [b0, b1, b2, b3, w0, w1, w2, w3] = self.words.get(LATEST)?.to_le_bytes();
        let [batch, worker] = [[b0, b1, b2, b3], [w0, w1, w2, w3]].map(u32::from_le_bytes);
        Ok((self.words.get(BEGUN)?, worker, batch))
    }

    /// Adds what a batch was counted to, all of it or nothing, unless that was done before.
    pub(crate) fn add(&self, batch: &Batch, seen: &[Seen], counts: &Counts) -> Result<()> {
        let _guard = self.lock()?;
        if self.has(batch)? {
            return Ok(());
        }
        let mut log = Log::new(&self.log);
        for (word, count) in counts {
            let place = self.node_of(word)? + COUNT;
            log.note(place, self.words.get(place)? + count)?;
        }
        for (piece, seen) in (batch.first..).zip(seen) {
            log.note(self.place_of_piece(piece), seen.0)?;
        }
        log.note(BYTES, self.words.get(BYTES)? + batch.bytes)?;
        log.commit()?;
        self.redo()?;
        Ok(())
    }

    /// Whether a batch has been added.
    pub(crate) fn has(&self, batch: &Batch) -> Result<bool> {
        // A batch has a piece, and all its pieces were seen at once.
        Ok(self.words.get(self.place_of_piece(batch.first))? != 0)
    }

    /// Bytes of the batches that have been added.
    pub(crate) fn progress(&self) -> Result<u64> {
        Ok(self.words.get(BYTES)?)
    }

    /// How often somebody died with the lock, and how often between the commit and its end.
    pub(crate) fn deaths(&self) -> Result<[u64; 2]> {
        Ok([self.words.get(INHERITED)?, self.words.get(REDONE)?])
    }

    /// What was seen of each piece.
    pub(crate) fn seen(&self) -> Result<Vec<Seen>> {
        let _guard = self.lock()?;
        (0..self.seen)
            .map(|piece| Ok(Seen(self.words.get(self.place_of_piece(piece))?)))
            .collect()
    }

    /// Goes through all words and their counts.
    pub(crate) fn for_each(&self, mut each: impl FnMut(&str, u64)) -> Result<()> {
        let _guard = self.lock()?;
        let mut node = self.place_of_piece(self.seen);
        while node < index(self.words.get(TOP)?) {
            let len = Name(self.words.get(node + NAME)?).len();
            let mut text = Vec::with_capacity(len.next_multiple_of(8));
            for chunk in 0..len.div_ceil(8) {
                let chunk = self.words.get(node + TEXT + chunk)?;
                text.extend_from_slice(&chunk.to_le_bytes());
            }
            text.truncate(len);
            let count = self.words.get(node + COUNT)?;
            if count > 0 {
                each(std::str::from_utf8(&text)?, count);
            }
            node += TEXT + len.div_ceil(8);
        }
        Ok(())
    }

    /// Takes the lock; after a death, with the table made whole.
    fn lock(&self) -> Result<LockGuard<'_>> {
        match self.lock.lock() {
            Ok(guard) => Ok(guard),
            Err(LockError::OwnerDied(died)) => {
                self.words.fetch_add(INHERITED, 1)?;
                let redone = self.redo()?;
                self.words.fetch_add(REDONE, redone.into())?;
                Ok(died.repaired())
            }
            Err(error) => Err(outlive::Error::from(error).into()),
        }
    }

    /// Copies the values in the log to their places; `false` where there is no log.
    fn redo(&self) -> Result<bool> {
        let end = index(self.log.get(Log::END)?);
        for entry in (Log::START..end).step_by(2) {
            let place = index(self.log.get(entry)?);
            self.words.set(place, self.log.get(entry + 1)?)?;
        }
        self.log.set(Log::END, 0)?;
        Ok(end > 0)
    }

    /// The node of `word`, which is made if there is none.
    fn node_of(&self, word: &str) -> Result<usize> {
        let hash = hash(word.as_bytes());
        let name = Name::new(hash, word.len());
        let head = CONTROLS + index(hash % self.heads as u64);
        let first = self.words.get(head)?;
        let mut node = index(first);
        while node != 0 {
            if self.words.get(node + NAME)? == name.0 && self.is_called(node, word)? {
                return Ok(node);
            }
            node = index(self.words.get(node + NEXT)?);
        }
        let node = index(self.words.get(TOP)?);
        let end = node + TEXT + word.len().div_ceil(8);
        if end > self.words.len() {
            return Err("there are too many different words".into());
        }
        self.words.set(node + NEXT, first)?;
        self.words.set(node + COUNT, 0)?;
        self.words.set(node + NAME, name.0)?;
        for (place, chunk) in (node + TEXT..).zip(chunks(word)) {
            self.words.set(place, chunk)?;
        }
        self.words.set(TOP, end as u64)?;
        self.words.set(head, node as u64)?;
        Ok(node)
    }

    fn is_called(&self, node: usize, word: &str) -> Result<bool> {
        for (place, chunk) in (node + TEXT..).zip(chunks(word)) {
            if self.words.get(place)? != chunk {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn place_of_piece(&self, piece: usize) -> usize {
        CONTROLS + self.heads + piece
    }
}

/// A number of things in memory, all of which are addressed by a `usize`.
fn index(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// A list of places and their new values.
struct Log<'a> {
    log: &'a AtomicArray<u64>,
    end: usize,
}

impl<'a> Log<'a> {
    /// Where the log says how far it reaches; 0 is no log.
    const END: usize = 0;
    const START: usize = 1;

    fn new(log: &'a AtomicArray<u64>) -> Self {
        let end = Self::START;
        Self { log, end }
    }

    fn note(&mut self, place: usize, value: u64) -> Result<()> {
        self.log.set(self.end, place as u64)?;
        self.log.set(self.end + 1, value)?;
        self.end += 2;
        Ok(())
    }

    /// The one store from which on all of it has happened.
    fn commit(self) -> Result<()> {
        Ok(self.log.set(Self::END, self.end as u64)?)
    }
}

/// What a word is known by before its bytes are compared: half of its hash, and its length.
struct Name(u64);

impl Name {
    const LEN_BITS: u32 = 32;

    fn new(hash: u64, len: usize) -> Self {
        Self(hash >> Self::LEN_BITS << Self::LEN_BITS | len as u64)
    }

    fn len(&self) -> usize {
        index(self.0 << Self::LEN_BITS >> Self::LEN_BITS)
    }
}

fn chunks(word: &str) -> impl Iterator<Item = u64> {
    word.as_bytes().chunks(8).map(|chunk| {
        let mut bytes = [0; 8];
        bytes[..chunk.len()].copy_from_slice(chunk);
        u64::from_le_bytes(bytes)
    })
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, HashSet};

    use super::*;
    use crate::arguments::Arguments;
    use crate::words::count_piece;

    /// A batch, and what a worker makes of it.
    type Counted = (Batch, Vec<Seen>, Counts);

    /// The table for a file with `text` in it, and the file's batches, counted.
    fn table(name: &str, text: &str) -> (Table, Vec<Counted>) {
        let path = format!("wordcount-table-{name}-{}", std::process::id());
        let path = std::env::temp_dir().join(path);
        std::fs::write(&path, text).unwrap();
        let arguments = Arguments {
            workers: 1,
            kills: 0,
            paths: vec![path.clone()],
        };
        let plan = Plan::new(&arguments, &HashSet::new()).unwrap();
        let table = Table::new(&plan, 1).unwrap();
        let count = |batch: &Batch| {
            let mut counts = Counts::default();
            let pieces = plan.pieces().take(batch.end).skip(batch.first);
            let seen = pieces
                .map(|(path, range)| count_piece(path, range, &mut Vec::new(), &mut counts))
                .collect();
            (*batch, seen, counts)
        };
        let batches = plan.batches().iter().map(count).collect();
        std::fs::remove_file(path).unwrap();
        (table, batches)
    }

    fn all(table: &Table) -> BTreeMap<String, u64> {
        let mut all = BTreeMap::new();
        table
            .for_each(|word, count| assert_eq!(all.insert(word.to_owned(), count), None))
            .unwrap();
        all
    }

    /// Two workers have it where the first was killed, or taken for that.
    #[test]
    fn a_batch_that_comes_again_counts_once() {
        let (table, batches) = table("again", &"one two two\n".repeat(4000));
        assert!(batches.len() > 1);
        let mut bytes = 0;
        for (batch, seen, counts) in &batches {
            assert!(!table.has(batch).unwrap());
            bytes += batch.bytes;
            for _ in 0..3 {
                table.add(batch, seen, counts).unwrap();
                assert!(table.has(batch).unwrap());
                assert_eq!(table.progress().unwrap(), bytes);
            }
        }
        let (first, seen, counts) = &batches[0];
        table.add(first, seen, counts).unwrap();
        let words = [("one".to_owned(), 4000), ("two".to_owned(), 8000)];
        assert_eq!(all(&table), BTreeMap::from(words));
        let seen: Vec<_> = batches
            .iter()
            .flat_map(|(_, seen, _)| seen.clone())
            .collect();
        assert_eq!(table.seen().unwrap(), seen);
    }

    /// The heir may be killed as well: it, too, copies values and not differences.
    #[test]
    fn a_commit_that_a_death_cut_short_is_ended_by_the_heirs() {
        let (table, _) = table("heir", "word");
        let place = table.node_of("word").unwrap() + COUNT;
        let mut log = Log::new(&table.log);
        log.note(place, 3).unwrap();
        assert!(!table.redo().unwrap(), "not committed");
        assert!(all(&table).is_empty());

        let mut log = Log::new(&table.log);
        log.note(place, 3).unwrap();
        let end = log.end as u64;
        log.commit().unwrap();
        assert!(table.redo().unwrap());
        // As if the first heir had died before it put the log away.
        table.log.set(Log::END, end).unwrap();
        assert!(table.redo().unwrap());
        assert_eq!(all(&table), BTreeMap::from([("word".to_owned(), 3)]));
        assert!(!table.redo().unwrap(), "ended");
    }
}
