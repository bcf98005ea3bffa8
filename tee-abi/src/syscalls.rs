//! The syscall table: one list of the 56 live syscalls, read by the dispatcher, libutee's stubs,
//! the C headers, the tracer, `teebox syscalls`, `docs/syscalls.md` and the fuzzer's grammar.
//!
//! A row is `number name TEE_SCN_suffix (argument: Kind, …) [support];`. The name is the core's
//! (`syscall_NAME`); upstream spells eight of them differently in number, stub and core, so each
//! row names all three. Source: `tee_syscall_numbers.h`, `utee_syscalls.h`, `core/kernel/scall.c`.
//!
//! Support is `[full]`, `[partial "what lacks"]` or `[missing "why"]`. The shim must implement
//! every row that is not missing, or it does not compile.

/// Highest syscall number (`TEE_SCN_MAX`).
pub const TEE_SCN_MAX: u64 = 70;

/// Whether a number is one of the fifteen of the removed Secure Element API, which answer
/// `TEE_ERROR_NOT_SUPPORTED`.
#[must_use]
pub const fn is_deprecated(number: u64) -> bool {
    number >= 55 && number <= 69
}

/// Calls `$callback!` with every row of the syscall table.
#[macro_export]
macro_rules! for_each_syscall {
    ($callback:ident) => {
        $callback! {
            0 sys_return RETURN "_utee_return" (ret: Ulong) [full];
            1 log LOG "_utee_log" (buf: BufIn, len: Size) [full];
            2 panic PANIC "_utee_panic" (code: Ulong, frame: Ulong) [full];
            3 get_property GET_PROPERTY "_utee_get_property" (prop_set: Ulong, index: Ulong, name: BufOut, name_len: U32InOut, buf: BufOut, blen: U32InOut, prop_type: U32Out) [full];
            4 get_property_name_to_index GET_PROPERTY_NAME_TO_INDEX "_utee_get_property_name_to_index" (prop_set: Ulong, name: BufIn, name_len: Size, index: U32Out) [full];
            5 open_ta_session OPEN_TA_SESSION "_utee_open_ta_session" (dest: UuidIn, cancel_req_to: Ulong, params: ParamsInOut, sess: U32Out, ret_orig: U32Out) [partial "no pseudo-TA and no other TA answers yet: TEE_ERROR_ITEM_NOT_FOUND"];
            6 close_ta_session CLOSE_TA_SESSION "_utee_close_ta_session" (sess: Ulong) [partial "as open_ta_session"];
            7 invoke_ta_command INVOKE_TA_COMMAND "_utee_invoke_ta_command" (sess: Ulong, cancel_req_to: Ulong, cmd_id: Ulong, params: ParamsInOut, ret_orig: U32Out) [partial "as open_ta_session"];
            8 check_access_rights CHECK_ACCESS_RIGHTS "_utee_check_access_rights" (flags: Ulong, buf: Addr, len: Size) [full];
            9 get_cancellation_flag GET_CANCELLATION_FLAG "_utee_get_cancellation_flag" (cancel: U32Out) [full];
            10 unmask_cancellation UNMASK_CANCELLATION "_utee_unmask_cancellation" (old_mask: U32Out) [full];
            11 mask_cancellation MASK_CANCELLATION "_utee_mask_cancellation" (old_mask: U32Out) [full];
            12 wait WAIT "_utee_wait" (timeout: Ulong) [full];
            13 get_time GET_TIME "_utee_get_time" (cat: Ulong, time: TimeOut) [full];
            14 set_ta_time SET_TA_TIME "_utee_set_ta_time" (time: TimeIn) [full];
            15 cryp_state_alloc CRYP_STATE_ALLOC "_utee_cryp_state_alloc" (algo: Ulong, op_mode: Ulong, key1: Ulong, key2: Ulong, state: U32Out) [full];
            16 cryp_state_copy CRYP_STATE_COPY "_utee_cryp_state_copy" (dst: Ulong, src: Ulong) [full];
            17 cryp_state_free CRYP_STATE_FREE "_utee_cryp_state_free" (state: Ulong) [full];
            18 hash_init HASH_INIT "_utee_hash_init" (state: Ulong, iv: BufIn, iv_len: Size) [full];
            19 hash_update HASH_UPDATE "_utee_hash_update" (state: Ulong, chunk: BufIn, chunk_size: Size) [full];
            20 hash_final HASH_FINAL "_utee_hash_final" (state: Ulong, chunk: BufIn, chunk_size: Size, hash: BufOut, hash_len: U64InOut) [full];
            21 cipher_init CIPHER_INIT "_utee_cipher_init" (state: Ulong, iv: BufIn, iv_len: Size) [full];
            22 cipher_update CIPHER_UPDATE "_utee_cipher_update" (state: Ulong, src: BufIn, src_len: Size, dest: BufOut, dest_len: U64InOut) [full];
            23 cipher_final CIPHER_FINAL "_utee_cipher_final" (state: Ulong, src: BufIn, src_len: Size, dest: BufOut, dest_len: U64InOut) [full];
            24 cryp_obj_get_info CRYP_OBJ_GET_INFO "_utee_cryp_obj_get_info" (obj: Ulong, info: InfoOut) [full];
            25 cryp_obj_restrict_usage CRYP_OBJ_RESTRICT_USAGE "_utee_cryp_obj_restrict_usage" (obj: Ulong, usage: Ulong) [full];
            26 cryp_obj_get_attr CRYP_OBJ_GET_ATTR "_utee_cryp_obj_get_attr" (obj: Ulong, attr_id: Ulong, buffer: BufOut, size: U64InOut) [full];
            27 cryp_obj_alloc CRYP_OBJ_ALLOC "_utee_cryp_obj_alloc" (obj_type: Ulong, max_size: Ulong, obj: U32Out) [full];
            28 cryp_obj_close CRYP_OBJ_CLOSE "_utee_cryp_obj_close" (obj: Ulong) [full];
            29 cryp_obj_reset CRYP_OBJ_RESET "_utee_cryp_obj_reset" (obj: Ulong) [full];
            30 cryp_obj_populate CRYP_OBJ_POPULATE "_utee_cryp_obj_populate" (obj: Ulong, attrs: AttrsIn, attr_count: Ulong) [full];
            31 cryp_obj_copy CRYP_OBJ_COPY "_utee_cryp_obj_copy" (dst_obj: Ulong, src_obj: Ulong) [full];
            32 cryp_derive_key CRYP_DERIVE_KEY "_utee_cryp_derive_key" (state: Ulong, params: AttrsIn, param_count: Ulong, derived_key: Ulong) [full];
            33 cryp_random_number_generate CRYP_RANDOM_NUMBER_GENERATE "_utee_cryp_random_number_generate" (buf: BufOut, blen: Size) [full];
            34 authenc_init AUTHENC_INIT "_utee_authenc_init" (state: Ulong, nonce: BufIn, nonce_len: Size, tag_len: Size, aad_len: Size, payload_len: Size) [full];
            35 authenc_update_aad AUTHENC_UPDATE_AAD "_utee_authenc_update_aad" (state: Ulong, aad_data: BufIn, aad_data_len: Size) [full];
            36 authenc_update_payload AUTHENC_UPDATE_PAYLOAD "_utee_authenc_update_payload" (state: Ulong, src_data: BufIn, src_len: Size, dest_data: BufOut, dest_len: U64InOut) [full];
            37 authenc_enc_final AUTHENC_ENC_FINAL "_utee_authenc_enc_final" (state: Ulong, src_data: BufIn, src_len: Size, dest_data: BufOut, dest_len: U64InOut, tag: BufOut, tag_len: U64InOut) [full];
            38 authenc_dec_final AUTHENC_DEC_FINAL "_utee_authenc_dec_final" (state: Ulong, src_data: BufIn, src_len: Size, dest_data: BufOut, dest_len: U64InOut, tag: BufIn, tag_len: Size) [full];
            39 asymm_operate ASYMM_OPERATE "_utee_asymm_operate" (state: Ulong, params: AttrsIn, num_params: Ulong, src_data: BufIn, src_len: Size, dest_data: BufOut, dest_len: U64InOut) [full];
            40 asymm_verify ASYMM_VERIFY "_utee_asymm_verify" (state: Ulong, params: AttrsIn, num_params: Ulong, data: BufIn, data_len: Size, sig: BufIn, sig_len: Size) [full];
            41 storage_obj_open STORAGE_OBJ_OPEN "_utee_storage_obj_open" (storage_id: Ulong, object_id: BufIn, object_id_len: Size, flags: Ulong, obj: U32Out) [full];
            42 storage_obj_create STORAGE_OBJ_CREATE "_utee_storage_obj_create" (storage_id: Ulong, object_id: BufIn, object_id_len: Size, flags: Ulong, attr: Ulong, data: BufIn, len: Size, obj: U32Out) [full];
            43 storage_obj_del STORAGE_OBJ_DEL "_utee_storage_obj_del" (obj: Ulong) [full];
            44 storage_obj_rename STORAGE_OBJ_RENAME "_utee_storage_obj_rename" (obj: Ulong, new_obj_id: BufIn, new_obj_id_len: Size) [full];
            45 storage_alloc_enum STORAGE_ENUM_ALLOC "_utee_storage_alloc_enum" (obj_enum: U32Out) [full];
            46 storage_free_enum STORAGE_ENUM_FREE "_utee_storage_free_enum" (obj_enum: Ulong) [full];
            47 storage_reset_enum STORAGE_ENUM_RESET "_utee_storage_reset_enum" (obj_enum: Ulong) [full];
            48 storage_start_enum STORAGE_ENUM_START "_utee_storage_start_enum" (obj_enum: Ulong, storage_id: Ulong) [full];
            49 storage_next_enum STORAGE_ENUM_NEXT "_utee_storage_next_enum" (obj_enum: Ulong, info: InfoOut, obj_id: BufOut, len: U64InOut) [full];
            50 storage_obj_read STORAGE_OBJ_READ "_utee_storage_obj_read" (obj: Ulong, data: BufOut, len: Size, count: U64Out) [full];
            51 storage_obj_write STORAGE_OBJ_WRITE "_utee_storage_obj_write" (obj: Ulong, data: BufIn, len: Size) [full];
            52 storage_obj_trunc STORAGE_OBJ_TRUNC "_utee_storage_obj_trunc" (obj: Ulong, len: Size) [full];
            53 storage_obj_seek STORAGE_OBJ_SEEK "_utee_storage_obj_seek" (obj: Ulong, offset: I32, whence: Ulong) [full];
            54 obj_generate_key CRYP_OBJ_GENERATE_KEY "_utee_cryp_obj_generate_key" (obj: Ulong, key_size: Ulong, params: AttrsIn, param_count: Ulong) [full];
            70 cache_operation CACHE_OPERATION "_utee_cache_operation" (va: Addr, l: Size, op: Ulong) [full];
        }
    };
}

/// What an argument word is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArgKind {
    /// `unsigned long`.
    Ulong,
    /// `size_t`; where it follows a buffer, the buffer's length.
    Size,
    /// `int32_t`.
    I32,
    /// An address that is examined, not dereferenced.
    Addr,
    /// A buffer the TEE reads; its length is the next argument.
    BufIn,
    /// A buffer the TEE writes; its length is the next argument, by value or by pointer.
    BufOut,
    /// Pointer to a u32 the TEE writes.
    U32Out,
    /// Pointer to a u32 the TEE reads and writes.
    U32InOut,
    /// Pointer to a u64 the TEE writes.
    U64Out,
    /// Pointer to a u64 the TEE reads and writes.
    U64InOut,
    /// Pointer to a `TEE_Time` the TEE reads.
    TimeIn,
    /// Pointer to a `TEE_Time` the TEE writes.
    TimeOut,
    /// Pointer to a `TEE_UUID` the TEE reads.
    UuidIn,
    /// Pointer to a `struct utee_params` the TEE reads and writes.
    ParamsInOut,
    /// Array of `struct utee_attribute`; the next argument is the count.
    AttrsIn,
    /// Pointer to a `struct utee_object_info` the TEE writes.
    InfoOut,
}

/// How far a syscall is implemented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Support {
    /// As upstream.
    Full,
    /// Implemented, except for what the text names.
    Partial(&'static str),
    /// Answers `TEE_ERROR_NOT_SUPPORTED` and logs its name.
    Missing(&'static str),
}

/// A row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Syscall {
    /// Its number (`TEE_SCN_*`).
    pub number: u64,
    /// The core's name without `syscall_`.
    pub name: &'static str,
    /// The number's name without `TEE_SCN_`.
    pub scn: &'static str,
    /// libutee's stub.
    pub stub: &'static str,
    /// Its arguments in order.
    pub args: &'static [(&'static str, ArgKind)],
    /// How far it is implemented.
    pub support: Support,
}

macro_rules! support {
    ([full]) => {
        Support::Full
    };
    ([partial $what:literal]) => {
        Support::Partial($what)
    };
    ([missing $why:literal]) => {
        Support::Missing($why)
    };
}

macro_rules! table {
    ($( $number:literal $name:ident $scn:ident $stub:literal ( $($arg:ident : $kind:ident),* ) $support:tt; )*) => {
        /// Every live syscall, in ascending order of number.
        pub const SYSCALLS: &[Syscall] = &[ $( Syscall {
            number: $number,
            name: stringify!($name),
            scn: stringify!($scn),
            stub: $stub,
            args: &[ $( (stringify!($arg), ArgKind::$kind) ),* ],
            support: support!($support),
        }, )* ];
    };
}
for_each_syscall!(table);

/// The row of a number.
#[must_use]
pub fn lookup(number: u64) -> Option<&'static Syscall> {
    SYSCALLS
        .binary_search_by_key(&number, |row| row.number)
        .ok()
        .and_then(|i| SYSCALLS.get(i))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_56_rows_are_listed_once_in_order() {
        assert_eq!(SYSCALLS.len(), 56);
        assert!(SYSCALLS.is_sorted_by(|a, b| a.number < b.number));
        assert!(
            SYSCALLS
                .iter()
                .all(|row| row.args.len() <= 8 && !is_deprecated(row.number))
        );
    }

    #[test]
    fn every_number_is_live_or_deprecated() {
        for number in 0..=TEE_SCN_MAX {
            assert_ne!(lookup(number).is_some(), is_deprecated(number), "{number}");
        }
    }
}
