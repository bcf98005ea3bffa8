//! Processes of a spawner: what they are given, how their end is noticed, and that none is left
//! behind.

use std::ffi::CString;
use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use platform_linux::{Ended, Errno, Instance, Launch, Policy, Program, SpawnError, Spawner};

fn text(text: &str) -> CString {
    CString::new(text).unwrap()
}

fn shell() -> Arc<Program> {
    let exe = File::open("/bin/sh").unwrap();
    let args = vec![text("sh"), text("-c")];
    Arc::new(Program::new(
        exe.into(),
        args,
        vec![text("PATH=/usr/bin:/bin")],
    ))
}

fn start(spawner: &Spawner, script: &str, fds: Vec<OwnedFd>) -> (Instance, std::io::PipeReader) {
    let (read, write) = std::io::pipe().unwrap();
    let launch = Launch {
        program: shell(),
        args: vec![text(script)],
        fds,
        stderr: write.into(),
    };
    (spawner.spawn(launch).unwrap(), read)
}

fn said(mut from: impl Read) -> String {
    let mut text = String::new();
    from.read_to_string(&mut text).unwrap();
    text
}

#[test]
fn an_end_is_told_as_it_was() {
    let spawner = Spawner::start(Policy::Auto).unwrap();
    let (mut exits, _) = start(&spawner, "exit 7", vec![]);
    assert_eq!(exits.wait(), Ok(Ended::Exited(7)));
    assert_eq!(exits.try_wait(), Ok(Some(Ended::Exited(7))));
    assert_eq!(exits.kill(), Ok(()));
    let (mut waits, _) = start(
        &spawner,
        "read line < /proc/self/fd/3",
        vec![std::io::pipe().unwrap().1.into()],
    );
    waits.kill().unwrap();
    let ended = waits.wait().unwrap();
    assert_eq!(ended, Ended::Killed(libc::SIGKILL));
    assert_eq!(ended.to_string(), "killed by SIGKILL");
    assert_eq!(Ended::Exited(3).to_string(), "exited with code 3");
}

#[test]
fn descriptors_arrive_in_order_and_no_others() {
    let spawner = Spawner::start(Policy::Auto).unwrap();
    let _inheritable = File::open("/dev/null").unwrap();
    let pipes: Vec<_> = (0..3).map(|_| std::io::pipe().unwrap()).collect();
    let (reads, writes): (Vec<_>, Vec<OwnedFd>) =
        pipes.into_iter().map(|(r, w)| (r, w.into())).unzip();
    let script = "echo a >&3; echo b >&4; echo c >&5; ls /proc/self/fd >&2";
    let (mut instance, log) = start(&spawner, script, writes);
    let got: Vec<String> = reads.into_iter().map(said).collect();
    assert_eq!(got, ["a\n", "b\n", "c\n"]);
    // The seventh is the directory that `ls` reads.
    assert_eq!(said(log), "0\n1\n2\n3\n4\n5\n6\n");
    assert_eq!(instance.wait(), Ok(Ended::Exited(0)));
}

#[test]
fn the_environment_is_the_programs_alone() {
    let spawner = Spawner::start(Policy::Auto).unwrap();
    let (_instance, log) = start(&spawner, "env | cut -d= -f1 | sort >&2", vec![]);
    let names = said(log);
    assert!(
        !names.contains("HOME") && !names.contains("CARGO"),
        "{names}"
    );
    assert!(names.contains("PATH\n"), "{names}");
}

#[test]
fn processes_die_with_their_spawner() {
    let spawner = Spawner::start(Policy::Auto).unwrap();
    let (mut instance, log) = start(&spawner, "while :; do :; done", vec![]);
    assert_eq!(instance.try_wait(), Ok(None));
    drop(spawner);
    assert_eq!(said(log), "");
    assert_eq!(instance.wait(), Ok(Ended::Killed(libc::SIGKILL)));
}

#[test]
fn a_dropped_process_is_gone() {
    let spawner = Spawner::start(Policy::Auto).unwrap();
    let (instance, log) = start(&spawner, "while :; do :; done", vec![]);
    let pid = instance.pid();
    drop(instance);
    assert_eq!(said(log), "");
    assert!(!std::path::Path::new(&format!("/proc/{pid}")).exists());
}

#[test]
fn a_file_that_is_no_program_is_named_as_such() {
    let spawner = Spawner::start(Policy::Auto).unwrap();
    let exe = File::open("/dev/null").unwrap();
    let launch = Launch {
        program: Arc::new(Program::new(exe.into(), vec![], vec![])),
        args: vec![],
        fds: vec![],
        stderr: File::open("/dev/null").unwrap().into(),
    };
    match spawner.spawn(launch) {
        Err(SpawnError::Program(errno)) => assert_eq!(errno, Errno(libc::EACCES)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn two_hundred_processes_at_once_leave_nothing_behind() {
    let spawner = Spawner::start(Policy::Auto).unwrap();
    let count = || std::fs::read_dir("/proc/self/fd").unwrap().count();
    let before = count();
    let mut instances: Vec<Instance> = (0..200)
        .map(|_| start(&spawner, "exit 0", vec![]).0)
        .collect();
    for instance in &mut instances {
        assert_eq!(instance.wait(), Ok(Ended::Exited(0)));
    }
    drop(instances);
    // Other tests of this program open a few descriptors meanwhile.
    assert!(count() < before + 100);
}
