//! Waiting awake for a short while, before going to sleep.
//!
//! A sleeping process takes tens of microseconds to wake; an answer often comes sooner. How long to
//! stay awake is learned: a wait that was in vain halves it, one that ended soon restores it. On a
//! single processor nobody waits awake, for the other side could not run meanwhile.

use std::hint::spin_loop;
use std::time::{Duration, Instant};

/// Longest wait awake.
const LONGEST: Duration = Duration::from_micros(50);

/// Looks at the word between two looks at the clock.
const LOOKS: u32 = 32;

/// How long one side of a session waits awake.
#[derive(Debug)]
pub(crate) struct Spin {
    most: Duration,
    now: Duration,
}

impl Spin {
    pub(crate) fn new() -> Self {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let most = if processors > 1 {
            LONGEST
        } else {
            Duration::ZERO
        };
        Self { most, now: most }
    }

    /// Waits awake until `ready`, and tells whether it is.
    pub(crate) fn wait(&mut self, mut ready: impl FnMut() -> bool) -> bool {
        if ready() {
            return true;
        }
        if self.now.is_zero() {
            return false;
        }
        let start = Instant::now();
        loop {
            for _ in 0..LOOKS {
                if ready() {
                    self.now = self.most;
                    return true;
                }
                spin_loop();
            }
            if start.elapsed() >= self.now {
                self.now /= 2;
                if self.now < Duration::from_micros(1) {
                    self.now = Duration::ZERO;
                }
                return false;
            }
        }
    }

    /// Tells how long the sleep after a vain wait took.
    pub(crate) fn slept(&mut self, time: Duration) {
        // Waking up alone takes about as long as the longest wait awake.
        if time < self.most * 3 {
            self.now = self.most;
        }
    }
}
