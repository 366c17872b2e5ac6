//! Random numbers that are the same for the same seed: on every platform, in every version.
//!
//! SplitMix64, written out here because the generators of the ecosystem promise the numbers of one version only, and a
//! demo that changes with a dependency would be no reference. Everything drawn is a whole number: floating-point
//! functions differ between platforms.

/// A stream of random numbers.
pub struct Random(u64);

impl Random {
    /// The stream of this seed and this key; different keys give streams that have nothing to do with each other.
    pub fn new(seed: u64, key: &[u64]) -> Self {
        let state = key.iter().fold(mix(seed), |state, part| mix(state ^ mix(part.wrapping_add(INCREMENT))));
        Random(state)
    }

    /// The next 64 bits.
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(INCREMENT);
        mix(self.0)
    }

    /// A number from 0 to `end` - 1; 0 if `end` is 0.
    pub fn below(&mut self, end: u64) -> u64 {
        // The high half of a wide product: no division, and a bias far below what a demo could show.
        let product = u128::from(self.next()) * u128::from(end);
        (product >> 64) as u64
    }

    /// A number from `low` to `high`, both included.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high.saturating_sub(low) + 1)
    }

    /// True in so many of a thousand cases.
    pub fn chance(&mut self, per_mille: u64) -> bool {
        self.below(1000) < per_mille
    }

    /// One of these; the default of an empty slice.
    pub fn pick<T: Copy + Default>(&mut self, items: &[T]) -> T {
        let index = self.below(items.len() as u64) as usize;
        items.get(index).copied().unwrap_or_default()
    }

    /// An index, as likely as its weight says.
    pub fn weighted(&mut self, weights: &[u64]) -> usize {
        let mut left = self.below(weights.iter().sum());
        for (index, weight) in weights.iter().enumerate() {
            if left < *weight {
                return index;
            }
            left -= weight;
        }
        0
    }

    /// The items in another order (Fisher and Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for index in (1..items.len()).rev() {
            items.swap(index, self.below(index as u64 + 1) as usize);
        }
    }
}

/// SplitMix64's increment, 2^64 over the golden ratio.
const INCREMENT: u64 = 0x9E37_79B9_7F4A_7C15;

/// SplitMix64's output function.
fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::Random;

    #[test]
    fn is_splitmix64() {
        // The first numbers of the published reference implementation for the state 1234567.
        let mut random = Random(1_234_567);
        let numbers = [(); 3].map(|()| random.next());
        assert_eq!(numbers, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
    }

    #[test]
    fn stays_in_bounds() {
        let mut random = Random::new(1, &[2, 3]);
        assert!((0..1000).all(|_| random.below(7) < 7));
        assert!((0..1000).all(|_| (3..=5).contains(&random.between(3, 5))));
        assert!((0..1000).all(|_| random.weighted(&[0, 2, 0, 1]) % 2 == 1));
        assert_eq!(random.below(0), 0);
    }
}
