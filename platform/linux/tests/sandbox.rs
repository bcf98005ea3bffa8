//! What a guest that has taken over its process can do: nothing but compute and speak on its
//! channels, on every kind of host.

use std::process::Command;

const HOSTS: [&str; 6] = [
    "full",
    "without-user-namespaces",
    "with-powerless-user-namespaces",
    "with-mounts-forbidden",
    "like-docker",
    "of-2019",
];

/// Runs an action in a sandboxed process on such a host; tells the lines that came of it.
fn outcome(host: &str, policy: &str, action: &str) -> String {
    let subject = Command::new(env!("CARGO_BIN_EXE_sandbox-subject"))
        .args(["host", host, policy, action])
        .output()
        .unwrap();
    let said = String::from_utf8(subject.stdout).unwrap();
    assert!(
        subject.status.success(),
        "{said}{}",
        String::from_utf8_lossy(&subject.stderr)
    );
    said
}

/// The line with such a beginning, without it.
fn line<'a>(said: &'a str, beginning: &str) -> Option<&'a str> {
    said.lines().find_map(|line| line.strip_prefix(beginning))
}

fn ends_the_process(action: &str) {
    for host in HOSTS {
        let said = outcome(host, "auto", action);
        assert_eq!(line(&said, "answer: "), None, "{host}: {said}");
        assert_eq!(line(&said, "ended: "), Some("Killed(31)"), "{host}: {said}");
    }
}

fn answers(action: &str, answer: &str) {
    for host in HOSTS {
        let said = outcome(host, "auto", action);
        assert_eq!(line(&said, "answer: "), Some(answer), "{host}: {said}");
        assert_eq!(line(&said, "ended: "), Some("Exited(0)"), "{host}: {said}");
    }
}

macro_rules! ended_by {
    ($($name:ident $action:literal;)*) => {
        $(#[test] fn $name() { ends_the_process($action); })*
    };
}

ended_by! {
    asking_for_a_files_attributes_ends_the_process "stat-a-file";
    unlinking_ends_the_process "unlink-a-file";
    making_a_socket_ends_the_process "make-a-socket";
    executing_a_program_ends_the_process "execute-a-program";
    executing_a_descriptor_ends_the_process "execute-by-descriptor";
    forking_ends_the_process "fork";
    vforking_ends_the_process "vfork";
    starting_a_thread_ends_the_process "start-a-thread";
    tracing_ends_the_process "trace-a-process";
    reading_another_process_ends_the_process "read-another-process";
    killing_another_process_ends_the_process "kill-another-process";
    signalling_another_process_ends_the_process "signal-another-process";
    mapping_executable_memory_ends_the_process "map-executable-memory";
    making_memory_executable_ends_the_process "make-memory-executable";
    making_memory_executable_by_key_ends_the_process "make-memory-executable-by-key";
    changing_the_personality_ends_the_process "change-personality";
    making_a_namespace_ends_the_process "make-a-namespace";
    mounting_ends_the_process "mount";
    io_uring_ends_the_process "use-io-uring";
    loading_bpf_ends_the_process "load-bpf";
    raising_limits_ends_the_process "raise-limits";
    changing_process_attributes_ends_the_process "set-process-attributes";
    typing_into_a_terminal_ends_the_process "use-a-terminal";
    having_signals_sent_ends_the_process "own-a-descriptor";
    an_x32_call_ends_the_process "call-by-x32-number";
    an_i386_call_ends_the_process "call-by-i386-table";
    native_code_that_jumps_to_the_hosts_calls_ends_the_process "native-code-that-calls-the-host";
    native_code_gets_no_executable_memory_elsewhere "native-executable-memory-elsewhere";
    native_code_gets_no_executable_host_memory "native-executable-host-memory";
}

#[test]
fn opening_a_file_is_refused() {
    answers("open-a-file", "EACCES");
}

#[test]
fn guest_memory_private_and_shared_works() {
    answers("guest-memory", "Ok([1, 1, 1, 1])");
}

#[test]
fn native_code_runs_and_its_calls_are_told_not_made() {
    answers("native-code", "Syscall");
}

#[test]
fn only_the_given_descriptors_are_open() {
    answers("descriptors", "0 1 2");
}

#[test]
fn a_panic_is_told_and_ends_the_process_alone() {
    let said = outcome("full", "auto", "panic");
    assert!(said.contains("a defect of ours"), "{said}");
    assert_eq!(line(&said, "ended: "), Some("Exited(101)"), "{said}");
}

#[test]
fn an_abort_ends_the_process() {
    for host in ["full", "like-docker"] {
        let said = outcome(host, "auto", "abort");
        assert!(
            line(&said, "ended: ").unwrap().starts_with("Killed"),
            "{said}"
        );
    }
}

#[test]
fn a_docker_like_host_gives_what_needs_no_rights() {
    let said = outcome("like-docker", "auto", "nothing");
    let missing = "user namespace, process namespace, IPC namespace, host-name namespace, \
         network namespace, mount namespace, Landlock";
    assert_eq!(line(&said, "missing: "), Some(missing), "{said}");
}

#[test]
fn a_user_namespace_without_rights_gives_no_other_and_stops_nothing() {
    let said = outcome("with-powerless-user-namespaces", "auto", "nothing");
    let missing = line(&said, "missing: ").unwrap();
    let others = "process namespace, IPC namespace, host-name namespace, network namespace, \
         mount namespace";
    assert!(missing.contains(others), "{said}");
    assert_eq!(line(&said, "answer: "), Some("done"), "{said}");
}

#[test]
fn strict_refuses_a_host_that_lacks_layers() {
    let docker = outcome("like-docker", "strict", "nothing");
    assert_eq!(
        docker,
        "no spawner: the sandbox lacks user namespace: clone: EPERM\n"
    );
    let said = outcome("with-mounts-forbidden", "strict", "nothing");
    assert!(line(&said, "ended: ") != Some("Exited(0)"), "{said}");
}
