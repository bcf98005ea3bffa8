//! Counts a number up or down: the smallest Trusted Application that does something.
//!
//! | command | parameters | effect |
//! |---|---|---|
//! | 0 `INC_VALUE` | value inout | a becomes a + 1 |
//! | 1 `DEC_VALUE` | value inout | a becomes a - 1 |
#![no_std]
#![no_main]

use utee::{ParamType, Params, Result, TeeResult, TrustedApp, Value, dmsg, imsg};

const CMD_INC_VALUE: u32 = 0;
const CMD_DEC_VALUE: u32 = 1;

struct HelloWorld;

impl TrustedApp for HelloWorld {
    type Session = ();

    fn create() -> Result<Self> {
        dmsg!("has been called");
        Ok(Self)
    }

    fn open_session(&mut self, params: &mut Params<'_>) -> Result<()> {
        dmsg!("has been called");
        params.expect([ParamType::None; 4])?;
        imsg!("Hello World!");
        Ok(())
    }

    fn invoke_command(&mut self, (): &mut (), command: u32, params: &mut Params<'_>) -> Result<()> {
        match command {
            CMD_INC_VALUE => change(params, "Increase", u32::wrapping_add),
            CMD_DEC_VALUE => change(params, "Decrease", u32::wrapping_sub),
            _ => Err(TeeResult::ERROR_BAD_PARAMETERS),
        }
    }

    fn close_session(&mut self, (): ()) {
        imsg!("Goodbye!");
    }

    fn destroy(self) {
        dmsg!("has been called");
    }
}

fn change(params: &mut Params<'_>, verb: &str, by: fn(u32, u32) -> u32) -> Result<()> {
    dmsg!("has been called");
    let none = ParamType::None;
    params.expect([ParamType::ValueInout, none, none, none])?;
    let Value { a, b } = params.value(0)?;
    imsg!("Got value: {a} from NW");
    let a = by(a, 1);
    imsg!("{verb} value to: {a}");
    params.set_value(0, Value { a, b })
}

utee::ta! {
    app: HelloWorld,
    uuid: "dbf76c89-03c6-4c5d-9539-6ec943e6366f",
    stack_size: 8 * 1024,
    heap_size: 32 * 1024,
    trace_level: 3,
    version: "1.0",
    description: "Example of a Hello World Trusted Application",
    properties: {
        "org.teebox.samples.hello_world.greeting": str "Hello World!",
        "org.teebox.samples.hello_world.step": u32 1,
    },
}
