//! Worlds under load and under fire: many clients at once, clients and instances that are killed,
//! TAs that die. No answer is wrong or missing, and nothing is left.

#[path = "../support/mod.rs"]
mod support;

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use support::{ta_dir, uuid};
use tee_client::{
    Context, Direction, Login, NO_PARAMS, Origin, Outcome, Param, Params, Session, TeeResult,
};

/// The variable by which this program, started again, is a client that is about to be killed.
const VICTIM: &str = "TEEBOX_TEST_VICTIM";

/// Instructions that an entry may run for: the loop for ever takes a while, and ends.
const BUDGET: &str = "300000000";

/// Commands of the misbehaving TA.
const PANIC: u32 = 0;
const LOOP: u32 = 11;
const ADD: u32 = 75;

/// How long a world may take to notice what was done to it.
const PATIENCE: Duration = Duration::from_secs(60);

/// A served world. It ends with this value.
struct World {
    process: Child,
    _stdout: BufReader<ChildStdout>,
    socket: PathBuf,
}

impl World {
    fn serve() -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_teebox"))
            .args([
                "serve",
                "--log",
                "/dev/null",
                "--budget",
                BUDGET,
                "--ta-dir",
            ])
            .arg(ta_dir())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(process.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let socket = line.trim().strip_prefix("export TEEBOX_SOCKET='").unwrap();
        let socket = socket.trim_end_matches('\'').into();
        Self {
            process,
            _stdout: stdout,
            socket,
        }
    }

    fn context(&self) -> Context {
        Context::connect(&self.socket).unwrap()
    }

    /// Descriptors of the daemon.
    fn descriptors(&self) -> usize {
        let dir = format!("/proc/{}/fd", self.process.id());
        fs::read_dir(dir).unwrap().count()
    }

    /// Processes of TA instances.
    fn instances(&self) -> BTreeSet<u32> {
        let mut found = BTreeSet::new();
        for task in fs::read_dir(format!("/proc/{}/task", self.process.id())).unwrap() {
            let children = task.unwrap().path().join("children");
            let pids = fs::read_to_string(children).unwrap_or_default();
            found.extend(
                pids.split_whitespace()
                    .filter_map(|pid| pid.parse::<u32>().ok()),
            );
        }
        found.retain(|pid| {
            let name = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            name.starts_with(b"teebox-ta\0")
        });
        found
    }

    /// Waits until the world has nothing that it did not have at its start.
    fn settle(&self, descriptors: usize) {
        until(|| self.instances().is_empty() && self.descriptors() <= descriptors);
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = Command::new("kill")
            .args(["-TERM", &self.process.id().to_string()])
            .status();
        assert!(self.process.wait().unwrap().success());
        assert!(!self.socket.exists());
    }
}

fn until(mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < PATIENCE, "it never became so");
        thread::sleep(Duration::from_millis(5));
    }
}

fn open(context: &Context, ta: &str) -> Session {
    let uuid = uuid(ta).parse().unwrap();
    let (outcome, session) = context.open_session(uuid, Login::PUBLIC, 0, &NO_PARAMS);
    assert_eq!(outcome.result, TeeResult::SUCCESS, "{outcome:?}");
    session.unwrap()
}

fn value(a: u32, b: u32) -> Params<'static> {
    let direction = Direction::Inout;
    [
        Param::Value { direction, a, b },
        Param::None,
        Param::None,
        Param::None,
    ]
}

fn is_dead(outcome: &Outcome) -> bool {
    (outcome.result, outcome.origin) == (TeeResult::ERROR_TARGET_DEAD, Origin::Tee)
}

#[test]
fn two_hundred_clients_at_once_get_every_answer() {
    let world = World::serve();
    drop(open(&world.context(), "increment"));
    until(|| world.instances().is_empty());
    let descriptors = world.descriptors();
    thread::scope(|scope| {
        for client in 0..200 {
            let world = &world;
            scope.spawn(move || {
                let context = world.context();
                let session = open(&context, "increment");
                for i in 0..100 {
                    let outcome = session.invoke(0, &value(client * 1000 + i, 0));
                    assert_eq!(outcome.result, TeeResult::SUCCESS, "{outcome:?}");
                    assert_eq!(outcome.params[0].0, u64::from(client * 1000 + i + 1));
                }
                session.close();
            });
        }
    });
    world.settle(descriptors);
}

#[test]
fn a_ta_that_panics_is_dead_and_the_next_session_works() {
    let world = World::serve();
    let context = world.context();
    for round in 0..20 {
        let session = open(&context, "misbehave");
        assert!(is_dead(&session.invoke(PANIC, &value(round, 0))));
        assert!(is_dead(&session.invoke(ADD, &value(1, 2))));
        session.close();
    }
    let session = open(&context, "misbehave");
    assert_eq!(session.invoke(ADD, &value(1, 2)).result, TeeResult::SUCCESS);
}

#[test]
fn an_instance_that_is_killed_is_a_dead_ta_and_the_next_session_works() {
    let world = World::serve();
    let context = world.context();
    let session = open(&context, "misbehave");
    let victims = world.instances();
    assert_eq!(victims.len(), 1);
    thread::scope(|scope| {
        let call = scope.spawn(|| session.invoke(LOOP, &NO_PARAMS));
        thread::sleep(Duration::from_millis(20));
        for pid in &victims {
            assert!(
                Command::new("kill")
                    .args(["-KILL", &pid.to_string()])
                    .status()
                    .unwrap()
                    .success()
            );
        }
        assert!(is_dead(&call.join().unwrap()));
    });
    until(|| world.instances().is_empty());
    let session = open(&context, "misbehave");
    assert_eq!(session.invoke(ADD, &value(1, 2)).result, TeeResult::SUCCESS);
}

/// Not a test by itself: the client that [`clients_killed_in_the_middle_of_a_call_leave_nothing`]
/// kills.
#[test]
fn victim() {
    let Some(socket) = std::env::var_os(VICTIM) else {
        return;
    };
    let context = Context::connect(socket.as_ref()).unwrap();
    let session = open(&context, "misbehave");
    println!("about to call");
    session.invoke(LOOP, &NO_PARAMS);
}

#[test]
fn clients_killed_in_the_middle_of_a_call_leave_nothing() {
    let world = World::serve();
    let descriptors = world.descriptors();
    for _ in 0..3 {
        let mut client = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "victim", "--nocapture"])
            .env(VICTIM, &world.socket)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(client.stdout.take().unwrap()).lines();
        assert!(lines.any(|line| line.unwrap().contains("about to call")));
        client.kill().unwrap();
        client.wait().unwrap();
    }
    let context = world.context();
    let session = open(&context, "misbehave");
    assert_eq!(session.invoke(ADD, &value(1, 2)).result, TeeResult::SUCCESS);
    session.close();
    drop(context);
    world.settle(descriptors);
}
