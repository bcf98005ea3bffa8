//! How long a sandboxed process takes to start, as a ratio to the floor: a process that runs an
//! empty program. Both alternate in one run, so that a busy machine slows both.

use std::ffi::CString;
use std::fs::File;
use std::io::Read;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use platform_linux::{Launch, Policy, Program, Spawner};

const ROUNDS: usize = 300;

fn main() {
    let text = |text: &str| CString::new(text).expect("no NUL");
    let exe = File::open(env!("CARGO_BIN_EXE_sandbox-subject")).expect("the subject is built");
    let args = ["subject", "act", "auto", "nothing"].map(text);
    let program = Arc::new(Program::new(exe.into(), args.to_vec(), Vec::new()));
    let spawner = Spawner::start(Policy::Auto).expect("processes can be made");
    let mut times: [Vec<Duration>; 3] = Default::default();
    for _ in 0..ROUNDS {
        let start = Instant::now();
        Command::new("/bin/true")
            .status()
            .expect("an empty program");
        times[0].push(start.elapsed());
        let start = Instant::now();
        let (mut read, write) = std::io::pipe().expect("a pipe");
        let launch = Launch {
            program: program.clone(),
            args: Vec::new(),
            fds: Vec::new(),
            stderr: write.into(),
        };
        let mut instance = spawner.spawn(launch).expect("a process");
        times[1].push(start.elapsed());
        // Its first word comes behind `lock_down`.
        read.read_exact(&mut [0]).expect("a word");
        times[2].push(start.elapsed());
        instance.wait().expect("a child to wait for");
    }
    let [floor, spawn, ready] = times.map(median);
    let ratio = |time: Duration| time.as_secs_f64() / floor.as_secs_f64();
    println!("empty program {floor:?}");
    println!("spawn         {spawn:?}, {:.2} of it", ratio(spawn));
    println!("locked down   {ready:?}, {:.2} of it", ratio(ready));
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}
