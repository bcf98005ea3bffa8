//! The workloads of `guest-workloads.c`, natively, under qemu-user and in each tier, side by side.
//!
//! `cargo bench -p cpu-engine` compiles the one C file for the host and for A64, runs it each way
//! and prints the best time of each workload relative to the native one. It needs `gcc`,
//! `aarch64-linux-gnu-gcc` and `qemu-aarch64-static`. The engine runs with all its checks on.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use cpu_engine::{Engine, Options, Regs};
use litebox::{AddressSpace, Cpu, Exit, PAGE_SIZE, Prot, Registers};
use nix::time::{ClockId, clock_gettime};
use platform_linux::LinuxSpace;

const REPETITIONS: u32 = 5;
const STACK: u64 = 0x8000_0000;
const STACK_LEN: u64 = 0x10_0000;

/// A workload's name, its best time in nanoseconds, its result.
type Figures = Vec<(String, u64, String)>;

fn compile(compiler: &str, flags: &[&str], to: &Path) {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/guest-workloads.c");
    let status = Command::new(compiler)
        .args([
            "-O2",
            "-static",
            "-nostdlib",
            "-ffreestanding",
            "-fno-stack-protector",
            "-w",
        ])
        .args(["-fno-tree-loop-distribute-patterns", "-fno-pic", "-no-pie"])
        .arg(format!("-DREPS={REPETITIONS}"))
        .args(flags)
        .args([source.as_os_str(), "-o".as_ref(), to.as_os_str()])
        .status()
        .unwrap_or_else(|e| panic!("{compiler}: {e}"));
    assert!(status.success(), "{compiler}: {status}");
}

fn process(command: &mut Command) -> Figures {
    let output = command
        .output()
        .unwrap_or_else(|e| panic!("{command:?}: {e}"));
    parse(&String::from_utf8_lossy(&output.stdout))
}

fn parse(text: &str) -> Figures {
    text.lines()
        .map(|line| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let min = fields[2].trim_start_matches("min=").parse().unwrap();
            (fields[0].to_owned(), min, fields[4].to_owned())
        })
        .collect()
}

fn load(space: &mut LinuxSpace, elf: &[u8]) -> u64 {
    let u64_at = |at: usize| u64::from_le_bytes(elf[at..at + 8].try_into().unwrap());
    let u16_at = |at: usize| u16::from_le_bytes(elf[at..at + 2].try_into().unwrap());
    for i in 0..usize::from(u16_at(56)) {
        let header = u64_at(32) as usize + 56 * i;
        if elf[header] != 1 {
            continue;
        }
        let [offset, at, _, in_file, in_memory] = [8, 16, 24, 32, 40].map(|o| u64_at(header + o));
        let prot = if elf[header + 4] & 1 != 0 {
            Prot::RX
        } else {
            Prot::RW
        };
        let start = at & !(PAGE_SIZE - 1);
        let end = (at + in_memory).next_multiple_of(PAGE_SIZE);
        space.map(start..end, prot).unwrap();
        space
            .poke(at, &elf[offset as usize..(offset + in_file) as usize])
            .unwrap();
    }
    u64_at(24)
}

/// What the guest's clock reads too, so that other processes disturb little.
fn cpu_time() -> Duration {
    Duration::from(clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID).unwrap())
}

/// Runs the program, answering its system calls; gives its output and its instructions a second.
fn engine(path: &Path, options: Options, budget: u64) -> (Figures, f64) {
    let mut space = LinuxSpace::new().unwrap();
    let entry = load(&mut space, &std::fs::read(path).unwrap());
    space.map(STACK..STACK + STACK_LEN, Prot::RW).unwrap();
    let mut engine = Engine::new(options);
    let mut regs = Regs::a64();
    regs.enter(entry, STACK + STACK_LEN - 64, [0; 4]);
    let start = cpu_time();
    let given = budget;
    let mut budget = budget;
    let mut text = String::new();
    loop {
        let exit = engine.run(&mut regs, &mut space, &mut budget);
        assert_eq!(exit, Exit::Syscall);
        let call = regs.syscall(&space).unwrap();
        match call.number {
            64 => {
                text +=
                    &String::from_utf8_lossy(&space.read_vec(call.args[1], call.args[2]).unwrap())
            }
            113 => {
                let now = cpu_time();
                space
                    .store(call.args[1], now.as_secs().to_le_bytes())
                    .unwrap();
                space
                    .store(
                        call.args[1] + 8,
                        u64::from(now.subsec_nanos()).to_le_bytes(),
                    )
                    .unwrap();
            }
            93 => {
                return (
                    parse(&text),
                    given.saturating_sub(budget) as f64 / (cpu_time() - start).as_secs_f64(),
                );
            }
            _ => {}
        }
        regs.set_result(0);
    }
}

fn print(title: &str, native: &Figures, columns: &[(&str, Figures)]) {
    print!("{title:<10}{:>12}", "native µs");
    for (name, _) in columns {
        print!("{name:>12}");
    }
    println!();
    let mut logs = vec![0.0; columns.len()];
    let mut counted = 0.0;
    for (i, (name, time, result)) in native.iter().enumerate() {
        print!("{name:<10}{:>12.1}", *time as f64 / 1000.0);
        counted += f64::from(u8::from(name != "svc"));
        for ((_, figures), log) in columns.iter().zip(&mut logs) {
            assert!(&figures[i].2 == result || name == "svc", "{name}");
            let ratio = figures[i].1 as f64 / *time as f64;
            if name != "svc" {
                *log += ratio.ln();
            }
            print!("{ratio:>12.2}");
        }
        println!();
    }
    print!("{:<22}", "geo-mean without svc");
    for log in logs {
        print!("{:>12.2}", (log / counted).exp());
    }
    println!("\n");
}

fn main() {
    let dir = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    for (title, flags) in [
        ("integer", &["-mgeneral-regs-only", "-DNOFP"][..]),
        ("with FP", &["-O3"]),
    ] {
        let (host, guest) = (dir.join("native"), dir.join("a64"));
        compile("gcc", flags, &host);
        compile("aarch64-linux-gnu-gcc", flags, &guest);
        let native = process(&mut Command::new(&host));
        let qemu = process(Command::new("qemu-aarch64-static").arg(&guest));
        let translate = || Options {
            translate: true,
            ..Options::default()
        };
        let (interpreter, rate) = engine(&guest, Options::default(), 1 << 60);
        let (translator, _) = engine(&guest, translate(), u64::MAX);
        let (counted, _) = engine(&guest, translate(), 1 << 60);
        let columns = [
            ("qemu-user", qemu),
            ("interpreter", interpreter),
            ("translator", translator),
            ("counted", counted),
        ];
        print(title, &native, &columns);
        println!(
            "interpreter: {:.0} million instructions a second\n",
            rate / 1e6
        );
    }
}
