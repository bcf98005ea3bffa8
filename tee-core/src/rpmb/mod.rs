//! Trusted storage in an RPMB partition of an eMMC device (or an emulated one), in the format of
//! OP-TEE's RPMB file system.
//!
//! ```text
//! fs      objects as entries of a FAT and runs of encrypted blocks
//! device  blocks, read and written by frames that are authenticated both ways
//! Ree     whoever carries the frames
//! ```
//! The device refuses a write that is not the next one, and an answer carries the nonce of its
//! question, so that the normal world can neither alter nor bring back anything.

mod device;
mod fs;

pub(crate) use fs::RpmbFs;
