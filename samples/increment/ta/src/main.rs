//! Adds one to a value and says nothing: what an invocation costs.
//!
//! | command | parameters | effect |
//! |---|---|---|
//! | 0 | value inout | a becomes a + 1 |
#![no_std]
#![no_main]

use utee::{ParamType, Params, Result, TeeResult, TrustedApp, Value};

struct Increment;

impl TrustedApp for Increment {
    type Session = ();

    fn create() -> Result<Self> {
        Ok(Self)
    }

    fn open_session(&mut self, _params: &mut Params<'_>) -> Result<()> {
        Ok(())
    }

    fn invoke_command(&mut self, (): &mut (), command: u32, params: &mut Params<'_>) -> Result<()> {
        if command != 0 {
            return Err(TeeResult::ERROR_NOT_SUPPORTED);
        }
        let none = ParamType::None;
        params.expect([ParamType::ValueInout, none, none, none])?;
        let Value { a, b } = params.value(0)?;
        let a = a.wrapping_add(1);
        params.set_value(0, Value { a, b })
    }
}

utee::ta! {
    app: Increment,
    uuid: "9ac00827-e6e0-43c6-96f9-a66b2e3adea0",
    trace_level: 0,
    version: "1.0",
    description: "Adds one",
}
