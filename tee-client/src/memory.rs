//! Shared memory: memory that lives longer than one operation.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use tee_channel::{Mapping, Memory};

use crate::operation::Buffer;

/// What the memories and sessions of a context have in common.
#[derive(Debug, Default)]
pub(crate) struct Pool {
    numbers: AtomicU32,
    releases: AtomicU64,
}

impl Pool {
    /// A number for a new piece of memory.
    pub(crate) fn number(&self) -> u32 {
        self.numbers.fetch_add(1, Ordering::Relaxed)
    }

    /// How many pieces of memory were released so far.
    pub(crate) fn releases(&self) -> u64 {
        self.releases.load(Ordering::Acquire)
    }
}

enum Kind {
    /// The TA sees the client's memory itself.
    Shared(Backing),
    /// Ordinary memory of the client, copied around every call. The copy is made at first use and
    /// stays, so that parts passed in several parameters overlap for the TA as they do here.
    Copied {
        buffer: Box<dyn Buffer + Send + Sync>,
        copy: OnceLock<Backing>,
    },
}

pub(crate) struct Backing {
    pub(crate) memory: Memory,
    pub(crate) mapping: Mapping,
}

impl Backing {
    pub(crate) fn new(len: u64) -> io::Result<Self> {
        let memory = Memory::new(len)?;
        let mapping = memory.map()?;
        Ok(Self { memory, mapping })
    }
}

pub(crate) struct Inner {
    pub(crate) number: u32,
    pool: Arc<Pool>,
    size: u64,
    kind: Kind,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.pool.releases.fetch_add(1, Ordering::Release);
    }
}

/// A piece of shared memory of a context.
pub struct SharedMemory(pub(crate) Arc<Inner>);

impl SharedMemory {
    pub(crate) fn allocate(pool: &Arc<Pool>, size: u64) -> io::Result<Self> {
        let backing = Backing::new(size)?;
        Ok(Self::new(pool, size, Kind::Shared(backing)))
    }

    pub(crate) fn import(pool: &Arc<Pool>, memory: Memory, size: u64) -> io::Result<Self> {
        let mapping = memory.map()?;
        Ok(Self::new(
            pool,
            size,
            Kind::Shared(Backing { memory, mapping }),
        ))
    }

    pub(crate) fn register(pool: &Arc<Pool>, buffer: Box<dyn Buffer + Send + Sync>) -> Self {
        let size = buffer.len() as u64;
        let copy = OnceLock::new();
        Self::new(pool, size, Kind::Copied { buffer, copy })
    }

    fn new(pool: &Arc<Pool>, size: u64, kind: Kind) -> Self {
        Self(Arc::new(Inner {
            number: pool.number(),
            pool: Arc::clone(pool),
            size,
            kind,
        }))
    }

    /// Its bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.0.size
    }

    /// The mapping that client and TA share; `None` for registered memory, which is copied.
    #[must_use]
    pub fn mapping(&self) -> Option<&Mapping> {
        match &self.0.kind {
            Kind::Shared(backing) => Some(&backing.mapping),
            Kind::Copied { .. } => None,
        }
    }

    /// Whether it belongs to the context of this pool.
    pub(crate) fn is_of(&self, pool: &Arc<Pool>) -> bool {
        Arc::ptr_eq(&self.0.pool, pool)
    }
}

impl Inner {
    /// The descriptor that is attached to a session.
    pub(crate) fn fd(&self) -> io::Result<BorrowedFd<'_>> {
        Ok(match &self.kind {
            Kind::Shared(backing) => backing.memory.as_fd(),
            Kind::Copied { buffer, copy } => copied(&**buffer, copy)?.memory.as_fd(),
        })
    }

    /// Where byte 0 lies in the attached memory.
    pub(crate) fn base(&self) -> u64 {
        match &self.kind {
            Kind::Shared(_) => 0,
            Kind::Copied { buffer, .. } => page_offset(buffer.address()),
        }
    }

    /// Brings the client's bytes to the copy, where there is one.
    pub(crate) fn load(&self, offset: u64, size: u64) -> io::Result<()> {
        if let Kind::Copied { buffer, copy } = &self.kind {
            let backing = copied(&**buffer, copy)?;
            let (start, len) = (offset as usize, size as usize);
            let at = self.base() as usize + start;
            buffer.load(start, len, &backing.mapping, at);
        }
        Ok(())
    }

    /// Brings the copy's bytes back to the client, where there is a copy.
    pub(crate) fn store(&self, offset: u64, size: u64) {
        if let Kind::Copied { buffer, copy } = &self.kind
            && let Some(backing) = copy.get()
        {
            let (start, len) = (offset as usize, size as usize);
            let at = self.base() as usize + start;
            buffer.store(start, len, &backing.mapping, at);
        }
    }
}

fn copied<'a>(buffer: &dyn Buffer, copy: &'a OnceLock<Backing>) -> io::Result<&'a Backing> {
    if copy.get().is_none() {
        let len = page_offset(buffer.address()).saturating_add(buffer.len() as u64);
        // Another thread may have been faster; its copy is as good.
        let _ = copy.set(Backing::new(len)?);
    }
    copy.get().ok_or_else(|| io::ErrorKind::OutOfMemory.into())
}

/// The offset of an address within its page.
pub(crate) const fn page_offset(address: usize) -> u64 {
    address as u64 % tee_channel::memory::PAGE_SIZE
}
