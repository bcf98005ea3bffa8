//! A mapped session page.
//!
//! # Safety
//! This file may use `unsafe` to view the mapping as a [`SessionPage`]: the mapping is page-aligned
//! and at least a page long, and every field of the structure is an atomic, for which any bytes are
//! valid and changes by other processes are defined.
#![expect(unsafe_code, reason = "the page's bytes are viewed as atomics")]

use std::ops::Deref;

use tee_abi::channel::{PAGE_LEN, SessionPage};

use crate::memory::{Mapping, Memory, MemoryError};

/// A session page in this process.
#[derive(Debug)]
pub struct Page(Mapping);

impl Page {
    /// Maps the page.
    ///
    /// # Errors
    /// [`MemoryError`]; [`MemoryError::Empty`] when the memory is too small for a page.
    pub fn map(memory: &Memory) -> Result<Self, MemoryError> {
        if memory.len() != PAGE_LEN as u64 {
            return Err(MemoryError::Empty);
        }
        Ok(Self(memory.map()?))
    }
}

impl Deref for Page {
    type Target = SessionPage;

    fn deref(&self) -> &SessionPage {
        // SAFETY: `map` made sure of a whole page, mappings are page-aligned, the structure is no
        // longer than a page and made of atomics; it lives as long as the mapping.
        unsafe { &*self.0.as_ptr().cast::<SessionPage>() }
    }
}
