//! The secure thread: the one owner of `tee-core`, asked by the daemon and by every instance.
//!
//! ```text
//! daemon ── jobs (in order), a bell ──▶ secure thread ── blocking ──▶ supplicant process
//! instances ── streams of frames ─────▶
//! ```
//! In each round it does the daemon's jobs before it looks at the streams: once the daemon has said
//! that an instance is gone, no request of a later instance finds that one's locks. An instance
//! that sends half a frame, or does not take its answers, keeps nobody waiting.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::mpsc;
use std::thread::JoinHandle;

use host_supplicant::ReeChannel;
use ta_loader::Trust;
use tee_abi::ree::{Ree, Reply, Request};
use tee_abi::{TeeResult, Uuid};
use tee_channel::{Interest, Memory, wait_any};
use tee_core::{InstanceId as CoreId, TeeCore};
use tokio::sync::oneshot;

use super::table::InstanceId;
use crate::instance::{FRAME_MAX, frame};
use crate::secure::WorldCrypto;

/// Read from a stream at a time.
const CHUNK: usize = 64 << 10;

/// A verified TA.
#[derive(Debug)]
pub struct Image {
    /// Its ELF file.
    pub memory: Memory,
    /// Bytes of the file.
    pub len: u64,
}

/// A TA that may not be loaded: what the client sees, and a line with a hint for people.
#[derive(Debug)]
pub struct Refusal {
    /// What the client sees.
    pub result: TeeResult,
    /// Why.
    pub reason: String,
    /// What to do next.
    pub hint: &'static str,
}

enum Job {
    Load(Uuid, oneshot::Sender<Result<Image, Refusal>>),
    Adopt(InstanceId, Uuid, UnixStream),
    Gone(InstanceId),
}

/// The daemon's hold on the secure thread, which ends with it.
#[derive(Debug)]
pub struct Secure {
    jobs: Option<(mpsc::Sender<Job>, UnixStream)>,
    thread: Option<JoinHandle<()>>,
}

impl Secure {
    /// Starts the thread.
    ///
    /// # Errors
    /// The host's.
    pub fn start(core: TeeCore<ReeChannel, WorldCrypto>, trust: Trust) -> io::Result<Self> {
        let (bell, hears) = UnixStream::pair()?;
        bell.set_nonblocking(true)?;
        hears.set_nonblocking(true)?;
        let (jobs, queue) = mpsc::channel();
        let worker = Worker {
            core,
            trust,
            queue,
            links: BTreeMap::new(),
        };
        let thread = std::thread::Builder::new()
            .name("secure".to_owned())
            .spawn(move || worker.run(&hears))?;
        Ok(Self {
            jobs: Some((jobs, bell)),
            thread: Some(thread),
        })
    }

    fn ask(&self, job: Job) {
        if let Some((jobs, bell)) = &self.jobs
            && jobs.send(job).is_ok()
        {
            // A full bell rings already.
            let _ = (&*bell).write(&[1]);
        }
    }

    /// Finds and verifies a TA.
    ///
    /// # Errors
    /// [`Refusal`].
    pub async fn load(&self, uuid: Uuid) -> Result<Image, Refusal> {
        let (sender, receiver) = oneshot::channel();
        self.ask(Job::Load(uuid, sender));
        let gone = || Refusal {
            result: TeeResult::ERROR_COMMUNICATION,
            reason: "the secure world is gone".to_owned(),
            hint: "",
        };
        receiver.await.unwrap_or_else(|_| Err(gone()))
    }

    /// Serves an instance of a TA over a stream from now on.
    pub fn adopt(&self, id: InstanceId, uuid: Uuid, stream: UnixStream) {
        self.ask(Job::Adopt(id, uuid, stream));
    }

    /// An instance has ended: its handles and locks go with it.
    pub fn gone(&self, id: InstanceId) {
        self.ask(Job::Gone(id));
    }
}

impl Drop for Secure {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has said so.
            let _ = thread.join();
        }
    }
}

/// What the thread owns.
struct Worker {
    core: TeeCore<ReeChannel, WorldCrypto>,
    trust: Trust,
    queue: mpsc::Receiver<Job>,
    links: BTreeMap<InstanceId, Link>,
}

/// The stream of an instance.
struct Link {
    id: CoreId,
    stream: UnixStream,
    input: Vec<u8>,
    output: Vec<u8>,
}

impl Worker {
    fn run(mut self, bell: &UnixStream) {
        let mut world_lives = true;
        while world_lives {
            let Ok((rung, ready)) = self.wait(bell) else {
                return;
            };
            if rung {
                world_lives = drain(bell);
            }
            while let Ok(job) = self.queue.try_recv() {
                self.work(job);
            }
            for id in ready {
                self.pump(id);
            }
        }
    }

    fn wait(&self, bell: &UnixStream) -> io::Result<(bool, Vec<InstanceId>)> {
        let links = self.links.values().map(|link| {
            let interest = if link.output.is_empty() {
                Interest::Read
            } else {
                Interest::ReadWrite
            };
            (link.stream.as_fd(), interest)
        });
        let fds: Vec<_> = std::iter::once((bell.as_fd(), Interest::Read))
            .chain(links)
            .collect();
        let mut ready = wait_any(&fds, None)?.into_iter();
        let rung = ready.next().unwrap_or(false);
        let ids = self.links.keys().zip(ready);
        Ok((
            rung,
            ids.filter(|(_, ready)| *ready).map(|(id, _)| *id).collect(),
        ))
    }

    fn work(&mut self, job: Job) {
        match job {
            Job::Load(uuid, reply) => {
                // Whoever asked may have given up.
                let _ = reply.send(self.load(uuid));
            }
            Job::Adopt(id, uuid, stream) => {
                if stream.set_nonblocking(true).is_ok() {
                    let link = Link {
                        id: self.core.instance(uuid),
                        stream,
                        input: Vec::new(),
                        output: Vec::new(),
                    };
                    self.links.insert(id, link);
                }
            }
            Job::Gone(id) => self.forget(id),
        }
    }

    fn forget(&mut self, id: InstanceId) {
        if let Some(link) = self.links.remove(&id) {
            self.core.instance_gone(link.id);
        }
    }

    fn load(&mut self, uuid: Uuid) -> Result<Image, Refusal> {
        let refused = |result, reason, hint| Refusal {
            result,
            reason,
            hint,
        };
        let file = match self.core.ree_mut().call(Request::LoadTa { uuid }) {
            Ok(Reply::Data(file)) => file,
            Ok(_) => {
                let reason = "the supplicant answered something else".to_owned();
                return Err(refused(TeeResult::ERROR_COMMUNICATION, reason, ""));
            }
            Err(TeeResult::ERROR_ITEM_NOT_FOUND) => {
                let reason = "there is no such file on the TA search path".to_owned();
                let hint = "pass --ta-dir DIR or --ta FILE.ta, or set TEEBOX_TA_DIR";
                return Err(refused(TeeResult::ERROR_ITEM_NOT_FOUND, reason, hint));
            }
            Err(result) => return Err(refused(result, format!("{result}"), "")),
        };
        let verified = self.trust.verify(&file, Some(uuid));
        let verified =
            verified.map_err(|error| refused(error.result(), error.to_string(), error.hint()))?;
        share(&verified.image)
            .map_err(|error| refused(TeeResult::ERROR_OUT_OF_MEMORY, error.to_string(), ""))
    }

    /// Moves what can be moved on an instance's stream, and answers what was asked.
    fn pump(&mut self, id: InstanceId) {
        let Some(link) = self.links.get_mut(&id) else {
            return;
        };
        let outcome = link.flush().and_then(|()| {
            while link.output.is_empty() {
                let Some(request) = link.next_request()? else {
                    break;
                };
                let answer = self.core.call(link.id, request);
                link.output = frame(&answer).ok_or(io::ErrorKind::InvalidData)?;
                link.flush()?;
            }
            Ok(())
        });
        if outcome.is_err() {
            self.forget(id);
        }
    }
}

impl Link {
    /// The next whole request, if it is there.
    ///
    /// # Errors
    /// The end of the stream, and everything else that ends the instance's right to be heard.
    fn next_request(&mut self) -> io::Result<Option<tee_abi::core::Request>> {
        loop {
            if let Some(len) = self.frame_len()? {
                let bytes = self.input.get(4..len).unwrap_or_default();
                let request = postcard::from_bytes(bytes);
                let request = request.map_err(|_| io::ErrorKind::InvalidData)?;
                self.input.drain(..len);
                return Ok(Some(request));
            }
            let mut chunk = [0; CHUNK];
            match self.stream.read(&mut chunk) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(len) => self
                    .input
                    .extend_from_slice(chunk.get(..len).unwrap_or_default()),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Bytes of the frame at the start of the input, head included, when all of it is there.
    fn frame_len(&self) -> io::Result<Option<usize>> {
        let Some(head) = self.input.first_chunk::<4>() else {
            return Ok(None);
        };
        let len = u32::from_le_bytes(*head) as usize;
        if len > FRAME_MAX {
            return Err(io::ErrorKind::InvalidData.into());
        }
        Ok((self.input.len() >= len + 4).then_some(len + 4))
    }

    fn flush(&mut self) -> io::Result<()> {
        while !self.output.is_empty() {
            match self.stream.write(&self.output) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(len) => {
                    self.output.drain(..len);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// Takes the rings of a bell; `false` when its other end is gone.
fn drain(mut bell: &UnixStream) -> bool {
    let mut rings = [0; 64];
    loop {
        match bell.read(&mut rings) {
            Ok(0) => return false,
            Ok(_) => {}
            Err(error) => return error.kind() == io::ErrorKind::WouldBlock,
        }
    }
}

fn share(image: &[u8]) -> io::Result<Image> {
    let len = image.len() as u64;
    let memory = Memory::new(len)?;
    let _ = memory.map()?.write(0, image);
    Ok(Image { memory, len })
}
