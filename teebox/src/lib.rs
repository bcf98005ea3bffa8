//! The composition root: the only crate that names a North and a South, the command line, the
//! daemon and the TA-instance process.
//!
//! It speaks to users. It decides nothing that a TA is told, and touches no register.
#![deny(unsafe_code)]

pub mod cli;
pub mod error;
pub mod local;
pub mod param;
pub mod scenario;
pub mod secure;
pub mod symbols;
pub mod trust;
pub mod verbs;
pub mod world;
