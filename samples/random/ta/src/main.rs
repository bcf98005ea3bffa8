//! Fills a buffer with random bytes.
//!
//! | command | parameters | effect |
//! |---|---|---|
//! | 0 `GENERATE` | memref output | the whole buffer is random |
#![no_std]
#![no_main]

use utee::{ParamType, Params, Result, TeeResult, TrustedApp, dmsg, imsg, operation, param};

const CMD_GENERATE: u32 = 0;

struct Random;

impl TrustedApp for Random {
    type Session = ();

    fn create() -> Result<Self> {
        Ok(Self)
    }

    fn open_session(&mut self, params: &mut Params<'_>) -> Result<()> {
        params.expect([ParamType::None; 4])
    }

    fn invoke_command(&mut self, (): &mut (), command: u32, params: &mut Params<'_>) -> Result<()> {
        match command {
            CMD_GENERATE => generate(params),
            _ => Err(TeeResult::ERROR_BAD_PARAMETERS),
        }
    }
}

fn generate(params: &mut Params<'_>) -> Result<()> {
    dmsg!("has been called");
    let none = ParamType::None;
    params.expect([ParamType::MemrefOutput, none, none, none])?;
    let mut bytes = param::zeroed(params.memref(0)?.len())?;
    imsg!("Generating random data over {} bytes.", bytes.len());
    operation::random(&mut bytes)?;
    params.write(0, &bytes)
}

utee::ta! {
    app: Random,
    uuid: "5eaa4998-8027-4d83-8254-1aae28cb14c1",
    version: "1.0",
    description: "Example of random number generation",
}
