//! A TA that goes wrong in every way that a world must survive: one command each.
//!
//! Commands below 64 end the TA (the client sees TEE_ERROR_TARGET_DEAD from the TEE, and the next
//! session works) or never end; those from 64 on are bad manners that a TA may have and live.
//! A command takes up to two parameters of any type; `a` and `b` are the words of the first where
//! it is a value, else zero.
//!
//! | command | what it does |
//! |---:|---|
//! | 0 | `TEE_Panic(a)` |
//! | 1 | a Rust panic: index out of bounds |
//! | 2 | reads NULL |
//! | 3 | writes NULL |
//! | 4 | reads address a << 32 \| b |
//! | 5 | writes address a << 32 \| b |
//! | 6 | jumps to address a << 32 \| b |
//! | 7 | executes its stack |
//! | 8 | writes its own text |
//! | 9 | writes its own header |
//! | 10 | overflows its stack by recursion |
//! | 11 | loops for ever |
//! | 12 | loops for ever over a syscall |
//! | 13 | executes an undefined instruction |
//! | 14 | executes a breakpoint instruction |
//! | 15 | reads a system register of the kernel |
//! | 16 | calls the secure monitor |
//! | 17 | loads exclusively from a misaligned address |
//! | 18 | stores exclusively to a misaligned address |
//! | 19 | jumps to a misaligned address |
//! | 20 | panics with a frame pointer that points nowhere |
//! | 64 | returns a as its result |
//! | 65 | states size a << 32 \| b for the second parameter, a memref output |
//! | 66 | changes types, addresses and sizes of all parameters |
//! | 67 | logs a bytes in one call |
//! | 68 | logs a lines |
//! | 69 | logs control characters and broken UTF-8 |
//! | 70 | calls every number that is no syscall |
//! | 71 | calls every syscall with every pointer bad in turn |
//! | 72 | calls every syscall with absurd lengths and handles |
//! | 73 | takes memory until there is none; a says how often |
//! | 74 | opens objects and operations until there are none, and leaves them open |
//! | 75 | adds a and b: good manners, to see that the world still stands |
//! | 76 | loads by a stack pointer that is no multiple of 16: OP-TEE does not ask for one |
//!
//! A session opened with a value input fails or panics by its word a: 1 panics when the session
//! opens, 2 panics when it closes, 3 refuses with result b.
#![no_std]
#![no_main]

mod bad_calls;
mod faults;

use utee::{Params, Result, TeeResult, TrustedApp, Value, panic};

struct Misbehave;

/// Whether closing the session panics.
struct Session {
    panic_at_close: bool,
}

impl TrustedApp for Misbehave {
    type Session = Session;

    fn create() -> Result<Self> {
        Ok(Self)
    }

    fn open_session(&mut self, params: &mut Params<'_>) -> Result<Session> {
        let Value { a, b } = params.value(0).unwrap_or_default();
        match a {
            1 => panic::panic(TeeResult(b)),
            3 => Err(TeeResult(b)),
            _ => Ok(Session {
                panic_at_close: a == 2,
            }),
        }
    }

    fn invoke_command(
        &mut self,
        _session: &mut Session,
        command: u32,
        params: &mut Params<'_>,
    ) -> Result<()> {
        let word = params.value(0).unwrap_or_default();
        if command < 64 {
            return faults::commit(command, word);
        }
        match command {
            64 => TeeResult(word.a).ok(),
            65 => params.set_size(1, address(word)),
            66 => {
                bad_calls::scramble(params);
                Ok(())
            }
            75 => params.set_value(0, sum(word)),
            _ => bad_calls::commit(command, word.a),
        }
    }

    fn close_session(&mut self, session: Session) {
        if session.panic_at_close {
            panic::panic(TeeResult::ERROR_GENERIC);
        }
    }
}

/// The 64-bit number in two words.
fn address(Value { a, b }: Value) -> usize {
    (u64::from(a) << 32 | u64::from(b)) as usize
}

fn sum(Value { a, b }: Value) -> Value {
    Value {
        a: a.wrapping_add(b),
        b,
    }
}

utee::ta! {
    app: Misbehave,
    uuid: "bf76e5f6-6546-4e4c-89b5-3b750acbccd8",
    stack_size: 16 * 1024,
    heap_size: 64 * 1024,
    trace_level: 3,
    version: "1.0",
    description: "Goes wrong in every way",
}
