//! Time that moves when told, entropy by seed, a log that can be read.

use std::time::Duration;

use litebox::Platform;

use crate::MockSpace;

/// A host whose every answer is determined by how it was made.
#[derive(Clone, Debug, Default)]
pub struct MockPlatform {
    /// The lines logged so far.
    pub lines: Vec<String>,
    /// What [`Platform::monotonic`] answers.
    pub now: Duration,
    /// The generator's state; equal states give equal bytes.
    pub seed: u64,
}

impl Platform for MockPlatform {
    type Space = MockSpace;

    fn random(&mut self, out: &mut [u8]) {
        for byte in out {
            // SplitMix64: short, and every seed is good.
            self.seed = self.seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let mut z = self.seed;
            z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            *byte = (z ^ (z >> 31)) as u8;
        }
    }

    fn monotonic(&self) -> Duration {
        self.now
    }

    fn log(&mut self, line: &str) {
        self.lines.push(line.to_owned());
    }
}
