//! A disk that fails on request: for tests of what storage must survive.
//!
//! Every elementary change (an extent written, a file named, renamed, removed, cut off) and every
//! sync is a step, counted from 0. At a chosen step the disk crashes for good, or fails once. What was written but
//! not synced is known, so a power failure can be played in which any part of it is lost.

use std::collections::{BTreeMap, BTreeSet};

use tee_abi::TeeResult;
use tee_abi::ree::{Ree, ReeFile, Reply, Request};

use crate::memory::MemoryFiles;
use crate::rpmb::RpmbDevice;

/// What happens at the chosen step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The step does not happen, and nothing after it.
    Crash,
    /// Half of an extent is written, and nothing after it.
    Torn,
    /// The step fails with this result; later ones succeed.
    Error(TeeResult),
    /// The step and all later changes fail with this result; reads succeed.
    ErrorFromHere(TeeResult),
}

/// A change that a power failure can undo.
#[derive(Clone, Debug)]
enum Change {
    Write(String, u64, Vec<u8>),
    Truncate(String, u64),
    Create(String),
    Remove(String),
    Rename(String, String),
}

/// Files in memory that fail at a chosen step.
#[derive(Debug, Default)]
pub struct FaultyFiles {
    rpmb: Option<RpmbDevice>,
    live: MemoryFiles,
    durable: BTreeMap<String, Vec<u8>>,
    durable_names: BTreeSet<String>,
    pending: Vec<Change>,
    /// Names of open files, as they are now.
    names: BTreeMap<ReeFile, String>,
    steps: usize,
    syncs: usize,
    fault: Option<(usize, Fault)>,
    crashed: bool,
}

impl FaultyFiles {
    /// A disk with these files that will fail at this step.
    #[must_use]
    pub fn new(files: MemoryFiles, fault: Option<(usize, Fault)>) -> Self {
        let durable: BTreeMap<String, Vec<u8>> = files
            .files()
            .map(|(name, content)| (name.to_owned(), content.to_vec()))
            .collect();
        Self {
            live: files,
            durable_names: durable.keys().cloned().collect(),
            durable,
            fault,
            ..Self::default()
        }
    }

    /// With this RPMB device; each exchange with it is a step.
    #[must_use]
    pub fn with_rpmb(mut self, device: RpmbDevice) -> Self {
        self.rpmb = Some(device);
        self
    }

    /// Takes the RPMB device out: what is left of it when the world ends.
    pub const fn take_rpmb(&mut self) -> Option<RpmbDevice> {
        self.rpmb.take()
    }

    fn rpmb(&mut self) -> Result<&mut RpmbDevice, TeeResult> {
        self.rpmb.as_mut().ok_or(TeeResult::ERROR_ITEM_NOT_FOUND)
    }

    /// Steps taken so far.
    #[must_use]
    pub const fn steps(&self) -> usize {
        self.steps
    }

    /// Times that something was made durable so far.
    #[must_use]
    pub const fn syncs(&self) -> usize {
        self.syncs
    }

    /// Chooses another fault, or none.
    pub const fn set_fault(&mut self, fault: Option<(usize, Fault)>) {
        self.fault = fault;
    }

    /// Whether the disk has crashed.
    #[must_use]
    pub const fn is_crashed(&self) -> bool {
        self.crashed
    }

    /// Number of open files.
    #[must_use]
    pub fn open_count(&self) -> usize {
        self.live.open_count()
    }

    /// The files as the host has them in its cache: what is left when the process is killed.
    #[must_use]
    pub fn after_kill(&self) -> MemoryFiles {
        MemoryFiles::from_files(
            self.live
                .files()
                .map(|(name, content)| (name.to_owned(), content.to_vec())),
        )
    }

    /// What is left when the power fails: everything synced, and of the rest the changes for
    /// which `kept` (given the change's position) says so.
    #[must_use]
    pub fn after_power_failure(&self, kept: impl Fn(usize) -> bool) -> MemoryFiles {
        let mut files = self.durable.clone();
        let mut lost: BTreeSet<&str> = BTreeSet::new();
        for (position, change) in self.pending.iter().enumerate() {
            if kept(position) {
                change.apply(&mut files);
            } else if let Change::Create(name) = change
                && !self.durable_names.contains(name)
            {
                lost.insert(name);
            }
        }
        // What a file holds is lost with its name, also if it was synced itself.
        files.retain(|name, _| !lost.contains(name.as_str()));
        MemoryFiles::from_files(files)
    }

    /// Changes that a power failure could undo now.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.pending.len()
    }

    fn step(&mut self) -> Result<(), Fault> {
        let step = self.steps;
        self.steps += 1;
        match self.fault {
            Some((at, fault @ Fault::ErrorFromHere(_))) if step >= at => Err(fault),
            Some((at, fault)) if step == at => Err(fault),
            _ => Ok(()),
        }
    }

    /// The result of a step that failed.
    fn failed(&mut self, fault: Fault) -> TeeResult {
        match fault {
            Fault::Error(error) | Fault::ErrorFromHere(error) => error,
            Fault::Crash | Fault::Torn => {
                self.crashed = true;
                TeeResult::ERROR_COMMUNICATION
            }
        }
    }

    fn write(&mut self, file: ReeFile, at: u64, data: &[u8]) -> Result<(), TeeResult> {
        let stepped = self.step();
        let data = match stepped {
            Ok(()) => data,
            Err(Fault::Torn) => data.get(..data.len() / 2).unwrap_or_default(),
            Err(fault) => return Err(self.failed(fault)),
        };
        self.live.write(file, at, data)?;
        if let Some(name) = self.names.get(&file) {
            let change = Change::Write(name.clone(), at, data.to_vec());
            self.pending.push(change);
        }
        stepped.map_err(|fault| self.failed(fault))
    }

    fn sync(&mut self, file: ReeFile) -> Result<(), TeeResult> {
        self.step().map_err(|fault| self.failed(fault))?;
        self.syncs += 1;
        let name = self.names.get(&file).cloned();
        self.settle(|change| match change {
            Change::Write(of, ..) | Change::Truncate(of, _) => Some(of) == name.as_ref(),
            _ => false,
        });
        Ok(())
    }

    fn sync_names(&mut self) -> Result<(), TeeResult> {
        self.step().map_err(|fault| self.failed(fault))?;
        self.syncs += 1;
        self.settle(|change| !matches!(change, Change::Write(..) | Change::Truncate(..)));
        let live = self.live.files().map(|(name, _)| name.to_owned());
        self.durable_names = live.collect();
        Ok(())
    }

    fn settle(&mut self, is_synced: impl Fn(&Change) -> bool) {
        for change in core::mem::take(&mut self.pending) {
            if is_synced(&change) {
                change.apply(&mut self.durable);
            } else {
                self.pending.push(change);
            }
        }
    }

    fn change(&mut self, request: &Request, change: Change) -> Result<Reply, TeeResult> {
        if let Err(fault) = self.step() {
            return Err(self.failed(fault));
        }
        let reply = self.pass(request)?;
        self.pending.push(change);
        Ok(reply)
    }

    fn pass(&mut self, request: &Request) -> Result<Reply, TeeResult> {
        self.live
            .call(request)
            .unwrap_or(Err(TeeResult::ERROR_NOT_SUPPORTED))
    }

    fn opened(&mut self, name: &str, reply: Reply) -> Reply {
        if let Reply::File(file) = reply {
            self.names.insert(file, name.to_owned());
        }
        reply
    }
}

impl Change {
    fn apply(&self, files: &mut BTreeMap<String, Vec<u8>>) {
        match self {
            Self::Write(name, at, data) => {
                let content = files.entry(name.clone()).or_default();
                let end = *at as usize + data.len();
                content.resize(content.len().max(end), 0);
                if let Some(target) = content.get_mut(*at as usize..end) {
                    target.copy_from_slice(data);
                }
            }
            Self::Truncate(name, len) => {
                if let Some(content) = files.get_mut(name) {
                    content.resize(*len as usize, 0);
                }
            }
            Self::Create(name) => {
                files.entry(name.clone()).or_default();
            }
            Self::Remove(name) => {
                files.remove(name);
            }
            Self::Rename(from, to) => {
                if let Some(content) = files.remove(from) {
                    files.insert(to.clone(), content);
                }
            }
        }
    }
}

impl Ree for FaultyFiles {
    fn call(&mut self, request: Request) -> Result<Reply, TeeResult> {
        if self.crashed {
            return Err(TeeResult::ERROR_COMMUNICATION);
        }
        match &request {
            Request::FileWrite {
                file,
                extents,
                sync,
            } => {
                for (at, data) in extents {
                    self.write(*file, *at, data)?;
                }
                if *sync {
                    self.sync(*file)?;
                }
                Ok(Reply::Done)
            }
            Request::FileCreate { name } => {
                let reply = self.change(&request, Change::Create(name.clone()))?;
                self.pending.push(Change::Truncate(name.clone(), 0));
                Ok(self.opened(name, reply))
            }
            Request::FileOpen { name } => {
                let reply = self.pass(&request)?;
                Ok(self.opened(name, reply))
            }
            Request::FileTruncate { file, len } => {
                let name = self.names.get(file).cloned().unwrap_or_default();
                self.change(&request, Change::Truncate(name, *len))
            }
            Request::FileRemove { name } => self.change(&request, Change::Remove(name.clone())),
            Request::FileRename { from, to } => {
                let reply = self.change(&request, Change::Rename(from.clone(), to.clone()))?;
                for name in self.names.values_mut().filter(|name| *name == from) {
                    name.clone_from(to);
                }
                Ok(reply)
            }
            Request::DirSync => {
                self.sync_names()?;
                Ok(Reply::Done)
            }
            Request::FileClose { file } => {
                self.names.remove(file);
                self.pass(&request)
            }
            Request::RpmbInfo => Ok(self.rpmb()?.info()),
            Request::RpmbFrames { frames, answer } => {
                self.step().map_err(|fault| self.failed(fault))?;
                self.rpmb()?.exchange(frames, *answer)
            }
            Request::Time => Ok(Reply::Time {
                seconds: 0,
                millis: 0,
            }),
            _ => self.pass(&request),
        }
    }
}
