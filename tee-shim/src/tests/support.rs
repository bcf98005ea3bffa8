//! An instance on the mock platform with a scripted guest.

use alloc::vec::Vec;

use litebox::{AddressSpace, Placement, Prot};
use platform_mock::{Act, MockCpu, MockPlatform, MockRegs, MockShared, MockSpace};
use tee_abi::core::{Reply, Request, SecureCore};
use tee_abi::param::Identity;
use tee_abi::{Origin, TeeResult, Uuid};

use crate::instance::LABEL_ELF;
use crate::{Config, Host, Instance, Opened, Outcome, Params, World};

/// The TA of all tests.
pub const TA: Uuid = Uuid([7; 16]);

/// Surroundings with answers that can be set.
#[derive(Default)]
pub struct MockWorld {
    /// What was asked of the secure world.
    pub requests: Vec<Request>,
    /// Answers to come, in order; none left means NOT_SUPPORTED.
    pub replies: Vec<Result<Reply, TeeResult>>,
    /// Whether the caller asked to cancel.
    pub cancelled: bool,
}

impl SecureCore for MockWorld {
    fn call(&mut self, request: Request) -> Result<Reply, TeeResult> {
        self.requests.push(request);
        if self.replies.is_empty() {
            return Err(TeeResult::ERROR_NOT_SUPPORTED);
        }
        self.replies.remove(0)
    }
}

impl World for MockWorld {
    type Shared = MockShared;

    fn cancel_requested(&mut self) -> bool {
        self.cancelled
    }

    fn wait(&mut self, _millis: u32, cancellable: bool) -> bool {
        cancellable && self.cancelled
    }

    fn open_session(&mut self, _: Uuid, _: u32, _: &mut Params<MockShared>) -> Opened {
        Opened::refused(TeeResult::ERROR_ITEM_NOT_FOUND)
    }

    fn invoke(
        &mut self,
        _: u32,
        _: u32,
        _: u32,
        _: &mut Params<MockShared>,
    ) -> (TeeResult, Origin) {
        (TeeResult::ERROR_ITEM_NOT_FOUND, Origin::Tee)
    }

    fn close_session(&mut self, _: u32) -> TeeResult {
        TeeResult::ERROR_ITEM_NOT_FOUND
    }
}

/// The host of tests.
pub struct MockHost;

impl Host for MockHost {
    type Cpu = MockCpu;
    type Platform = MockPlatform;
    type World = MockWorld;
    type Crypto = tee_crypto::Provider;
}

/// An instance with a stack and a page of data.
pub struct Bench {
    /// The instance.
    pub ta: Instance<MockHost>,
    /// Address of the page of data.
    pub data: u64,
}

impl Bench {
    /// With an open session 1.
    pub fn new() -> Self {
        let mut bench = Self::unopened();
        let outcome = bench.enter_open(&[Act::Syscall(0, Vec::from([0]))], &mut Params::default());
        assert_eq!(outcome.result, TeeResult::SUCCESS);
        bench
    }

    /// Without a session.
    pub fn unopened() -> Self {
        let config = Config {
            uuid: TA,
            flags: 0,
            budget: None,
            log_level: 4,
            aslr: false,
            device_id: Uuid::NIL,
        };
        let (cpu, regs) = (MockCpu::default(), MockRegs::default());
        let space = MockSpace::new();
        let mut ta = Instance::new(
            cpu,
            regs,
            space,
            MockPlatform::default(),
            MockWorld::default(),
            config,
        );
        ta.map_stack(8192).unwrap();
        let place = Placement::Above {
            hint: 0x5000_0000,
            guard: 4096,
        };
        let data = ta.mm.map(place, 4096, Prot::RW, LABEL_ELF).unwrap();
        Self { ta, data }
    }

    /// Opens session 1 with a script.
    pub fn enter_open(&mut self, script: &[Act], params: &mut Params<MockShared>) -> Outcome {
        self.ta.cpu.script = script.iter().cloned().collect();
        self.ta.open_session(1, Identity::PUBLIC, params)
    }

    /// Invokes command 0 in session 1 with a script.
    pub fn invoke(&mut self, script: &[Act], params: &mut Params<MockShared>) -> Outcome {
        self.ta.cpu.script = script.iter().cloned().collect();
        self.ta.regs.results.clear();
        self.ta.invoke(1, 0, params)
    }

    /// Makes one syscall and tells its result.
    pub fn syscall(&mut self, number: u64, args: &[u64]) -> TeeResult {
        let script = [
            Act::Syscall(number, args.to_vec()),
            Act::Syscall(0, Vec::from([0])),
        ];
        let outcome = self.invoke(&script, &mut Params::default());
        assert_eq!(outcome.result, TeeResult::SUCCESS, "the entry returns");
        TeeResult(self.ta.regs.results[0] as u32)
    }

    /// Writes to the page of data.
    pub fn put(&mut self, offset: u64, bytes: &[u8]) {
        self.ta
            .mm
            .space_mut()
            .write(self.data + offset, bytes)
            .unwrap();
    }

    /// Reads from the page of data.
    pub fn get<const N: usize>(&self, offset: u64) -> [u8; N] {
        self.ta.mm.space().load(self.data + offset).unwrap()
    }

    /// A u32 of the page of data.
    pub fn word(&self, offset: u64) -> u32 {
        u32::from_le_bytes(self.get(offset))
    }

    /// Whether a line of the log contains a text.
    pub fn logged(&self, text: &str) -> bool {
        self.ta
            .platform
            .lines
            .iter()
            .any(|line| line.contains(text))
    }
}
