//! What the C structures stand for: contexts by their descriptor, sessions by context and number,
//! shared memory by number.
//!
//! Client programs copy the structures about, free them, and use them from several threads, so
//! they hold numbers alone and everything else is kept here. The lock is held for look-ups only,
//! never during a call.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tee_client::{Context, Session, SharedMemory};

/// An initialised context and its sessions.
struct Known {
    context: Arc<Context>,
    sessions: BTreeMap<u32, Arc<Session>>,
}

/// Everything that is open in this process.
struct Registry {
    contexts: BTreeMap<i32, Known>,
    memories: BTreeMap<i32, Arc<SharedMemory>>,
    last_memory: i32,
}

static REGISTRY: Mutex<Registry> = Mutex::new(Registry {
    contexts: BTreeMap::new(),
    memories: BTreeMap::new(),
    last_memory: 0,
});

fn registry() -> MutexGuard<'static, Registry> {
    REGISTRY.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Keeps a context; its descriptor names it.
pub(crate) fn add_context(context: Context) -> i32 {
    let fd = context.descriptor();
    let known = Known {
        context: Arc::new(context),
        sessions: BTreeMap::new(),
    };
    registry().contexts.insert(fd, known);
    fd
}

/// The context of a descriptor.
pub(crate) fn context(fd: i32) -> Option<Arc<Context>> {
    let registry = registry();
    Some(Arc::clone(&registry.contexts.get(&fd)?.context))
}

/// Forgets a context, and gives back the sessions that were left open.
pub(crate) fn remove_context(fd: i32) -> Option<(Arc<Context>, Vec<Arc<Session>>)> {
    let entry = registry().contexts.remove(&fd)?;
    Some((entry.context, entry.sessions.into_values().collect()))
}

/// Keeps a session of a context and gives its number.
pub(crate) fn add_session(fd: i32, session: Session) -> Option<u32> {
    let id = session.id();
    let mut registry = registry();
    let entry = registry.contexts.get_mut(&fd)?;
    entry.sessions.insert(id, Arc::new(session));
    Some(id)
}

/// A session of a context.
pub(crate) fn session(fd: i32, id: u32) -> Option<Arc<Session>> {
    let registry = registry();
    Some(Arc::clone(registry.contexts.get(&fd)?.sessions.get(&id)?))
}

/// Forgets a session.
pub(crate) fn remove_session(fd: i32, id: u32) -> Option<Arc<Session>> {
    registry().contexts.get_mut(&fd)?.sessions.remove(&id)
}

/// Keeps shared memory and gives its number.
pub(crate) fn add_memory(memory: SharedMemory) -> i32 {
    let mut registry = registry();
    loop {
        let next = registry.last_memory.checked_add(1).unwrap_or(1);
        registry.last_memory = next;
        if let Entry::Vacant(place) = registry.memories.entry(next) {
            place.insert(Arc::new(memory));
            return next;
        }
    }
}

/// Shared memory by its number.
pub(crate) fn memory(id: i32) -> Option<Arc<SharedMemory>> {
    registry().memories.get(&id).map(Arc::clone)
}

/// Forgets shared memory.
pub(crate) fn remove_memory(id: i32) -> Option<Arc<SharedMemory>> {
    registry().memories.remove(&id)
}
