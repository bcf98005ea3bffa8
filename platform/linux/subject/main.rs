//! The process that the sandbox's tests lock down.
//!
//! ```text
//! sandbox-subject host HOST POLICY ACTION    spawns the next one on a host like HOST, and tells how it ended
//! sandbox-subject act POLICY ACTION          locks itself down, then attempts ACTION
//! ```
//!
//! # Safety
//! The actions are system calls with numbers, literals or null pointers; those that would do harm
//! are the ones that the sandbox shall stop.
#![expect(unsafe_code, reason = "forbidden system calls are attempted")]

mod action;
mod host;
mod native;

use std::ffi::CString;
use std::io::Read;
use std::process::ExitCode;
use std::sync::Arc;

use platform_linux::{Launch, Policy, Program, SpawnError, Spawner, lock_down, lock_down_native};

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args.as_slice() {
        ["host", host, policy, action] => {
            host::become_like(host);
            print!("{}", tell(policy, action));
            ExitCode::SUCCESS
        }
        ["act", policy, action] => act(policy, action),
        _ => ExitCode::from(64),
    }
}

fn policy(name: &str) -> Policy {
    if name == "strict" {
        Policy::Strict
    } else {
        Policy::Auto
    }
}

fn act(name: &str, action: &str) -> ExitCode {
    // Actions by native code need the processor before, and room for the code behind.
    let native = action.starts_with("native").then(native::Guest::new);
    let locked = match &native {
        None => lock_down(policy(name), &[]),
        Some(_) => lock_down_native(policy(name), &[]),
    };
    match locked {
        Err(error) => {
            eprintln!("refused: {error}");
            ExitCode::from(70)
        }
        Ok(report) => {
            let missing: Vec<&str> = report.missing().map(|(layer, _)| layer.name()).collect();
            eprintln!("missing: {}", missing.join(", "));
            let answer = match native {
                None => action::attempt(action),
                Some(guest) => guest.attempt(action),
            };
            eprintln!("answer: {answer}");
            ExitCode::SUCCESS
        }
    }
}

/// What became of an action in a process that a spawner made.
fn tell(policy_name: &str, action: &str) -> String {
    let spawner = match Spawner::start(policy(policy_name)) {
        Ok(spawner) => spawner,
        Err(error) => return format!("no spawner: {error}\n"),
    };
    match run(&spawner, policy_name, action) {
        Ok(said) => said,
        Err(error) => format!("no process: {error}\n"),
    }
}

fn run(spawner: &Spawner, policy_name: &str, action: &str) -> Result<String, SpawnError> {
    let text = |text: &str| CString::new(text).expect("no NUL in arguments");
    let program = Program::current(vec![text("subject"), text("act")], Vec::new());
    let (mut read, write) = std::io::pipe().expect("a pipe");
    let mut instance = spawner.spawn(Launch {
        program: Arc::new(program.expect("/proc is there")),
        args: vec![text(policy_name), text(action)],
        fds: Vec::new(),
        stderr: write.into(),
    })?;
    let mut said = String::new();
    read.read_to_string(&mut said).expect("text on the pipe");
    let ended = instance.wait().expect("a child to wait for");
    Ok(format!("{said}ended: {ended:?}\n"))
}
