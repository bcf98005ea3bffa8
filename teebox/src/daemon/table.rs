//! The table of instances and sessions: which instance serves a session, and when one ends.
//!
//! It holds numbers alone, no process and no socket. The rules are those of OP-TEE's
//! `tee_ta_manager.c`.

use std::collections::{BTreeMap, BTreeSet};

use tee_abi::Uuid;
use tee_abi::ta::{
    TA_FLAG_INSTANCE_KEEP_ALIVE, TA_FLAG_INSTANCE_KEEP_CRASHED, TA_FLAG_MULTI_SESSION,
    TA_FLAG_SINGLE_INSTANCE,
};

/// Number of an instance, never used twice.
pub type InstanceId = u64;

/// Where a new session belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In a new instance.
    New,
    /// It is not known before an instance of this TA is loaded.
    Wait,
    /// In this instance.
    In(InstanceId),
    /// Nowhere: the only instance serves one session at a time, and has one.
    Busy,
    /// Nowhere: the only instance crashed and is kept so.
    Dead,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Loading,
    Ready,
    Crashed,
}

#[derive(Debug)]
struct Entry {
    uuid: Uuid,
    state: State,
    flags: u32,
    sessions: BTreeSet<u32>,
}

impl Entry {
    const fn has(&self, flags: u32) -> bool {
        self.flags & flags == flags
    }

    const fn is_kept_alive(&self) -> bool {
        self.has(TA_FLAG_SINGLE_INSTANCE | TA_FLAG_INSTANCE_KEEP_ALIVE)
    }
}

/// The table.
#[derive(Debug, Default)]
pub struct Table {
    entries: BTreeMap<InstanceId, Entry>,
    last_instance: InstanceId,
    last_session: u32,
}

impl Table {
    /// Where a new session to a TA belongs.
    pub fn place(&self, uuid: Uuid) -> Place {
        let mut of_uuid = self.entries.iter().filter(|(_, entry)| entry.uuid == uuid);
        let mut loading = false;
        // Every instance of a TA has the same flags, so the first that is loaded tells.
        let Some((id, entry)) = of_uuid.find(|(_, entry)| {
            loading |= entry.state == State::Loading;
            entry.state != State::Loading
        }) else {
            return if loading { Place::Wait } else { Place::New };
        };
        if !entry.has(TA_FLAG_SINGLE_INSTANCE) {
            return Place::New;
        }
        if entry.state == State::Crashed {
            return Place::Dead;
        }
        if !entry.has(TA_FLAG_MULTI_SESSION) && !entry.sessions.is_empty() {
            return Place::Busy;
        }
        Place::In(*id)
    }

    /// Enters an instance that is about to be loaded, with the session it is made for.
    pub fn start(&mut self, uuid: Uuid) -> (InstanceId, u32) {
        self.last_instance += 1;
        let session = self.new_session();
        let entry = Entry {
            uuid,
            state: State::Loading,
            flags: 0,
            sessions: BTreeSet::from([session]),
        };
        self.entries.insert(self.last_instance, entry);
        (self.last_instance, session)
    }

    /// An instance is loaded.
    pub fn loaded(&mut self, id: InstanceId, flags: u32) {
        if let Some(entry) = self.entries.get_mut(&id) {
            entry.state = State::Ready;
            entry.flags = flags;
        }
    }

    /// Whether an instance is loaded and alive.
    pub fn is_ready(&self, id: InstanceId) -> bool {
        self.entries
            .get(&id)
            .is_some_and(|entry| entry.state == State::Ready)
    }

    /// Whether an instance is still being loaded.
    pub fn is_loading(&self, id: InstanceId) -> bool {
        self.entries
            .get(&id)
            .is_some_and(|entry| entry.state == State::Loading)
    }

    /// A new session of an instance; `None` when the instance is not there.
    pub fn open(&mut self, id: InstanceId) -> Option<u32> {
        let session = self.new_session();
        self.entries.get_mut(&id)?.sessions.insert(session);
        Some(session)
    }

    fn new_session(&mut self) -> u32 {
        let used = |session: u32| {
            session == 0
                || self
                    .entries
                    .values()
                    .any(|entry| entry.sessions.contains(&session))
        };
        let mut session = self.last_session.wrapping_add(1);
        while used(session) {
            session = session.wrapping_add(1);
        }
        self.last_session = session;
        session
    }

    /// A session is closed. Tells whether its instance ends with it; it is forgotten then.
    pub fn closed(&mut self, id: InstanceId, session: u32) -> bool {
        let Some(entry) = self.entries.get_mut(&id) else {
            return false;
        };
        let known = entry.sessions.remove(&session);
        let ends = known
            && entry.sessions.is_empty()
            && entry.state == State::Ready
            && !entry.is_kept_alive();
        if ends {
            self.entries.remove(&id);
        }
        ends
    }

    /// An instance crashed or vanished. It is forgotten, unless its TA wants to stay crashed.
    pub fn crashed(&mut self, id: InstanceId) {
        let Some(entry) = self.entries.get_mut(&id) else {
            return;
        };
        if entry.is_kept_alive() && entry.has(TA_FLAG_INSTANCE_KEEP_CRASHED) {
            entry.state = State::Crashed;
            entry.sessions.clear();
        } else {
            self.entries.remove(&id);
        }
    }

    /// Open sessions of the world.
    pub fn session_count(&self) -> usize {
        self.entries
            .values()
            .map(|entry| entry.sessions.len())
            .sum()
    }

    /// The instances of a TA.
    pub fn instances_of(&self, uuid: Uuid) -> Vec<InstanceId> {
        let of_uuid = self.entries.iter().filter(|(_, entry)| entry.uuid == uuid);
        of_uuid.map(|(id, _)| *id).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TA: Uuid = Uuid([1; 16]);

    fn ready(flags: u32) -> (Table, InstanceId, u32) {
        let mut table = Table::default();
        assert_eq!(table.place(TA), Place::New);
        let (id, session) = table.start(TA);
        assert_eq!(table.place(TA), Place::Wait);
        table.loaded(id, flags);
        (table, id, session)
    }

    #[test]
    fn a_multi_instance_ta_gets_an_instance_for_each_session() {
        let (mut table, id, session) = ready(0);
        assert_eq!(table.place(TA), Place::New);
        let (second, _) = table.start(TA);
        assert_eq!(table.place(TA), Place::New);
        assert!(table.closed(id, session));
        assert_eq!(table.place(TA), Place::Wait);
        table.crashed(second);
        assert_eq!(table.place(TA), Place::New);
    }

    #[test]
    fn a_single_session_instance_is_busy_until_its_session_closes() {
        let (mut table, id, session) = ready(TA_FLAG_SINGLE_INSTANCE);
        assert_eq!(table.place(TA), Place::Busy);
        assert!(table.closed(id, session));
        assert_eq!(table.place(TA), Place::New);
    }

    #[test]
    fn sessions_of_a_multi_session_instance_share_it_until_the_last_closes() {
        let (mut table, id, first) = ready(TA_FLAG_SINGLE_INSTANCE | TA_FLAG_MULTI_SESSION);
        assert_eq!(table.place(TA), Place::In(id));
        let second = table.open(id).unwrap();
        assert_ne!(first, second);
        assert!(!table.closed(id, first));
        assert!(!table.closed(id, first));
        assert!(table.closed(id, second));
        assert_eq!(table.place(TA), Place::New);
    }

    #[test]
    fn keep_alive_counts_for_single_instances_alone() {
        let (mut table, id, session) = ready(TA_FLAG_INSTANCE_KEEP_ALIVE);
        assert!(table.closed(id, session));
        let (mut table, id, session) = ready(TA_FLAG_SINGLE_INSTANCE | TA_FLAG_INSTANCE_KEEP_ALIVE);
        assert!(!table.closed(id, session));
        assert_eq!(table.place(TA), Place::In(id));
    }

    #[test]
    fn a_crash_is_forgotten_unless_the_ta_keeps_it() {
        let kept = TA_FLAG_SINGLE_INSTANCE | TA_FLAG_INSTANCE_KEEP_ALIVE;
        let (mut table, id, _) = ready(kept);
        table.crashed(id);
        assert_eq!(table.place(TA), Place::New);
        assert_eq!(table.session_count(), 0);
        let (mut table, id, _) = ready(kept | TA_FLAG_INSTANCE_KEEP_CRASHED);
        table.crashed(id);
        assert_eq!(table.place(TA), Place::Dead);
        assert_eq!(table.session_count(), 0);
    }

    #[test]
    fn session_numbers_are_not_zero_and_not_in_use() {
        let (mut table, id, first) = ready(TA_FLAG_SINGLE_INSTANCE | TA_FLAG_MULTI_SESSION);
        table.last_session = u32::MAX;
        let second = table.open(id).unwrap();
        assert!(first != 0 && second != 0 && first != second);
    }
}
