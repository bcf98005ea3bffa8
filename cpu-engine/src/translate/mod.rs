//! Tier 1: translates hot code to host code.
//!
//! The unit is a region: the blocks that direct branches reach from its entry, without calls.
//! Regions reach each other through slots, so that no code is ever patched:
//!
//! ```text
//! region A ── jump *slot.code ──▶ region B, or, until B is there, the stub that tells the
//!                                 dispatcher which address is wanted
//! ```
//! Translated code runs only on address spaces that offer a [`litebox::Window`].
//!
//! # Safety
//!
//! One place enters translated code. It may, because the code lies in the arena of the same value
//! and was made for the address space whose exclusive borrow the caller holds.
mod emit;
mod raw;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::mem::offset_of;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use cranelift_codegen::Context;
use cranelift_codegen::control::ControlPlane;
use cranelift_codegen::ir::types::I64;
use cranelift_codegen::ir::{AbiParam, InstBuilder, MemFlagsData, Signature};
use cranelift_codegen::isa::{self, CallConv, OwnedTargetIsa};
use cranelift_codegen::settings::{self, Configurable};
use cranelift_frontend::{FunctionBuilder, FunctionBuilderContext};
use litebox::{AddressSpace, Window};

use crate::a64;
use crate::interp::TABLE_LEN;
use crate::op::Op;
use crate::state::Regs;
use emit::{Addresses, PC, Translator};
use raw::Arena;

pub use emit::Translator as Emitter;

/// Most instructions in a region.
const REGION: usize = 400;
/// Entries in the cache of targets of indirect branches.
const TARGETS: usize = 4096;
/// Bytes of host code kept before everything is forgotten.
const ARENA: usize = 32 << 20;

/// Why translated code was left; the program counter says where to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub enum Leave {
    /// A branch leads to an address that is not translated.
    Target = 1,
    /// A system call.
    Syscall = 2,
    /// An instruction that the interpreter executes.
    Interpret = 3,
    /// An access that the interpreter executes or refuses; in counted code, fuel was taken for it.
    Fault = 4,
    /// Somebody wants the guest to stop.
    Stop = 5,
    /// The budget does not suffice for the next block.
    Budget = 6,
}

impl Leave {
    const ALL: [Self; 6] = [
        Self::Target,
        Self::Syscall,
        Self::Interpret,
        Self::Fault,
        Self::Stop,
        Self::Budget,
    ];
}

/// A link between regions: translated code jumps to `code`, which continues at `pc`.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Slot {
    code: u64,
    pc: u64,
}

/// Operations that translated code refers to, which therefore stay where they are.
pub type Ops = Vec<Box<Op>>;

/// What a change of makes all code stale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Key {
    epoch: u64,
    base: usize,
    pages: usize,
    counted: bool,
}

/// The translator and what it has translated.
pub struct Translations {
    isa: OwnedTargetIsa,
    context: Context,
    builder: FunctionBuilderContext,
    arena: Arena,
    /// Bytes of the arena that the stubs take.
    stubs: usize,
    enter: u64,
    miss: u64,
    regions: HashMap<u64, u64>,
    slots: HashMap<u64, Box<Slot>>,
    targets: Box<[Slot]>,
    ops: Ops,
    key: Option<Key>,
    fuel: Box<i64>,
    stop: Arc<AtomicBool>,
}

impl std::fmt::Debug for Translations {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (regions, bytes) = (self.regions.len(), self.arena.used());
        write!(f, "Translations {{ regions: {regions}, bytes: {bytes} }}")
    }
}

fn host_isa() -> Option<OwnedTargetIsa> {
    let mut flags = settings::builder();
    let wanted = [
        ("opt_level", "speed"),
        ("enable_verifier", "false"),
        ("preserve_frame_pointers", "true"),
        ("unwind_info", "false"),
        ("enable_probestack", "false"),
    ];
    for (name, value) in wanted {
        flags.set(name, value).ok()?;
    }
    let mut isa = isa::lookup_by_name("x86_64-unknown-linux-gnu").ok()?;
    macro_rules! enable {
        ($($name:literal $feature:tt;)*) => {
            $(if std::is_x86_feature_detected!($feature) { isa.enable($name).ok()?; })*
        };
    }
    enable! {
        "has_sse3" "sse3"; "has_ssse3" "ssse3"; "has_sse41" "sse4.1"; "has_sse42" "sse4.2";
        "has_popcnt" "popcnt"; "has_bmi1" "bmi1"; "has_bmi2" "bmi2"; "has_lzcnt" "lzcnt";
        "has_avx" "avx"; "has_avx2" "avx2"; "has_fma" "fma";
    }
    isa.finish(settings::Flags::new(flags)).ok()
}

/// The blocks of a region: address, and instructions.
type Blocks = BTreeMap<u64, Vec<Op>>;

impl Translations {
    /// `None` where the host cannot run translated code.
    pub fn new(stop: Arc<AtomicBool>) -> Option<Self> {
        let mut t = Self {
            isa: host_isa()?,
            context: Context::new(),
            builder: FunctionBuilderContext::new(),
            arena: Arena::new(ARENA)?,
            stubs: 0,
            enter: 0,
            miss: 0,
            regions: HashMap::new(),
            slots: HashMap::new(),
            targets: vec![Slot { code: 0, pc: 1 }; TARGETS].into_boxed_slice(),
            ops: Ops::new(),
            key: None,
            fuel: Box::new(0),
            stop,
        };
        t.enter = t.enter_stub()?;
        t.miss = t.miss_stub()?;
        t.stubs = t.arena.used();
        Some(t)
    }

    /// Forgets everything if what it was made for has changed. `false` when this address space
    /// cannot be used.
    pub fn prepare<M: AddressSpace>(&mut self, mem: &M, counted: bool) -> bool {
        let Some(window) = mem.window().filter(|w| w.len == 1 << 32) else {
            return false;
        };
        let key = Key {
            epoch: mem.code_epoch(),
            base: window.base,
            pages: window.pages,
            counted,
        };
        if self.key != Some(key) {
            self.clear();
            self.key = Some(key);
        }
        true
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.regions.clear();
        self.slots.clear();
        self.targets.fill(Slot { code: 0, pc: 1 });
        self.ops.clear();
        self.arena.truncate(self.stubs);
        self.key = None;
    }

    /// Whether there is a region at an address.
    pub fn has(&self, pc: u64) -> bool {
        self.regions.contains_key(&pc)
    }

    /// Translates the region at an address. `false` when that is not possible.
    pub fn translate<M: AddressSpace>(&mut self, pc: u64, mem: &M) -> bool {
        let (Some(key), Some(window)) = (self.key, mem.window()) else {
            return false;
        };
        let blocks = discover(pc, mem);
        if blocks.is_empty() {
            return false;
        }
        self.build(pc, &blocks, &window, key.counted);
        match self.compile() {
            Some(code) => {
                self.regions.insert(pc, code);
                self.slot(pc);
                if let Some(slot) = self.slots.get_mut(&pc) {
                    slot.code = code;
                }
                true
            }
            None => {
                self.clear();
                false
            }
        }
    }

    fn build(&mut self, pc: u64, blocks: &Blocks, window: &Window, counted: bool) {
        let addresses = Addresses {
            pages: window.pages,
            stop: Arc::as_ptr(&self.stop) as usize,
            fuel: counted.then_some(&raw const *self.fuel as usize),
            targets: self.targets.as_ptr() as usize,
            target_count: TARGETS,
        };
        let (regions, slots, miss) = (&self.regions, &mut self.slots, self.miss);
        let mut link = |pc: u64| -> *const Slot {
            let code = regions.get(&pc).copied().unwrap_or(miss);
            &raw const **slots
                .entry(pc)
                .or_insert_with(|| Box::new(Slot { code, pc }))
        };
        self.context.clear();
        self.context.func.signature = emit::signature();
        let builder = FunctionBuilder::new(&mut self.context.func, &mut self.builder);
        let mut starts = vec![pc];
        starts.extend(blocks.keys().copied().filter(|start| *start != pc));
        let mut t = Translator::new(builder, &starts, addresses, &mut link, &mut self.ops);
        for (start, ops) in blocks {
            t.block(*start, ops.len());
            let mut at = *start;
            let mut open = true;
            for (i, op) in ops.iter().enumerate() {
                let meaning = a64::TRANSLATORS[op.row as usize % TABLE_LEN];
                open = t.instruction(at, op, meaning, ops.len() - i);
                at = at.wrapping_add(4);
                if !open {
                    break;
                }
            }
            if open {
                t.fall_through(at);
            }
        }
        t.finish(self.isa.frontend_config());
    }

    fn slot(&mut self, pc: u64) {
        let code = self.regions.get(&pc).copied().unwrap_or(self.miss);
        self.slots
            .entry(pc)
            .or_insert_with(|| Box::new(Slot { code, pc }));
    }

    fn compile(&mut self) -> Option<u64> {
        let mut control = ControlPlane::default();
        let compiled = self.context.compile(&*self.isa, &mut control).ok()?;
        let buffer = compiled.code_buffer();
        if !compiled.buffer.relocs().is_empty() {
            return None;
        }
        self.arena.add(buffer)
    }

    /// Runs the region at the program counter. `None` when there is none.
    #[expect(unsafe_code, reason = "translated code is entered here")]
    pub fn run(&mut self, regs: &mut Regs, fuel: &mut u64) -> Option<Leave> {
        let pc = regs.pc;
        let code = *self.regions.get(&pc)?;
        let base = self.key?.base;
        let target = (pc >> 2) as usize % TARGETS;
        if let Some(slot) = self.targets.get_mut(target) {
            *slot = Slot { code, pc };
        }
        *self.fuel = i64::try_from(*fuel).unwrap_or(i64::MAX);
        let given = *self.fuel;
        // SAFETY: the stub and the code are in the arena that `self` owns, and were made under the
        // present key: `prepare` was called with the address space that `base` belongs to, whose
        // exclusive borrow the caller holds.
        let why = unsafe { raw::enter(self.enter, regs, base, code) };
        if *fuel != u64::MAX {
            let left = (*self.fuel).saturating_add((why >> 8) as i64);
            *fuel = fuel.saturating_sub(given.saturating_sub(left).max(0) as u64);
        }
        Leave::ALL
            .into_iter()
            .find(|leave| *leave as u64 == why & 0xff)
    }

    /// The stub that translated code is entered by: from the host's calling convention to ours.
    fn enter_stub(&mut self) -> Option<u64> {
        let mut signature = Signature::new(CallConv::SystemV);
        signature.params.extend([AbiParam::new(I64); 3]);
        signature.returns.push(AbiParam::new(I64));
        self.stub(signature, |b, args| {
            let chain = b.import_signature(emit::signature());
            let call = b.ins().call_indirect(chain, args[2], args);
            let why = b.inst_results(call)[0];
            b.ins().return_(&[why]);
        })
    }

    /// The stub behind slots whose target is not translated.
    fn miss_stub(&mut self) -> Option<u64> {
        self.stub(emit::signature(), |b, args| {
            let flags = MemFlagsData::trusted();
            let pc = b
                .ins()
                .load(I64, flags, args[2], offset_of!(Slot, pc) as i32);
            b.ins().store(flags, pc, args[0], PC);
            let why = b.ins().iconst(I64, Leave::Target as i64);
            b.ins().return_(&[why]);
        })
    }

    fn stub(
        &mut self,
        signature: Signature,
        body: impl FnOnce(&mut FunctionBuilder, &[cranelift_codegen::ir::Value]),
    ) -> Option<u64> {
        self.context.clear();
        self.context.func.signature = signature;
        let mut b = FunctionBuilder::new(&mut self.context.func, &mut self.builder);
        let block = b.create_block();
        b.append_block_params_for_function_params(block);
        b.switch_to_block(block);
        let args = b.block_params(block).to_vec();
        body(&mut b, &args);
        b.seal_all_blocks();
        b.finalize(self.isa.frontend_config());
        self.compile()
    }
}

fn fetch<M: AddressSpace>(mem: &M, pc: u64) -> Option<u32> {
    let mut word = [0; 4];
    mem.fetch(pc, &mut word).ok()?;
    Some(u32::from_le_bytes(word))
}

/// Finds the blocks that direct branches reach from an address.
fn discover<M: AddressSpace>(entry: u64, mem: &M) -> Blocks {
    let mut ops: BTreeMap<u64, (Op, a64::Flow)> = BTreeMap::new();
    let mut starts = BTreeSet::from([entry]);
    let mut work = vec![entry];
    while let Some(mut pc) = work.pop() {
        while !ops.contains_key(&pc) && ops.len() < REGION {
            let Some(word) = fetch(mem, pc) else { break };
            let (op, flow) = (a64::decode(word, pc), a64::flow(word));
            ops.insert(pc, (op, flow));
            if matches!(flow, a64::Flow::Branch | a64::Flow::Conditional) {
                starts.insert(op.imm);
                work.push(op.imm);
            }
            if flow == a64::Flow::Conditional {
                starts.insert(op.next);
            }
            if matches!(flow, a64::Flow::Branch | a64::Flow::Ends) {
                break;
            }
            pc = op.next;
        }
    }
    let mut blocks = Blocks::new();
    let mut current = None;
    for (pc, (op, flow)) in ops {
        let start = match current {
            Some((start, next)) if next == pc && !starts.contains(&pc) => start,
            _ => pc,
        };
        blocks.entry(start).or_default().push(op);
        current = (flow == a64::Flow::Next).then_some((start, op.next));
    }
    blocks
}
