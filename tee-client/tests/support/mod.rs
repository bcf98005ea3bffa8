//! A stand-in world for tests of the client side: a daemon thread that answers on a socket, and a
//! thread for each session that plays the TA.
//!
//! It speaks the real messages and the real session page; only the TA is a `match` on the command.

use std::collections::BTreeMap;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use tee_abi::channel::{FUNC_CLOSE, FUNC_OPEN};
use tee_abi::client::Direction;
use tee_abi::wire::{ClientReply, ClientRequest, VERSION};
use tee_abi::{Origin, TeeResult, Uuid};
use tee_channel::{Call, Callee, Delivery, Mapping, Param, Reply, Socket};

/// The only TA of the stand-in world.
pub const UUID: &str = "8aaaf200-2450-11e4-abe2-0002a5d5c51b";

/// Adds 1 to both words of every value that comes back.
pub const INCREMENT: u32 = 0;
/// Flips every bit of each buffer that comes back.
pub const FLIP: u32 = 1;
/// Asks for a buffer of 100 bytes in place of each that comes back.
pub const SHORT: u32 = 2;
/// Dies.
pub const DIE: u32 = 3;
/// Waits for its cancellation.
pub const WAIT: u32 = 4;
/// Answers in each value how parameter 0 lies: offset in its page, size.
pub const DESCRIBE: u32 = 5;
/// Waits until the first byte of parameter 0 is 1, and sets the second to 2.
pub const CONVERSE: u32 = 6;
/// Writes 7 to the first byte of parameter 0 and copies the first byte of parameter 1 to the
/// second.
pub const ALIAS: u32 = 7;
/// Leaves everything as it is.
pub const NOTHING: u32 = 8;

/// A running stand-in world; its directory goes with it.
pub struct World {
    directory: PathBuf,
}

impl World {
    pub fn start() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("teebox-test-{}-{number}", std::process::id());
        let directory = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&directory).unwrap();
        let world = Self { directory };
        let listener = Socket::listen(&world.socket()).unwrap();
        thread::spawn(move || {
            while let Ok(client) = listener.accept() {
                thread::spawn(move || serve_client(&client));
            }
        });
        world
    }

    pub fn socket(&self) -> PathBuf {
        self.directory.join("socket")
    }

    #[allow(dead_code, reason = "not every test file needs a place for files")]
    pub fn directory(&self) -> &Path {
        &self.directory
    }
}

impl Drop for World {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.directory).unwrap();
    }
}

fn serve_client(client: &Socket) {
    static SESSIONS: AtomicU32 = AtomicU32::new(1);
    while let Ok(packet) = client.receive::<ClientRequest>() {
        let sent = match packet.message {
            ClientRequest::Hello { .. } => {
                client.send(&ClientReply::Welcome { version: VERSION }, &[])
            }
            ClientRequest::Open { uuid, .. } if uuid == UUID.parse::<Uuid>().unwrap() => {
                let (page, theirs, ours) = tee_channel::session().unwrap();
                let session = SESSIONS.fetch_add(1, Ordering::Relaxed);
                let callee = Callee::new(&page, ours).unwrap();
                thread::spawn(move || serve_session(callee));
                client.send(
                    &ClientReply::Opened { session },
                    &[page.as_fd(), theirs.as_fd()],
                )
            }
            ClientRequest::Open { .. } => client.send(
                &ClientReply::Refused {
                    result: TeeResult::ERROR_ITEM_NOT_FOUND,
                    origin: Origin::Tee,
                },
                &[],
            ),
        };
        if sent.is_err() {
            return;
        }
    }
}

type Memories = BTreeMap<u32, Mapping>;

fn drain(callee: &Callee, memories: &mut Memories) -> bool {
    loop {
        match callee.receive() {
            Delivery::Closed => return false,
            Delivery::Empty => return true,
            Delivery::Attach { memory, content } => {
                memories.insert(memory, content.map().unwrap());
            }
            Delivery::Detach { memory } => {
                memories.remove(&memory).unwrap();
            }
        }
    }
}

fn serve_session(mut callee: Callee) {
    let mut memories = Memories::new();
    loop {
        if callee.request().is_none() && !callee.linger() {
            callee.wait(None).unwrap();
        }
        if !drain(&callee, &mut memories) {
            return;
        }
        let Some(request) = callee.request() else {
            continue;
        };
        let call = request.unwrap();
        match enter(&callee, &call, &mut memories) {
            Some(reply) => callee.reply(&reply),
            None => return,
        }
        if call.func == FUNC_CLOSE {
            return;
        }
    }
}

fn enter(callee: &Callee, call: &Call, memories: &mut Memories) -> Option<Reply> {
    let mut reply = unchanged(call);
    match (call.func, call.command) {
        (FUNC_CLOSE, _) | (_, NOTHING) => {}
        (FUNC_OPEN, _) | (_, INCREMENT) => {
            for (param, out) in call.params.iter().zip(&mut reply.params) {
                if matches!(param, Param::Value { .. }) {
                    *out = (out.0 + 1, out.1 + 1);
                }
            }
            if reply.params[0].0 == 100 {
                reply.result = TeeResult::ERROR_ACCESS_DENIED;
            }
        }
        (_, FLIP) => {
            for param in &call.params {
                flip(param, memories);
            }
        }
        (_, SHORT) => {
            reply.result = TeeResult::ERROR_SHORT_BUFFER;
            for (param, out) in call.params.iter().zip(&mut reply.params) {
                if is_output(param) {
                    out.1 = 100;
                }
            }
        }
        (_, DIE) => return None,
        (_, WAIT) => {
            while !callee.is_cancelled() {
                callee.wait(None).unwrap();
                if !drain(callee, memories) {
                    return None;
                }
            }
            reply.result = TeeResult::ERROR_CANCEL;
        }
        (_, DESCRIBE) => {
            if let Param::Memref {
                memory,
                offset,
                size,
                ..
            } = call.params[0]
            {
                let offset = memory.map_or(0xffff, |_| offset % 4096);
                for (param, out) in call.params.iter().zip(&mut reply.params) {
                    if matches!(param, Param::Value { .. }) {
                        *out = (offset, size);
                    }
                }
            }
        }
        (_, CONVERSE) => {
            let (mapping, at, _) = locate(&call.params[0], memories)?;
            let mut byte = [0];
            while byte != [1] {
                assert!(mapping.read(at, &mut byte));
                thread::yield_now();
            }
            assert!(mapping.write(at + 1, &[2]));
        }
        (_, ALIAS) => {
            let (first, at, _) = locate(&call.params[0], memories)?;
            assert!(first.write(at, &[7]));
            let (second, from, _) = locate(&call.params[1], memories)?;
            let mut byte = [0];
            assert!(second.read(from, &mut byte));
            assert!(first.write(at + 1, &byte));
        }
        _ => reply.result = TeeResult::ERROR_NOT_SUPPORTED,
    }
    Some(reply)
}

fn unchanged(call: &Call) -> Reply {
    Reply {
        result: TeeResult::SUCCESS,
        origin: Origin::TrustedApp,
        params: call.params.map(|param| match param {
            Param::None => (0, 0),
            Param::Value { a, b, .. } => (a.into(), b.into()),
            Param::Memref { size, .. } => (0, size),
        }),
    }
}

fn is_output(param: &Param) -> bool {
    match param {
        Param::None => false,
        Param::Value { direction, .. } | Param::Memref { direction, .. } => {
            *direction != Direction::Input
        }
    }
}

fn locate<'a>(param: &Param, memories: &'a Memories) -> Option<(&'a Mapping, usize, usize)> {
    match *param {
        Param::Memref {
            memory: Some(memory),
            offset,
            size,
            ..
        } => {
            let mapping = memories.get(&memory)?;
            assert!(offset + size <= mapping.len() as u64);
            Some((mapping, offset as usize, size as usize))
        }
        _ => None,
    }
}

fn flip(param: &Param, memories: &Memories) {
    if !is_output(param) {
        return;
    }
    if let Some((mapping, at, size)) = locate(param, memories) {
        let mut bytes = vec![0; size];
        assert!(mapping.read(at, &mut bytes));
        bytes.iter_mut().for_each(|byte| *byte = !*byte);
        assert!(mapping.write(at, &bytes));
    }
}
