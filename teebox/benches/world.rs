//! What a world costs: a whole `teebox run`, a session, an invocation, each beside what the host
//! takes for the least that the job needs, in the same run.
//!
//! `cargo bench -p teebox` builds the TAs' and clients' users, not the TAs: run `cargo xtask tas` and
//! `cargo xtask clients` first.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tee_abi::param::Login;
use tee_abi::{TeeResult, Uuid};
use tee_client::{Context, Direction, NO_PARAMS, Param};

fn main() {
    let bench = Bench::new();
    println!(
        "{:<34} {:>10} {:>10} {:>12}",
        "", "median", "99 %", "x of floor"
    );
    let floor = row("fork and exec of `true`", 100, None, || {
        command(Path::new("true"))
    });
    bench.whole_run(floor);
    let floor = round_trip();
    row_of("blocked round trip, two processes", &floor, None);
    bench.sessions(median(&floor));
}

/// The middle of the samples.
fn median(samples: &[Duration]) -> Duration {
    samples[samples.len() / 2]
}

fn row_of(name: &str, sorted: &[Duration], floor: Option<Duration>) -> Duration {
    let middle = median(sorted);
    let high = sorted[sorted.len() * 99 / 100];
    let ratio = floor.map_or(String::new(), |f| {
        format!("{:.2}", middle.as_secs_f64() / f.as_secs_f64())
    });
    let micro = |d: Duration| format!("{:.1} us", d.as_secs_f64() * 1e6);
    println!(
        "{name:<34} {:>10} {:>10} {ratio:>12}",
        micro(middle),
        micro(high)
    );
    middle
}

fn row(name: &str, count: usize, floor: Option<Duration>, mut job: impl FnMut()) -> Duration {
    for _ in 0..count.min(10) {
        job();
    }
    let mut samples: Vec<Duration> = (0..count)
        .map(|_| {
            let start = Instant::now();
            job();
            start.elapsed()
        })
        .collect();
    samples.sort();
    row_of(name, &samples, floor)
}

fn command(program: &Path) {
    let status = Command::new(program)
        .status()
        .expect("the program is there");
    assert!(status.success());
}

/// A byte to another process and back, both asleep in between.
fn round_trip() -> Vec<Duration> {
    let (mut near, far) = UnixStream::pair().expect("sockets");
    let input = Stdio::from(std::os::fd::OwnedFd::from(
        far.try_clone().expect("a descriptor"),
    ));
    let output = Stdio::from(std::os::fd::OwnedFd::from(far));
    let mut cat = Command::new("cat")
        .stdin(input)
        .stdout(output)
        .spawn()
        .expect("cat");
    let mut samples: Vec<Duration> = (0..2000)
        .map(|_| {
            let start = Instant::now();
            near.write_all(b"x").expect("written");
            near.read_exact(&mut [0]).expect("read");
            start.elapsed()
        })
        .collect();
    drop(near);
    let _ = cat.wait();
    samples.sort();
    samples
}

struct Bench {
    root: PathBuf,
    uuid: Uuid,
}

impl Bench {
    fn new() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let index =
            std::fs::read_to_string(root.join("target/ta/index")).expect("`cargo xtask tas`");
        let uuid = index
            .lines()
            .find_map(|line| line.strip_prefix("increment "))
            .expect("increment");
        Self {
            uuid: uuid.parse().expect("a UUID"),
            root,
        }
    }

    fn teebox(&self, verb: &str) -> Command {
        let mut teebox = Command::new(env!("CARGO_BIN_EXE_teebox"));
        teebox
            .arg(verb)
            .arg("--ta-dir")
            .arg(self.root.join("target/ta"));
        teebox.args(["--ta-log-level", "0"]).stderr(Stdio::null());
        teebox
    }

    fn whole_run(&self, floor: Duration) {
        let client = self.root.join("target/samples/hello_world");
        row("teebox run -- hello_world", 50, Some(floor), || {
            let mut teebox = self.teebox("run");
            let status = teebox.arg("--").arg(&client).stdout(Stdio::null()).status();
            assert!(status.expect("teebox").success(), "`cargo xtask clients`");
        });
    }

    fn sessions(&self, floor: Duration) {
        let world = World::start(self.teebox("serve"));
        let context = Context::connect(&world.socket).expect("a context");
        let open = || {
            let (outcome, session) = context.open_session(self.uuid, Login::PUBLIC, 0, &NO_PARAMS);
            assert_eq!(outcome.result, TeeResult::SUCCESS);
            session.expect("a session")
        };
        row("open and close a session", 100, Some(floor), || {
            open().close()
        });
        let session = open();
        row("invoke, in a tight loop", 20_000, Some(floor), || {
            let mut params = NO_PARAMS;
            params[0] = Param::Value {
                direction: Direction::Inout,
                a: 41,
                b: 0,
            };
            let outcome = session.invoke(0, &params);
            assert_eq!(outcome.result, TeeResult::SUCCESS);
        });
        session.close();
    }
}

/// A world that ends with this value.
struct World {
    process: Child,
    socket: PathBuf,
}

impl World {
    fn start(mut serve: Command) -> Self {
        let mut process = serve.stdout(Stdio::piped()).spawn().expect("teebox serve");
        let mut line = String::new();
        let out = process.stdout.as_mut().expect("its output");
        BufReader::new(out).read_line(&mut line).expect("a line");
        let socket = line.split('\'').nth(1).expect("a path in quotes").into();
        Self { process, socket }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = Command::new("kill")
            .arg(self.process.id().to_string())
            .status();
        let _ = self.process.wait();
    }
}
