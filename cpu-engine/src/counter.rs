//! The guest's virtual counter, `cntvct_el0`.

use std::fmt;
use std::time::Instant;

/// Ticks in a second.
pub const COUNTER_HZ: u64 = 1_000_000_000;

/// What the counter reads, at [`COUNTER_HZ`].
pub struct Counter(pub Box<dyn Fn() -> u64 + Send>);

impl Default for Counter {
    /// Host time since the counter was made.
    fn default() -> Self {
        let start = Instant::now();
        Self(Box::new(move || start.elapsed().as_nanos() as u64))
    }
}

impl fmt::Debug for Counter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Counter")
    }
}
