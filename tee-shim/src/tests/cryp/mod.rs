//! Cryptography as a TA sees it: every case goes through the syscalls.

mod ta;
mod wycheproof;
