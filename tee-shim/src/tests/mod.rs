//! The shim by outcome, on the mock platform: a scripted guest makes syscalls, the test looks at
//! results, memory and log.

mod cryp;
mod entries;
mod questions;
mod storage;
mod support;
