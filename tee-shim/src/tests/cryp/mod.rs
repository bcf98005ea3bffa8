//! Cryptography as a TA sees it: every case goes through the syscalls.

mod known_answers;
mod objects;
mod operations;
mod properties;
mod ta;
mod wycheproof;

use tee_abi::algorithms as alg;
use tee_abi::objects::ObjectType;

/// A key of the algorithm's type that is the same every time.
fn fixed_key(ta: &mut ta::Ta, algo: u32) -> u64 {
    let row = alg::find(algo).unwrap();
    let ty = ObjectType::find(row.keys[0]).unwrap();
    let bytes: alloc::vec::Vec<u8> = (1..=(ty.min.max(128) / 8) as u8).collect();
    let bytes = &bytes[..bytes.len().min(ty.room)];
    ta.secret(ty.id, bytes).unwrap()
}
