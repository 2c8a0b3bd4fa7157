//! Random numbers that a seed repeats.

/// xorshift64*.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// A number from 0 to `end`, without it.
    pub fn below(&mut self, end: u64) -> u64 {
        ((self.next() >> 32) * end) >> 32
    }

    /// An index into `len` things.
    #[expect(clippy::cast_possible_truncation, reason = "less than `len`")]
    pub fn index(&mut self, len: usize) -> usize {
        self.below(len as u64) as usize
    }

    /// Spends up to a few microseconds, now and then much longer.
    pub fn dawdle(&mut self) {
        let turns = if self.below(100) == 0 {
            100_000
        } else {
            self.below(1000)
        };
        (0..turns).for_each(|_| std::hint::spin_loop());
    }
}
