//! What can go wrong with trusted storage, and which `TEE_Result` a TA sees for it.

use tee_abi::TeeResult;
use thiserror::Error;

/// What about a file is damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Damage {
    /// The file that the directory names does not exist.
    #[error("its file is missing")]
    Missing,
    /// The file ends where more is needed.
    #[error("its file is too short")]
    Short,
    /// Neither version of the root node is the one that the directory names.
    #[error("its root node is not the one that the directory expects (stale, swapped or altered)")]
    Root,
    /// No header has a counter that fits its place.
    #[error("neither header is valid")]
    Counters,
    /// The header does not authenticate.
    #[error("its header does not authenticate")]
    Header,
    /// The header's figures contradict each other.
    #[error("its header claims an impossible size")]
    Size,
    /// The hash of a node does not match; numbered from 1.
    #[error(
        "the hash of node {0} does not match (altered, or truncated by an OP-TEE that forgot to \
         rewrite the node's hash)"
    )]
    Node(u32),
    /// A data block does not authenticate; numbered from 0.
    #[error("block {0} does not authenticate")]
    Block(u32),
    /// The object's own header, before its attributes, makes no sense.
    #[error("its object header is malformed")]
    ObjectHead,
}

/// What about an RPMB device, or whoever carries its frames, is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum RpmbFault {
    /// There is no device.
    #[error("there is no RPMB device")]
    Absent,
    /// It has no key yet.
    #[error("the RPMB device has no key")]
    NoKey,
    /// It refuses a request with this result.
    #[error("the RPMB device refuses with result {0:#x} (2: its key is another world's)")]
    Refused(u16),
    /// An answer does not authenticate.
    #[error("an answer of the RPMB device does not authenticate: its key is another world's")]
    Code,
    /// An answer is to another question.
    #[error("an answer of the RPMB device was replayed")]
    Nonce,
    /// A write was not the next one.
    #[error("the RPMB device's write counter is not where it should be")]
    Counter,
    /// An answer is no answer.
    #[error("the RPMB device's answer is malformed")]
    Malformed,
    /// The file system on it is not OP-TEE's.
    #[error("the RPMB device holds another file system")]
    Format,
}

/// Why an operation on trusted storage failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum FsError {
    /// An object is damaged.
    #[error("the object is damaged: {0}")]
    Corrupt(Damage),
    /// `dirf.db`, which lists all objects, is damaged.
    #[error("dirf.db is damaged: {0}")]
    Directory(Damage),
    /// There is no such object.
    #[error("there is no such object")]
    NotFound,
    /// There is an object of that name, and it may not be replaced.
    #[error("an object of that name exists")]
    Exists,
    /// The object would grow beyond what the format's counters hold.
    #[error("the object would grow too large")]
    TooLarge,
    /// The RPMB device, or whoever carries its frames, failed.
    #[error("{0}")]
    Rpmb(RpmbFault),
    /// There is no room left on the device.
    #[error("there is no room left")]
    NoSpace,
    /// The normal world failed.
    #[error("the normal world answered {0}")]
    Ree(TeeResult),
}

impl From<FsError> for TeeResult {
    /// An error of the disk is not the TA's fault and none that the GP API panics a TA for:
    /// `TEE_ERROR_STORAGE_NOT_AVAILABLE`, where it is not simply full.
    fn from(error: FsError) -> Self {
        match error {
            FsError::Corrupt(_) => Self::ERROR_CORRUPT_OBJECT,
            FsError::NotFound => Self::ERROR_ITEM_NOT_FOUND,
            FsError::Exists => Self::ERROR_ACCESS_CONFLICT,
            FsError::TooLarge => Self::ERROR_OVERFLOW,
            FsError::NoSpace | FsError::Ree(Self::ERROR_STORAGE_NO_SPACE) => {
                Self::ERROR_STORAGE_NO_SPACE
            }
            FsError::Rpmb(RpmbFault::Absent) => Self::ERROR_ITEM_NOT_FOUND,
            FsError::Rpmb(
                RpmbFault::Code | RpmbFault::Nonce | RpmbFault::Counter | RpmbFault::Format,
            ) => Self::ERROR_SECURITY,
            FsError::Rpmb(_) => Self::ERROR_STORAGE_NOT_AVAILABLE,
            FsError::Ree(Self::ERROR_OUT_OF_MEMORY) => Self::ERROR_OUT_OF_MEMORY,
            FsError::Ree(_) | FsError::Directory(_) => Self::ERROR_STORAGE_NOT_AVAILABLE,
        }
    }
}
