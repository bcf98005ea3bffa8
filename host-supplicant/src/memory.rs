//! Storage files in memory: the temporary storage of a world, of which nothing can be left behind.
//!
//! As on a host, a file lives as long as it has a name or is open.

use std::collections::BTreeMap;

use tee_abi::TeeResult;
use tee_abi::ree::{ReeFile, Reply, Request};

/// Most bytes of one file.
const FILE_MAX: u64 = 1 << 34;

type Inode = u64;

/// The files of a storage directory.
#[derive(Clone, Debug, Default)]
pub struct MemoryFiles {
    names: BTreeMap<String, Inode>,
    contents: BTreeMap<Inode, Vec<u8>>,
    open: BTreeMap<ReeFile, Inode>,
    last_inode: Inode,
    last_file: ReeFile,
}

type Answer = Result<Reply, TeeResult>;

impl MemoryFiles {
    /// Files with these names and contents.
    pub fn from_files(files: impl IntoIterator<Item = (String, Vec<u8>)>) -> Self {
        let mut all = Self::default();
        for (name, content) in files {
            let inode = all.new_inode(content);
            all.names.insert(name, inode);
        }
        all
    }

    /// Names and contents of all files that have a name.
    pub fn files(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.names.iter().map(|(name, inode)| {
            let content = self.contents.get(inode).map_or(&[][..], Vec::as_slice);
            (name.as_str(), content)
        })
    }

    /// Number of open files.
    #[must_use]
    pub fn open_count(&self) -> usize {
        self.open.len()
    }

    /// Serves a request about files; `None` for any other.
    pub fn call(&mut self, request: &Request) -> Option<Answer> {
        Some(match request {
            Request::FileOpen { name } => self.open(name),
            Request::FileCreate { name } => self.create(name),
            Request::FileClose { file } => self.close(*file),
            Request::FileRead { file, extents } => self.read(*file, extents),
            Request::FileWrite { file, extents, .. } => extents
                .iter()
                .try_for_each(|(at, data)| self.write(*file, *at, data))
                .map(|()| Reply::Done),
            Request::FileTruncate { file, len } => self.truncate(*file, *len),
            Request::DirSync => Ok(Reply::Done),
            Request::FileRemove { name } => self.remove(name),
            Request::FileRename { from, to } => self.rename(from, to),
            Request::DirList => Ok(Reply::Names(self.names.keys().cloned().collect())),
            Request::LoadTa { .. }
            | Request::RpmbInfo
            | Request::RpmbFrames { .. }
            | Request::Time => return None,
        })
    }

    /// Writes one extent.
    pub(crate) fn write(&mut self, file: ReeFile, at: u64, data: &[u8]) -> Result<(), TeeResult> {
        let end = at.saturating_add(data.len() as u64);
        let content = self.content(file)?;
        let (start, end) = (in_file(at)?, in_file(end)?);
        if content.len() < end {
            content.resize(end, 0);
        }
        if let Some(target) = content.get_mut(start..end) {
            target.copy_from_slice(data);
        }
        Ok(())
    }

    fn open(&mut self, name: &str) -> Answer {
        let inode = self.names.get(name).copied();
        let inode = inode.ok_or(TeeResult::ERROR_ITEM_NOT_FOUND)?;
        Ok(Reply::File(self.new_file(inode)))
    }

    fn create(&mut self, name: &str) -> Answer {
        if let Some(&inode) = self.names.get(name) {
            self.contents.insert(inode, Vec::new());
            return Ok(Reply::File(self.new_file(inode)));
        }
        let inode = self.new_inode(Vec::new());
        self.names.insert(name.to_owned(), inode);
        Ok(Reply::File(self.new_file(inode)))
    }

    fn close(&mut self, file: ReeFile) -> Answer {
        let inode = self.open.remove(&file);
        self.forget_if_unused(inode.ok_or(TeeResult::ERROR_BAD_PARAMETERS)?);
        Ok(Reply::Done)
    }

    fn read(&mut self, file: ReeFile, extents: &[(u64, u32)]) -> Answer {
        let content = self.content(file)?;
        let piece = |&(at, len): &(u64, u32)| {
            let start = usize::try_from(at).unwrap_or(usize::MAX).min(content.len());
            let end = start.saturating_add(len as usize).min(content.len());
            content.get(start..end).unwrap_or_default().to_vec()
        };
        Ok(Reply::Extents(extents.iter().map(piece).collect()))
    }

    fn truncate(&mut self, file: ReeFile, len: u64) -> Answer {
        let len = in_file(len)?;
        self.content(file)?.resize(len, 0);
        Ok(Reply::Done)
    }

    fn remove(&mut self, name: &str) -> Answer {
        let inode = self.names.remove(name);
        self.forget_if_unused(inode.ok_or(TeeResult::ERROR_ITEM_NOT_FOUND)?);
        Ok(Reply::Done)
    }

    fn rename(&mut self, from: &str, to: &str) -> Answer {
        let inode = self.names.remove(from);
        let inode = inode.ok_or(TeeResult::ERROR_ITEM_NOT_FOUND)?;
        if let Some(replaced) = self.names.insert(to.to_owned(), inode) {
            self.forget_if_unused(replaced);
        }
        Ok(Reply::Done)
    }

    fn content(&mut self, file: ReeFile) -> Result<&mut Vec<u8>, TeeResult> {
        let inode = self.open.get(&file);
        inode
            .and_then(|inode| self.contents.get_mut(inode))
            .ok_or(TeeResult::ERROR_BAD_PARAMETERS)
    }

    fn new_inode(&mut self, content: Vec<u8>) -> Inode {
        self.last_inode += 1;
        self.contents.insert(self.last_inode, content);
        self.last_inode
    }

    fn new_file(&mut self, inode: Inode) -> ReeFile {
        loop {
            self.last_file = self.last_file.wrapping_add(1);
            if !self.open.contains_key(&self.last_file) {
                self.open.insert(self.last_file, inode);
                return self.last_file;
            }
        }
    }

    fn forget_if_unused(&mut self, inode: Inode) {
        let named = self.names.values().any(|&named| named == inode);
        if !named && !self.open.values().any(|&open| open == inode) {
            self.contents.remove(&inode);
        }
    }
}

fn in_file(at: u64) -> Result<usize, TeeResult> {
    if at > FILE_MAX {
        return Err(TeeResult::ERROR_STORAGE_NO_SPACE);
    }
    usize::try_from(at).map_err(|_| TeeResult::ERROR_STORAGE_NO_SPACE)
}
