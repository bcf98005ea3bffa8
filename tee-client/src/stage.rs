//! The stage: a session's own piece of memory for buffers that are shared for one call.
//!
//! ```text
//! stage  |..[buffer 0]....|[buffer 1 and 3, which overlap]....|..
//!        ^ page           ^ page
//! ```
//! Each buffer lies on pages of its own at the client's offset within the page; buffers that
//! overlap in the client lie in one span and overlap alike, as they would on a board, where the TA
//! sees the client's own pages. Outputs are copied in too: a TA that leaves bytes alone leaves the
//! client's bytes alone.

use std::io;

use tee_abi::client::PARAM_COUNT;
use tee_channel::memory::page_up;

use crate::memory::{Backing, page_offset};
use crate::operation::{Buffer, Param, Params};

/// The stage is not made smaller than this.
const LEAST: u64 = 64 << 10;

/// A stage that is larger is given up after the call.
const KEPT: u64 = 4 << 20;

/// Where each staged parameter lies.
pub(crate) type Places = [Option<u64>; PARAM_COUNT];

/// Bytes of the client that one span of the stage holds.
#[derive(Clone, Copy)]
struct Span {
    start: usize,
    end: usize,
}

impl Span {
    fn of(buffer: &dyn Buffer) -> Self {
        let start = buffer.address();
        let end = start.saturating_add(buffer.len());
        Self { start, end }
    }

    const fn overlaps(self, other: Self) -> bool {
        self.start < other.end && other.start < self.end
    }

    const fn contains(self, other: Self) -> bool {
        self.start <= other.start && other.end <= self.end
    }

    fn union(self, other: Self) -> Self {
        Self {
            start: self.start.min(other.start),
            end: self.end.max(other.end),
        }
    }
}

/// Where the staged parameters of an operation lie, and how long a stage they need: `None` for
/// the length when they cannot fit any memory.
pub(crate) fn arrange(params: &Params<'_>) -> (Places, Option<u64>) {
    let own = params.map(|param| match param {
        Param::Temp { buffer, .. } => Some(Span::of(buffer)),
        _ => None,
    });
    let spans = own.map(|span| span.map(|span| grow(span, &own)));
    let mut places: Places = [None; PARAM_COUNT];
    let mut len = Some(0u64);
    for i in 0..PARAM_COUNT {
        let (Some(Some(mine)), Some(Some(span))) = (own.get(i), spans.get(i)) else {
            continue;
        };
        let twin = (0..i).find(|j| {
            let other = spans.get(*j).copied().flatten();
            other.is_some_and(|other| other.contains(*mine) && other.overlaps(*mine))
        });
        let start = match twin.and_then(|j| start_of(&places, &own, &spans, j)) {
            Some(start) => start,
            None => {
                let start = len.unwrap_or(0).saturating_add(page_offset(span.start));
                let bytes = (span.end - span.start).max(1) as u64;
                len = len.and_then(|_| start.checked_add(bytes)).and_then(page_up);
                start
            }
        };
        if let Some(place) = places.get_mut(i) {
            *place = start.checked_add((mine.start - span.start) as u64);
        }
    }
    (places, len)
}

/// Where the span of parameter `j` starts on the stage.
fn start_of(
    places: &Places,
    own: &[Option<Span>; PARAM_COUNT],
    spans: &[Option<Span>; PARAM_COUNT],
    j: usize,
) -> Option<u64> {
    let (place, own, span) = (
        places.get(j)?.as_ref()?,
        own.get(j)?.as_ref()?,
        spans.get(j)?.as_ref()?,
    );
    place.checked_sub((own.start - span.start) as u64)
}

/// The union of a span with all that overlap it, directly or through others.
fn grow(mut span: Span, own: &[Option<Span>; PARAM_COUNT]) -> Span {
    for _ in 0..PARAM_COUNT {
        for other in own.iter().flatten() {
            if span.overlaps(*other) {
                span = span.union(*other);
            }
        }
    }
    span
}

/// A session's stage.
#[derive(Default)]
pub(crate) struct Stage {
    current: Option<(u32, Backing)>,
}

impl Stage {
    /// The stage's number and memory.
    pub(crate) const fn current(&self) -> Option<&(u32, Backing)> {
        self.current.as_ref()
    }

    /// Whether it holds `len` bytes.
    pub(crate) fn holds(&self, len: u64) -> bool {
        self.current
            .as_ref()
            .is_some_and(|(_, backing)| backing.memory.len() >= len)
    }

    /// Takes new memory of at least `len` bytes under a number; gives back the number it had.
    pub(crate) fn replace(&mut self, number: u32, len: u64) -> io::Result<Option<u32>> {
        let backing = Backing::new(len.max(LEAST))?;
        Ok(self.current.replace((number, backing)).map(|old| old.0))
    }

    /// Gives up memory that is too large to be kept, and tells the number it had.
    pub(crate) fn shrink(&mut self) -> Option<u32> {
        if self.holds(KEPT + 1) {
            return self.current.take().map(|old| old.0);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tee_abi::client::Direction;

    fn places(memory: &[u8], ranges: &[std::ops::Range<usize>]) -> (Places, u64) {
        let slices: Vec<&[u8]> = ranges.iter().map(|r| &memory[r.clone()]).collect();
        let mut params: Params<'_> = [Param::None; PARAM_COUNT];
        for (param, slice) in params.iter_mut().zip(&slices) {
            *param = Param::Temp {
                direction: Direction::Input,
                buffer: slice,
            };
        }
        let (places, len) = arrange(&params);
        (places, len.unwrap())
    }

    #[test]
    fn buffers_lie_on_their_own_pages_at_their_offset() {
        let memory = vec![0; 20000];
        let base = memory.as_ptr().addr();
        let (places, len) = places(&memory, &[10..5000, 5000..5001, 7000..7000]);
        let offset = |i: usize| ((base + i) % 4096) as u64;
        let first_end = page_up(offset(10) + 4990).unwrap();
        assert_eq!(places[0], Some(offset(10)));
        assert_eq!(places[1], Some(first_end + offset(5000)));
        assert_eq!(places[2], Some(first_end + 4096 + offset(7000)));
        assert_eq!(places[3], None);
        assert_eq!(len, first_end + 8192);
    }

    #[test]
    fn overlapping_buffers_overlap_on_the_stage() {
        let memory = vec![0; 20000];
        let (places, _) = places(&memory, &[3000..6000, 100..200, 1000..3001, 3000..6000]);
        let at = |i: usize| places[i].unwrap();
        assert_eq!(at(0) - at(2), 2000);
        assert_eq!(at(0), at(3));
        assert!(at(1) > at(0) + 3000 || at(1) + 100 <= at(2));
    }

    #[test]
    fn a_chain_of_overlaps_is_one_span() {
        let memory = vec![0; 20000];
        let (places, _) = places(&memory, &[0..100, 180..300, 90..190, 5000..5001]);
        let at = |i: usize| places[i].unwrap();
        assert_eq!(at(1) - at(0), 180);
        assert_eq!(at(2) - at(0), 90);
    }
}
