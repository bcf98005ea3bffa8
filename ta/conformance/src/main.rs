//! A TA that checks each syscall by its outcome, whatever world it runs in.
//!
//! Command N below 71 checks the syscall of number N and succeeds, or logs the failed check with
//! its place and ends with an error. Two commands do not come back as the others: 2 panics, which
//! the client sees as TEE_ERROR_TARGET_DEAD. The rest helps to check what surrounds a TA:
//!
//! | command | parameters | effect |
//! |---:|---|---|
//! | 100 | any four | values: a + 1, b inverted; buffers: each byte inverted, the size halved |
//! | 101 | memref input, memref output | copies the first to the second |
//! | 102 | value input | waits a milliseconds with cancellation unmasked |
//! | 103 | value output, value output | invocations of this session and of this instance; sessions open and opened |
//! | 104 | memref inout, value input | waits until the client changes the first byte, at most a milliseconds |
//! | 105 | value input | takes a bytes of heap, fills and gives them back |
#![no_std]
#![no_main]

mod check;
mod ciphers;
mod digests;
mod objects;
mod sessions;
mod storage;
mod surroundings;
mod system;

use utee::{Params, Result, TeeResult, TrustedApp, Uuid, panic};

const UUID_TEXT: &str = "acff7f5a-c73e-4603-86bb-eb2e3d468c99";
const UUID: Uuid = Uuid::from_memory(utee::head::uuid(UUID_TEXT).0);

const CMD_TRANSFORM: u32 = 100;
const CMD_ECHO: u32 = 101;
const CMD_WAIT: u32 = 102;
const CMD_COUNTS: u32 = 103;
const CMD_WATCH: u32 = 104;
const CMD_HEAP: u32 = 105;

/// Counts what the instance served.
#[derive(Default)]
struct Conformance {
    invocations: u32,
    open: u32,
    opened: u32,
}

/// Counts what a session served.
#[derive(Default)]
struct Session {
    invocations: u32,
}

impl TrustedApp for Conformance {
    type Session = Session;

    fn create() -> Result<Self> {
        Ok(Self::default())
    }

    fn open_session(&mut self, _params: &mut Params<'_>) -> Result<Session> {
        self.open += 1;
        self.opened += 1;
        Ok(Session::default())
    }

    fn invoke_command(
        &mut self,
        session: &mut Session,
        command: u32,
        params: &mut Params<'_>,
    ) -> Result<()> {
        self.invocations += 1;
        session.invocations += 1;
        match command {
            CMD_TRANSFORM => surroundings::transform(params),
            CMD_ECHO => surroundings::echo(params),
            CMD_WAIT => surroundings::wait(params),
            CMD_COUNTS => surroundings::counts(
                params,
                [
                    session.invocations,
                    self.invocations,
                    self.open,
                    self.opened,
                ],
            ),
            CMD_WATCH => surroundings::watch(params),
            CMD_HEAP => surroundings::heap(params),
            number => case(number),
        }
    }

    fn close_session(&mut self, _session: Session) {
        self.open -= 1;
    }
}

/// The case of a syscall, by its number.
fn case(number: u32) -> Result<()> {
    match number {
        0 => Ok(()),
        1 => system::log(),
        2 => panic::panic(TeeResult(0xc0de)),
        3 => system::get_property(),
        4 => system::get_property_name_to_index(),
        5 => sessions::open_ta_session(),
        6 => sessions::close_ta_session(),
        7 => sessions::invoke_ta_command(),
        8 => system::check_access_rights(),
        9 => system::get_cancellation_flag(),
        10 => system::unmask_cancellation(),
        11 => system::mask_cancellation(),
        12 => system::wait(),
        13 => system::get_time(),
        14 => system::set_ta_time(),
        15 => digests::state_alloc(),
        16 => digests::state_copy(),
        17 => digests::state_free(),
        18 => digests::hash_init(),
        19 => digests::hash_update(),
        20 => digests::hash_final(),
        21 => ciphers::cipher_init(),
        22 => ciphers::cipher_update(),
        23 => ciphers::cipher_final(),
        24 => objects::get_info(),
        25 => objects::restrict_usage(),
        26 => objects::get_attr(),
        27 => objects::alloc(),
        28 => objects::close(),
        29 => objects::reset(),
        30 => objects::populate(),
        31 => objects::copy(),
        32 => objects::derive_key(),
        33 => system::random(),
        34 => ciphers::authenc_init(),
        35 => ciphers::authenc_update_aad(),
        36 => ciphers::authenc_update_payload(),
        37 => ciphers::authenc_enc_final(),
        38 => ciphers::authenc_dec_final(),
        39 => objects::asymm_operate(),
        40 => objects::asymm_verify(),
        41 => storage::obj_open(),
        42 => storage::obj_create(),
        43 => storage::obj_del(),
        44 => storage::obj_rename(),
        45 => storage::alloc_enum(),
        46 => storage::free_enum(),
        47 => storage::reset_enum(),
        48 => storage::start_enum(),
        49 => storage::next_enum(),
        50 => storage::obj_read(),
        51 => storage::obj_write(),
        52 => storage::obj_trunc(),
        53 => storage::obj_seek(),
        54 => objects::generate_key(),
        70 => system::cache_operation(),
        _ => Err(TeeResult::ERROR_NOT_SUPPORTED),
    }
}

utee::ta! {
    app: Conformance,
    uuid: UUID_TEXT,
    flags: utee::tee_abi::ta::TA_FLAG_CACHE_MAINTENANCE,
    stack_size: 16 * 1024,
    heap_size: 64 * 1024,
    trace_level: 3,
    version: "1.0",
    description: "Checks each syscall by its outcome",
    properties: {
        "org.teebox.conformance.bool": bool true,
        "org.teebox.conformance.u32": u32 0x0123_4567,
        "org.teebox.conformance.u64": u64 0x0123_4567_89ab_cdef,
        "org.teebox.conformance.text": str "some text",
        "org.teebox.conformance.bytes": base64 "AAECAw==",
    },
}
