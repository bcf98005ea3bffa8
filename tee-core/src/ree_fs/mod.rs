//! Trusted storage in the normal world's files, in the on-disk format of OP-TEE's REE file system.
//!
//! ```text
//! dirf.db            one hash tree whose content is the list of objects, with each root hash
//! 0, 1, … (hex)      one hash tree for each object: its header, attributes, data
//! ```
//! Every tree keeps two versions of each node and block. A change is written to the versions that
//! are not live and becomes live at once, when `dirf.db` names the new root hash; `dirf.db` itself
//! goes live with its header's counter. So an operation is:
//!
//! 1. the object's blocks, nodes and header into their other versions, synced
//!    (*reason: `dirf.db` must never name a root that is not on the disk*);
//! 2. for a new file, the directory, synced (*reason: nor a file that has no name yet*);
//! 3. `dirf.db`'s blocks, nodes and, last, its header, synced
//!    (*reason: this is the moment of acknowledgement*);
//! 4. where the directory's hash is anchored in RPMB, the new hash goes there
//!    (*reason: from here on nobody can bring the old state back*);
//! 5. what is no longer named is cut off or removed. No sync: what a crash leaves behind here takes
//!    space, and is overwritten when its number is used again.
//!
//! Rules: after a failed write the tree in memory is dropped and read again; nothing is kept that
//! may differ from the disk.

mod dirfile;
mod files;
mod htree;
mod layout;
mod objects;

pub(crate) use files::Env;
pub(crate) use layout::Fields;
pub(crate) use objects::{OpenFile as ReeFile, ReeFs, Trust};
