//! Storage files in a host directory.
//!
//! Every name is one component below the directory's descriptor, links are not followed, and the
//! directory is locked, so that no two worlds write to it. Files have mode 0600, the directory 0700.

use std::collections::BTreeMap;
use std::fs::{DirBuilder, File};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, FileExt};
use std::path::{Path, PathBuf};

use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg, OFlag, openat, renameat};
use nix::sys::stat::Mode;
use nix::unistd::{UnlinkatFlags, fsync, unlinkat};
use tee_abi::TeeResult;
use tee_abi::ree::{MESSAGE_MAX, ReeFile, Reply, Request};
use thiserror::Error;

use crate::supplicant::Durability;

/// Longest name of a storage file.
const NAME_MAX: usize = 255;

/// Why a storage directory cannot be used.
#[derive(Debug, Error)]
pub enum OpenError {
    /// Another world has it.
    #[error(
        "storage directory {} is in use by another world\n\
         hint: end that world, or give this one a directory of its own with --storage DIR",
        .0.display()
    )]
    InUse(PathBuf),
    /// The host refuses it.
    #[error("cannot use storage directory {}: {error}", path.display())]
    Host {
        /// The directory.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
}

/// An open, locked storage directory.
#[derive(Debug)]
pub(crate) struct DirectoryFiles {
    dir: Flock<File>,
    durability: Durability,
    open: BTreeMap<ReeFile, File>,
    last_file: ReeFile,
}

type Answer = Result<Reply, TeeResult>;

impl DirectoryFiles {
    /// Opens and locks a directory, and makes it where it does not exist.
    pub(crate) fn open(path: &Path, durability: Durability) -> Result<Self, OpenError> {
        let host = |error| OpenError::Host {
            path: path.to_owned(),
            error,
        };
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(host)?;
        let dir = File::open(path).map_err(host)?;
        if !dir.metadata().map_err(host)?.is_dir() {
            return Err(host(io::ErrorKind::NotADirectory.into()));
        }
        let dir =
            Flock::lock(dir, FlockArg::LockExclusiveNonblock).map_err(
                |(_, errno)| match errno {
                    Errno::EWOULDBLOCK => OpenError::InUse(path.to_owned()),
                    other => host(other.into()),
                },
            )?;
        Ok(Self {
            dir,
            durability,
            open: BTreeMap::new(),
            last_file: 0,
        })
    }

    /// Serves a request about files; `None` for any other.
    pub(crate) fn call(&mut self, request: &Request) -> Option<Answer> {
        Some(match request {
            Request::FileOpen { name } => self.open_file(name),
            Request::FileCreate { name } => self.create(name),
            Request::FileClose { file } => match self.open.remove(file) {
                Some(_) => Ok(Reply::Done),
                None => Err(TeeResult::ERROR_BAD_PARAMETERS),
            },
            Request::FileRead { file, extents } => self.read(*file, extents),
            Request::FileWrite {
                file,
                extents,
                sync,
            } => self.write(*file, extents, *sync),
            Request::FileTruncate { file, len } => self.truncate(*file, *len),
            Request::DirSync => self.sync_directory(),
            Request::FileRemove { name } => self.remove(name),
            Request::FileRename { from, to } => self.rename(from, to),
            Request::DirList => self.list(),
            Request::LoadTa { .. }
            | Request::RpmbInfo
            | Request::RpmbFrames { .. }
            | Request::Time => return None,
        })
    }

    fn open_at(&self, name: &str, flags: OFlag) -> Result<File, Errno> {
        let flags = flags | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK;
        let mode = Mode::S_IRUSR | Mode::S_IWUSR;
        loop {
            match openat(self.dir.as_fd(), name, flags, mode) {
                Err(Errno::EINTR) => {}
                other => return other.map(File::from),
            }
        }
    }

    /// A directory that cannot be written to can still be read from.
    fn open_file(&mut self, name: &str) -> Answer {
        let name = checked(name)?;
        let file = match self.open_at(name, OFlag::O_RDWR) {
            Err(Errno::EACCES | Errno::EPERM | Errno::EROFS) => self.open_at(name, OFlag::O_RDONLY),
            other => other,
        };
        self.add(file)
    }

    fn create(&mut self, name: &str) -> Answer {
        let name = checked(name)?;
        let flags = OFlag::O_RDWR | OFlag::O_CREAT | OFlag::O_TRUNC;
        let file = self.open_at(name, flags);
        self.add(file)
    }

    fn add(&mut self, file: Result<File, Errno>) -> Answer {
        let file = file.map_err(result_of)?;
        if !file.metadata().map_err(io_result_of)?.is_file() {
            return Err(TeeResult::ERROR_ACCESS_DENIED);
        }
        loop {
            self.last_file = self.last_file.wrapping_add(1);
            if !self.open.contains_key(&self.last_file) {
                self.open.insert(self.last_file, file);
                return Ok(Reply::File(self.last_file));
            }
        }
    }

    fn read(&self, file: ReeFile, extents: &[(u64, u32)]) -> Answer {
        let file = self.file(file)?;
        let total: u64 = extents.iter().map(|&(_, len)| u64::from(len)).sum();
        if total > MESSAGE_MAX as u64 / 2 {
            return Err(TeeResult::ERROR_EXCESS_DATA);
        }
        let read = |&(at, len): &(u64, u32)| read_up_to(file, at, len as usize);
        let data: io::Result<Vec<_>> = extents.iter().map(read).collect();
        Ok(Reply::Extents(data.map_err(io_result_of)?))
    }

    fn write(&self, file: ReeFile, extents: &[(u64, Vec<u8>)], sync: bool) -> Answer {
        let file = self.file(file)?;
        for (at, data) in extents {
            file.write_all_at(data, *at).map_err(io_result_of)?;
        }
        if sync && self.durability == Durability::Synced {
            file.sync_data().map_err(io_result_of)?;
        }
        Ok(Reply::Done)
    }

    fn truncate(&self, file: ReeFile, len: u64) -> Answer {
        self.file(file)?.set_len(len).map_err(io_result_of)?;
        Ok(Reply::Done)
    }

    fn sync_directory(&self) -> Answer {
        if self.durability == Durability::Synced {
            fsync(self.dir.as_fd()).map_err(result_of)?;
        }
        Ok(Reply::Done)
    }

    fn remove(&self, name: &str) -> Answer {
        let name = checked(name)?;
        unlinkat(self.dir.as_fd(), name, UnlinkatFlags::NoRemoveDir).map_err(result_of)?;
        Ok(Reply::Done)
    }

    fn rename(&self, from: &str, to: &str) -> Answer {
        let (from, to) = (checked(from)?, checked(to)?);
        renameat(self.dir.as_fd(), from, self.dir.as_fd(), to).map_err(result_of)?;
        Ok(Reply::Done)
    }

    fn list(&self) -> Answer {
        let dir: OwnedFd = self
            .open_at(".", OFlag::O_RDONLY | OFlag::O_DIRECTORY)
            .map_err(result_of)?
            .into();
        let mut names = Vec::new();
        for entry in Dir::from_fd(dir).map_err(result_of)? {
            let entry = entry.map_err(result_of)?;
            if let Ok(name) = entry.file_name().to_str()
                && checked(name).is_ok()
            {
                names.push(name.to_owned());
            }
        }
        Ok(Reply::Names(names))
    }

    fn file(&self, file: ReeFile) -> Result<&File, TeeResult> {
        self.open.get(&file).ok_or(TeeResult::ERROR_BAD_PARAMETERS)
    }
}

/// A name of one component that is neither hidden nor a way out.
fn checked(name: &str) -> Result<&str, TeeResult> {
    let bad = name.is_empty()
        || name.len() > NAME_MAX
        || name.starts_with('.')
        || name.bytes().any(|byte| byte == b'/' || byte == 0);
    if bad {
        Err(TeeResult::ERROR_BAD_PARAMETERS)
    } else {
        Ok(name)
    }
}

fn read_up_to(file: &File, at: u64, len: usize) -> io::Result<Vec<u8>> {
    let mut data = vec![0; len];
    let mut done = 0;
    while let Some(rest) = data.get_mut(done..).filter(|rest| !rest.is_empty()) {
        match file.read_at(rest, at.saturating_add(done as u64)) {
            Ok(0) => break,
            Ok(count) => done += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    data.truncate(done);
    Ok(data)
}

fn io_result_of(error: io::Error) -> TeeResult {
    let errno = error.raw_os_error().map(Errno::from_raw);
    errno.map_or(TeeResult::ERROR_GENERIC, result_of)
}

/// What the secure world is told about a failure of the host.
pub(crate) fn result_of(errno: Errno) -> TeeResult {
    match errno {
        Errno::ENOENT => TeeResult::ERROR_ITEM_NOT_FOUND,
        Errno::ENOSPC | Errno::EDQUOT | Errno::EFBIG => TeeResult::ERROR_STORAGE_NO_SPACE,
        Errno::EACCES | Errno::EPERM | Errno::EROFS | Errno::EBADF | Errno::ELOOP => {
            TeeResult::ERROR_ACCESS_DENIED
        }
        Errno::ENOMEM | Errno::EMFILE | Errno::ENFILE => TeeResult::ERROR_OUT_OF_MEMORY,
        _ => TeeResult::ERROR_GENERIC,
    }
}
