//! The heap: an area in the TA's .bss of the size that [`crate::ta!`] states.
//!
//! A TA is single-threaded and never re-entered, so the allocator takes no lock.

use talc::locking::AssumeUnlockable;
use talc::{ErrOnOom, Span, Talc, Talck};

#[cfg_attr(target_os = "none", global_allocator)]
static HEAP: Talck<AssumeUnlockable, ErrOnOom> = Talc::new(ErrOnOom).lock();

/// Gives the area to the allocator.
///
/// # Safety
/// The area must be valid, writable, used by nobody else, and given once.
pub(crate) unsafe fn claim(area: *mut u8, size: usize) -> bool {
    // SAFETY: passed on to the caller.
    unsafe { HEAP.lock().claim(Span::from_base_size(area, size)) }.is_ok()
}
