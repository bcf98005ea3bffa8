//! What guest memory promises beyond the seam's contract: shared memory between owners, refusal
//! of memory files that could vanish, code epochs, and no host memory within reach.

use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};

use litebox::{AddressSpace, FaultKind, MapError, Prot};
use platform_linux::{LinuxShared, LinuxSpace, SharedError};

fn space() -> LinuxSpace {
    LinuxSpace::new().unwrap()
}

/// A memory file of `len` bytes as a foreign program would make it.
fn foreign(len: i64, seals: i32) -> OwnedFd {
    // SAFETY: a literal name, numbers, and a new descriptor without another owner.
    unsafe {
        let fd = libc::memfd_create(c"foreign".as_ptr(), libc::MFD_ALLOW_SEALING);
        assert!(fd >= 0);
        assert_eq!(libc::ftruncate(fd, len), 0);
        assert_eq!(libc::fcntl(fd, libc::F_ADD_SEALS, seals), 0);
        OwnedFd::from_raw_fd(fd)
    }
}

#[test]
fn what_one_owner_writes_the_other_sees() {
    let (mut a, mut b) = (space(), space());
    let shared = a.new_shared(8192).unwrap();
    let copy = shared.as_fd().try_clone_to_owned().unwrap();
    let received = LinuxShared::from_fd(copy, 8192).unwrap();
    a.map_shared(0x10000..0x12000, Prot::RW, &shared, 0)
        .unwrap();
    b.map_shared(0x70000..0x71000, Prot::R, &received, 4096)
        .unwrap();
    a.store(0x11000, *b"hello!!!").unwrap();
    assert_eq!(b.load(0x70000), Ok(*b"hello!!!"));
    received.write(4096, b"J").unwrap();
    assert_eq!(a.load(0x11000), Ok(*b"Jello!!!"));
    let mut out = [0; 3];
    assert_eq!(shared.read(8190, &mut out), Ok(2));
}

#[test]
fn shared_memory_cannot_shrink_under_a_mapping() {
    let mut a = space();
    let shared = a.new_shared(4096).unwrap();
    // SAFETY: numbers only.
    let answer = unsafe { libc::ftruncate(shared.as_fd().as_raw_fd(), 0) };
    assert_eq!(answer, -1);
}

#[test]
fn a_memory_file_that_could_shrink_is_refused_and_can_be_copied() {
    let fd = foreign(5000, 0);
    let copy = fd.try_clone().unwrap();
    assert_eq!(
        LinuxShared::from_fd(fd, 5000).unwrap_err(),
        SharedError::NotSealed
    );
    let copied = LinuxShared::copy_of(copy.as_fd(), 5000).unwrap();
    assert_eq!(copied.len(), 8192);
    let short = LinuxShared::copy_of(copy.as_fd(), 5001).unwrap_err();
    assert_eq!(
        short,
        SharedError::TooSmall {
            len: 5000,
            expected: 5001
        }
    );
}

#[test]
fn a_memory_file_smaller_than_said_is_refused() {
    let fd = foreign(4096, libc::F_SEAL_SHRINK);
    let refused = LinuxShared::from_fd(fd, 4097).unwrap_err();
    assert_eq!(
        refused,
        SharedError::TooSmall {
            len: 4096,
            expected: 4097
        }
    );
}

#[test]
fn a_descriptor_that_is_no_memory_file_is_refused() {
    let (read, _write) = std::io::pipe().unwrap();
    assert_eq!(
        LinuxShared::from_fd(read.into(), 1).unwrap_err(),
        SharedError::NotMemory
    );
    let null = std::fs::File::open("/dev/null").unwrap();
    assert!(LinuxShared::from_fd(null.into(), 0).is_err());
}

#[test]
fn the_last_page_of_a_short_file_is_mapped_whole_and_the_next_not_at_all() {
    let mut a = space();
    let shared = LinuxShared::from_fd(foreign(100, libc::F_SEAL_SHRINK), 100).unwrap();
    let beyond = a.map_shared(0x10000..0x12000, Prot::RW, &shared, 0);
    assert_eq!(beyond, Err(MapError::BadRange));
    a.map_shared(0x10000..0x11000, Prot::RW, &shared, 0)
        .unwrap();
    a.store(0x10ff8, [7; 8]).unwrap();
    assert_eq!(a.load(0x10ff8), Ok([7; 8]));
}

#[test]
fn a_write_sealed_file_can_be_read_and_neither_written_nor_poked() {
    let mut a = space();
    let shared =
        LinuxShared::from_fd(foreign(4096, libc::F_SEAL_SHRINK | libc::F_SEAL_WRITE), 1).unwrap();
    let writable = a.map_shared(0x10000..0x11000, Prot::RW, &shared, 0);
    assert_eq!(writable, Err(MapError::Host));
    a.map_shared(0x10000..0x11000, Prot::R, &shared, 0).unwrap();
    assert_eq!(a.load(0x10000), Ok([0u8; 4]));
    assert_eq!(
        a.poke(0x10000, &[1]).unwrap_err().kind,
        FaultKind::Permission
    );
    assert_eq!(a.protect(0x10000..0x11000, Prot::RW), Err(MapError::Host));
    assert_eq!(
        a.store(0x10000, [1]).unwrap_err().kind,
        FaultKind::Permission
    );
}

#[test]
fn shared_memory_is_never_executable() {
    let mut a = space();
    let shared = a.new_shared(4096).unwrap();
    assert_eq!(
        a.map_shared(0x10000..0x11000, Prot::RX, &shared, 0),
        Err(MapError::Host)
    );
    a.map_shared(0x10000..0x11000, Prot::RW, &shared, 0)
        .unwrap();
    assert_eq!(a.protect(0x10000..0x11000, Prot::RX), Err(MapError::Host));
}

#[test]
fn a_store_to_code_changes_the_epoch_and_one_to_data_does_not() {
    let mut a = space();
    a.map(0x10000..0x11000, Prot::RW.union(Prot::X)).unwrap();
    a.map(0x11000..0x12000, Prot::RW).unwrap();
    let start = a.code_epoch();
    a.store(0x11000, [1; 8]).unwrap();
    assert_eq!(a.compare_exchange(0x11000, [1; 8], [2; 8]), Ok(true));
    assert_eq!(a.code_epoch(), start);
    a.store(0x10ffe, [1; 8]).unwrap();
    let stored = a.code_epoch();
    assert_ne!(stored, start);
    assert_eq!(a.compare_exchange(0x10010, [0; 4], [2; 4]), Ok(true));
    assert_ne!(a.code_epoch(), stored);
}

#[test]
fn a_misaligned_exchange_is_a_fault() {
    let mut a = space();
    a.map(0x10000..0x11000, Prot::RW).unwrap();
    let fault = a.compare_exchange(0x10004, [0; 8], [1; 8]).unwrap_err();
    assert_eq!(fault.kind, FaultKind::Alignment);
}

#[test]
fn addresses_beyond_four_gigabytes_fault_at_every_width() {
    let mut a = space();
    a.map(0xffff_f000..0x1_0000_0000, Prot::RW).unwrap();
    for addr in [0x1_0000_0000, 0x1_0000_0000_0000, u64::MAX, u64::MAX - 7] {
        assert_eq!(a.load::<8>(addr).unwrap_err().addr, addr);
        assert_eq!(
            a.store(addr, [0; 16]).unwrap_err().kind,
            FaultKind::Unmapped
        );
        assert!(a.compare_exchange(addr, [0; 1], [0; 1]).is_err());
        assert!(a.read_vec(addr, 64).is_err());
    }
    assert_eq!(a.load::<8>(0xffff_fff9).unwrap_err().addr, 0x1_0000_0000);
    assert!(a.load::<8>(0xffff_fff8).is_ok());
}

#[test]
fn unmapped_pages_come_back_zeroed() {
    let mut a = space();
    a.map(0x10000..0x20000, Prot::RW).unwrap();
    a.write(0x10000, &[0xff; 0x10000]).unwrap();
    a.unmap(0x14000..0x18000).unwrap();
    a.map(0x14000..0x18000, Prot::R).unwrap();
    let mut out = vec![1; 0x4000];
    a.read(0x14000, &mut out).unwrap();
    assert!(out.iter().all(|byte| *byte == 0));
}

#[test]
fn host_protections_follow_the_guests_and_are_never_executable() {
    let mut a = space();
    a.map(0x10000..0x11000, Prot::RX).unwrap();
    a.map(0x11000..0x12000, Prot::RW.union(Prot::X)).unwrap();
    a.map(0x12000..0x13000, Prot::X).unwrap();
    a.poke(0x10800, &[1; 0x2000]).unwrap();
    let base = a.window().unwrap().base;
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let at = |addr: usize| {
        let line = maps.lines().find(|line| {
            let (start, end) = line.split(' ').next().unwrap().split_once('-').unwrap();
            let number = |text| usize::from_str_radix(text, 16).unwrap();
            (number(start)..number(end)).contains(&(base + addr))
        });
        line.unwrap().split(' ').nth(1).unwrap().to_owned()
    };
    assert_eq!(
        [at(0x10000), at(0x11000), at(0x12000), at(0x13000)],
        ["r--p", "rw-p", "---p", "---p"]
    );
}
