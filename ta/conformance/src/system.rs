//! Logs, properties, access rights, cancellation, time, random numbers, caches.

use core::ffi::c_void;
use core::ptr;

use utee::layout::Time;
use utee::property::{self, Set};
use utee::{Result, TeeResult, Uuid, cancellation, memory, operation, syscall, time, trace};

use crate::check::code;
use crate::{UUID, check, check_eq};

pub fn log() -> Result<()> {
    // SAFETY: the buffers are valid for their lengths.
    unsafe {
        check_eq!(syscall::log(b"log\n".as_ptr(), 4), TeeResult::SUCCESS);
        check_eq!(syscall::log(ptr::null(), 0), TeeResult::SUCCESS);
    }
    trace::puts(b"a line without its newline, ");
    trace::puts(b"and the rest\n");
    Ok(())
}

pub fn get_property() -> Result<()> {
    check_eq!(property::get_uuid(Set::Ta, "gpd.ta.appID")?, UUID);
    check_eq!(property::get_u32(Set::Ta, "gpd.ta.endian")?, 0);
    check!(!property::get_text(Set::Tee, "gpd.tee.apiversion")?.is_empty());
    check!(property::get_uuid(Set::Tee, "gpd.tee.deviceID")? != Uuid::NIL);
    property::get_identity(Set::Client, "gpd.client.identity")?;
    for set in [Set::Tee, Set::Ta, Set::Client] {
        list(set)?;
    }
    Ok(())
}

/// Every name of a listing leads to a value.
fn list(set: Set) -> Result<()> {
    let mut index = 0;
    while let Some(name) = property::name(set, index)? {
        utee::dmsg!("{set:?} {name}");
        property::get(set, &name)?;
        index += 1;
    }
    check!(index > 0);
    Ok(())
}

pub fn get_property_name_to_index() -> Result<()> {
    let unknown = property::get(Set::Tee, "gpd.tee.noSuchProperty");
    check_eq!(code(unknown), TeeResult::ERROR_ITEM_NOT_FOUND);
    let mut index = u32::MAX;
    let name = b"gpd.tee.apiversion\0";
    // SAFETY: the name is valid for its length; `index` is ours.
    unsafe {
        let tee = utee::tee_abi::property::PROPSET_TEE_IMPLEMENTATION as usize;
        syscall::get_property_name_to_index(tee, name.as_ptr(), name.len(), &mut index).ok()?;
        check!(index != u32::MAX);
        let no_set = syscall::get_property_name_to_index(7, name.as_ptr(), name.len(), &mut index);
        check_eq!(no_set, TeeResult::ERROR_ITEM_NOT_FOUND);
        let no_name = syscall::get_property_name_to_index(tee, ptr::null(), 0, &mut index);
        check_eq!(no_name, TeeResult::ERROR_BAD_PARAMETERS);
    }
    Ok(())
}

pub fn check_access_rights() -> Result<()> {
    const READ_WRITE: u32 = memory::ACCESS_READ | memory::ACCESS_WRITE;
    let denied = TeeResult::ERROR_ACCESS_DENIED;
    let words = [0u32; 4];
    let stack = words.as_ptr().cast::<u8>();
    let text = (check_access_rights as fn() -> Result<()>) as *const u8;
    memory::check_access_rights(READ_WRITE, stack, size_of_val(&words))?;
    memory::check_access_rights(memory::ACCESS_READ, text, 4)?;
    let of = |flags, address, size| code(memory::check_access_rights(flags, address, size));
    check_eq!(of(memory::ACCESS_WRITE, text, 4), denied);
    check_eq!(of(memory::ACCESS_READ, ptr::null(), 1), denied);
    check_eq!(of(memory::ACCESS_READ, ptr::null(), 0), TeeResult::SUCCESS);
    check_eq!(of(memory::ACCESS_READ, stack, usize::MAX), denied);
    check_eq!(
        of(memory::ACCESS_READ, ptr::without_provenance(1 << 60), 8),
        denied
    );
    Ok(())
}

pub fn get_cancellation_flag() -> Result<()> {
    check!(!cancellation::requested());
    Ok(())
}

pub fn unmask_cancellation() -> Result<()> {
    check!(cancellation::unmask()?);
    check!(!cancellation::unmask()?);
    check!(!cancellation::requested());
    cancellation::mask()?;
    Ok(())
}

pub fn mask_cancellation() -> Result<()> {
    check!(cancellation::mask()?);
    cancellation::unmask()?;
    check!(!cancellation::mask()?);
    check!(cancellation::mask()?);
    Ok(())
}

pub fn wait() -> Result<()> {
    let before = millis(time::system()?);
    time::wait(0)?;
    time::wait(20)?;
    check!(millis(time::system()?) - before >= 20);
    Ok(())
}

fn millis(time: Time) -> u64 {
    u64::from(time.seconds) * 1000 + u64::from(time.millis)
}

pub fn get_time() -> Result<()> {
    let first = time::system()?;
    check!(first.millis < 1000);
    check!(time::system()? >= first);
    check!(time::ree()?.millis < 1000);
    let mut never = Time::default();
    // SAFETY: `never` is ours.
    let unknown = unsafe { syscall::get_time(3, &mut never) };
    check_eq!(unknown, TeeResult::ERROR_BAD_PARAMETERS);
    Ok(())
}

pub fn set_ta_time() -> Result<()> {
    let set = Time {
        seconds: 1_000_000,
        millis: 500,
    };
    time::set_ta_persistent(set)?;
    let now = time::ta_persistent()?;
    check!(now >= set);
    check!(now.seconds < set.seconds + 60);
    Ok(())
}

pub fn random() -> Result<()> {
    let (mut one, mut other) = ([0u8; 32], [0u8; 32]);
    operation::random(&mut one)?;
    operation::random(&mut other)?;
    check!(one != other);
    check!(one != [0; 32]);
    operation::random(&mut [])
}

pub fn cache_operation() -> Result<()> {
    let mut bytes = [0u8; 128];
    let address = bytes.as_mut_ptr().cast::<c_void>();
    for operation in 0..3 {
        // SAFETY: the addresses are examined.
        unsafe { syscall::cache_operation(address, bytes.len(), operation) }.ok()?;
    }
    // SAFETY: as above.
    let nowhere = unsafe { syscall::cache_operation(ptr::null(), 64, 0) };
    check!(!nowhere.is_success());
    Ok(())
}
