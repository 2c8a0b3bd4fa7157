//! Copies in and out of words that another process may write at the same moment.
//!
//! A plain value travels as a run of relaxed 64-bit words, so that a copy that races with a writer
//! is a wrong value and never undefined behaviour; the protocol above decides afterwards whether
//! the copy counts.

use super::atomic::{AtomicU64, Ordering};

/// Words that hold `len` bytes.
pub(crate) const fn words(len: usize) -> usize {
    len.div_ceil(8)
}

/// Copies `out.len()` bytes out of `words`, which must be long enough for them.
#[inline]
pub(crate) fn load(words: &[AtomicU64], out: &mut [u8]) {
    #[cfg(all(target_arch = "x86_64", not(any(loom, miri))))]
    let (words, out) = wide::load_pairs(words, out);
    let mut chunks = out.chunks_exact_mut(8);
    let mut words = words.iter();
    for (chunk, word) in chunks.by_ref().zip(words.by_ref()) {
        // Relaxed: the caller's version check, or its lock, orders the copy.
        chunk.copy_from_slice(&word.load(Ordering::Relaxed).to_le_bytes());
    }
    let rest = chunks.into_remainder();
    if let (false, Some(word)) = (rest.is_empty(), words.next()) {
        rest.copy_from_slice(&word.load(Ordering::Relaxed).to_le_bytes()[..rest.len()]);
    }
}

/// Copies `bytes` into `words`, which must be long enough; the last word is filled with zeroes.
#[inline]
pub(crate) fn store(words: &[AtomicU64], bytes: &[u8]) {
    let mut chunks = bytes.chunks_exact(8);
    let mut words = words.iter();
    for (chunk, word) in chunks.by_ref().zip(words.by_ref()) {
        let mut whole = [0; 8];
        whole.copy_from_slice(chunk);
        // Relaxed: the caller publishes with the Release that follows the copy.
        word.store(u64::from_le_bytes(whole), Ordering::Relaxed);
    }
    let rest = chunks.remainder();
    if let (false, Some(word)) = (rest.is_empty(), words.next()) {
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        word.store(u64::from_le_bytes(last), Ordering::Relaxed);
    }
}

/// Two words in one load. Each of them is still loaded whole, which is all that is asked of a copy;
/// core has no such atomic, and compilers do not join relaxed loads.
#[cfg(all(target_arch = "x86_64", not(any(loom, miri))))]
mod wide {
    #![expect(
        unsafe_code,
        reason = "a racing load wider than core's atomics is an instruction"
    )]

    use core::arch::asm;
    use core::arch::x86_64::__m128i;

    use super::AtomicU64;

    /// As [`super::load`], for as many pairs of words as there are; returns the rest.
    #[inline]
    pub(super) fn load_pairs<'a, 'b>(
        words: &'a [AtomicU64],
        out: &'b mut [u8],
    ) -> (&'a [AtomicU64], &'b mut [u8]) {
        let mut chunks = out.chunks_exact_mut(16);
        let mut pairs = words.chunks_exact(2);
        for (chunk, pair) in chunks.by_ref().zip(pairs.by_ref()) {
            chunk.copy_from_slice(bytemuck::bytes_of(&load_pair(pair)));
        }
        // Whatever is left of one is left of both: the words are long enough for the bytes.
        let done = (out.len() / 16).min(words.len() / 2);
        (
            words.get(2 * done..).unwrap_or_default(),
            out.get_mut(16 * done..).unwrap_or_default(),
        )
    }

    #[inline]
    fn load_pair(pair: &[AtomicU64]) -> __m128i {
        debug_assert_eq!(pair.len(), 2);
        let both: __m128i;
        // SAFETY: the instruction reads the 16 bytes of the two words that are borrowed here, at
        // any alignment, and changes nothing. That another process may write them meanwhile is the
        // machine's matter, which keeps each aligned word whole; the compiler assumes nothing of
        // them. Not `nomem` and not `pure`: it stays where the acquire before it and the fence
        // after it keep it.
        unsafe {
            asm!(
                "movdqu {both}, [{pair}]",
                both = lateout(xmm_reg) both,
                pair = in(reg) pair.as_ptr(),
                options(nostack, preserves_flags, readonly),
            );
        }
        both
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn every_length_comes_back_as_it_went_in() {
        for len in 0..40_u8 {
            let words: Vec<_> = (0..words(len.into()))
                .map(|_| AtomicU64::new(u64::MAX))
                .collect();
            let bytes: Vec<u8> = (0..len).collect();
            store(&words, &bytes);
            let mut back = vec![0xAA; len.into()];
            load(&words, &mut back);
            assert_eq!(back, bytes);
        }
    }
}
