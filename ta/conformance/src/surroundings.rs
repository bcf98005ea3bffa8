//! What surrounds a TA: parameters, shared memory, cancellation, sessions, heap.

use utee::param::{self, Memref};
use utee::{ParamType, Params, Result, TeeResult, Value, cancellation, time};

use crate::check;

/// Changes whatever it may change.
pub fn transform(params: &mut Params<'_>) -> Result<()> {
    for index in 0..4 {
        if let Ok(Value { a, b }) = params.value(index) {
            let changed = Value {
                a: a.wrapping_add(1),
                b: !b,
            };
            let _ = params.set_value(index, changed);
        } else if let Ok(memref) = params.memref(index)
            && params.set_size(index, memref.len() / 2).is_ok()
        {
            invert(memref)?;
        }
    }
    Ok(())
}

fn invert(memref: Memref) -> Result<()> {
    let mut bytes = memref.to_vec()?;
    for byte in &mut bytes {
        *byte = !*byte;
    }
    memref.write(&bytes)
}

/// The first buffer to the second.
pub fn echo(params: &mut Params<'_>) -> Result<()> {
    let none = ParamType::None;
    params.expect([ParamType::MemrefInput, ParamType::MemrefOutput, none, none])?;
    let bytes = params.memref(0)?.to_vec()?;
    params.write(1, &bytes)
}

/// Waits, and lets itself be cancelled.
pub fn wait(params: &mut Params<'_>) -> Result<()> {
    let milliseconds = params.value(0)?.a;
    cancellation::unmask()?;
    let waited = time::wait(milliseconds);
    cancellation::mask()?;
    waited
}

/// Tells four counts.
pub fn counts(params: &mut Params<'_>, [session, instance, open, opened]: [u32; 4]) -> Result<()> {
    let (out, none) = (ParamType::ValueOutput, ParamType::None);
    params.expect([out, out, none, none])?;
    params.set_value(
        0,
        Value {
            a: session,
            b: instance,
        },
    )?;
    params.set_value(1, Value { a: open, b: opened })
}

/// Waits for the client's next write.
pub fn watch(params: &mut Params<'_>) -> Result<()> {
    let memref = params.memref(0)?;
    let limit = params.value(1)?.a;
    let first = |memref: &Memref| {
        let mut byte = [0];
        memref.read(&mut byte);
        byte
    };
    let before = first(&memref);
    for _ in 0..limit {
        if first(&memref) != before {
            return Ok(());
        }
        time::wait(1)?;
    }
    Err(TeeResult::ERROR_NO_DATA)
}

/// Uses the heap.
pub fn heap(params: &mut Params<'_>) -> Result<()> {
    let mut bytes = param::zeroed(params.value(0)?.a as usize)?;
    check!(bytes.iter().all(|byte| *byte == 0));
    bytes.fill(0xa5);
    check!(bytes.iter().all(|byte| *byte == 0xa5));
    Ok(())
}
