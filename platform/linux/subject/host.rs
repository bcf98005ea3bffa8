//! Hosts that offer less: made from this one by filters of system calls that answer errors.

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch, apply_filter,
};

const NAMESPACES: [i32; 7] = [
    libc::CLONE_NEWUSER,
    libc::CLONE_NEWPID,
    libc::CLONE_NEWNS,
    libc::CLONE_NEWNET,
    libc::CLONE_NEWIPC,
    libc::CLONE_NEWUTS,
    libc::CLONE_NEWCGROUP,
];

/// Makes the process and its children see a host of this kind.
pub fn become_like(host: &str) {
    let user = [libc::CLONE_NEWUSER];
    match host {
        "full" => {}
        // What `max_user_namespaces = 0` answers.
        "without-user-namespaces" => refuse_flags(&user, libc::ENOSPC),
        // Ubuntu's restriction: the namespace can be made, but gives no rights.
        "with-powerless-user-namespaces" => {
            refuse_flags(&NAMESPACES[1..], libc::EPERM);
            refuse(&[libc::SYS_mount], libc::EACCES);
        }
        "with-mounts-forbidden" => refuse(&[libc::SYS_mount, libc::SYS_pivot_root], libc::EPERM),
        "like-docker" => {
            refuse_flags(&NAMESPACES, libc::EPERM);
            let calls = [libc::SYS_mount, libc::SYS_umount2, libc::SYS_pivot_root];
            refuse(&calls, libc::EPERM);
            refuse(
                &[libc::SYS_unshare, libc::SYS_setns, libc::SYS_ptrace],
                libc::EPERM,
            );
            refuse(&[libc::SYS_clone3], libc::ENOSYS);
            refuse(&LANDLOCK, libc::EPERM);
        }
        "of-2019" => {
            refuse(&[libc::SYS_close_range, libc::SYS_clone3], libc::ENOSYS);
            refuse(&LANDLOCK, libc::ENOSYS);
        }
        other => panic!("no such host: {other}"),
    }
}

const LANDLOCK: [i64; 3] = [
    libc::SYS_landlock_create_ruleset,
    libc::SYS_landlock_add_rule,
    libc::SYS_landlock_restrict_self,
];

/// Calls answer an error.
fn refuse(calls: &[i64], errno: i32) {
    install(
        calls.iter().map(|call| (*call, Vec::new())).collect(),
        errno,
    );
}

/// Calls that make namespaces answer an error when one of these is among them.
fn refuse_flags(flags: &[i32], errno: i32) {
    let rule = |flag: &i32| {
        let flag = u64::from(*flag as u32);
        let bit = SeccompCmpOp::MaskedEq(flag);
        let condition = SeccompCondition::new(0, SeccompCmpArgLen::Qword, bit, flag).unwrap();
        SeccompRule::new(vec![condition]).unwrap()
    };
    let rules = |call| (call, flags.iter().map(rule).collect());
    install(
        [rules(libc::SYS_clone), rules(libc::SYS_unshare)].into(),
        errno,
    );
}

fn install(rules: std::collections::BTreeMap<i64, Vec<SeccompRule>>, errno: i32) {
    let refused = SeccompAction::Errno(errno as u32);
    let arch = TargetArch::x86_64;
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, refused, arch).unwrap();
    let program = BpfProgram::try_from(filter).unwrap();
    apply_filter(&program).unwrap();
}
