//! The emitter that builds Cranelift's intermediate code.
//!
//! Guest registers are variables, loaded when a region is entered and stored where it is left.
//! Flags are kept as what they are computed from. Every memory access is checked against the
//! window's table of pages; what fails the check leaves the region in front of the instruction,
//! for the interpreter to execute or refuse it.

use std::collections::HashMap;
use std::mem::offset_of;

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::types::{I8, I8X16, I16, I32, I64};
use cranelift_codegen::ir::{
    AbiParam, AliasRegionData, Block, InstBuilder, MemFlagsData, SigRef, Signature, Type, Value,
};
use cranelift_codegen::isa::CallConv;
use cranelift_frontend::{FunctionBuilder, Variable};

use crate::emit::{Bin, Emit, Halt, Kind, Rmw, Step, Sys, Un, W};
use crate::op::{Op, REGS, Reg};
use crate::state::Regs;
use crate::vector::Vfp;

use super::raw;
use super::{Leave, Ops, Slot};

/// Where the parts of the register file lie.
pub const X: i32 = offset_of!(Regs, x) as i32;
pub const PC: i32 = offset_of!(Regs, pc) as i32;
const NZCV: i32 = offset_of!(Regs, nzcv) as i32;
const VFP: i32 = offset_of!(Regs, vfp) as i32;
const V: i32 = VFP + offset_of!(Vfp, v) as i32;
const TPIDR: i32 = offset_of!(Regs, tpidr) as i32;
const TPIDRRO: i32 = offset_of!(Regs, tpidrro) as i32;
const FPCR: i32 = VFP + (offset_of!(Vfp, env) + offset_of!(crate::float::Env, fpcr)) as i32;
const FPSR: i32 = VFP + (offset_of!(Vfp, env) + offset_of!(crate::float::Env, fpsr)) as i32;

/// Addresses that translated code knows.
#[derive(Clone, Copy, Debug)]
pub struct Addresses {
    /// The window's table of pages.
    pub pages: usize,
    /// The byte that is 1 when somebody wants the guest to stop.
    pub stop: usize,
    /// The instructions left, where they are counted.
    pub fuel: Option<usize>,
    /// The cache of targets of indirect branches.
    pub targets: usize,
    /// Entries in that cache, a power of two.
    pub target_count: usize,
}

/// Flags as what they are computed from: N is the sign of `n`, Z says that `z` is zero, C is `c`,
/// V is the sign of `v`; all 64 bits wide.
#[derive(Clone, Copy)]
struct Flags {
    n: Variable,
    z: Variable,
    c: Variable,
    v: Variable,
}

/// The blocks by which a region is left.
#[derive(Clone, Copy)]
struct Exits {
    /// To the slot that is its parameter.
    direct: Block,
    /// To the address that is its parameter.
    indirect: Block,
    /// To the dispatcher: reason and program counter.
    leave: Block,
}

/// Builds the code of a region.
pub struct Translator<'a> {
    b: FunctionBuilder<'a>,
    x: [Variable; REGS],
    flags: Flags,
    /// The operands of the comparison that the flags still are of.
    compared: Option<(Value, Value)>,
    state: Value,
    base: Value,
    exits: Exits,
    blocks: HashMap<u64, Block>,
    addresses: Addresses,
    slots: &'a mut dyn FnMut(u64) -> *const Slot,
    ops: &'a mut Ops,
    in_state: MemFlagsData,
    in_guest: MemFlagsData,
    in_table: MemFlagsData,
    chain: SigRef,
    /// Registers that were set, by bit; the flags are bit 63.
    set: u64,
    pc: u64,
    /// Instructions of the block that have not taken place, with this one.
    left: usize,
}

/// The type of regions: register file, base, the slot they were reached by; why they were left.
pub fn signature() -> Signature {
    let mut s = Signature::new(CallConv::Tail);
    s.params.extend([AbiParam::new(I64); 3]);
    s.returns.push(AbiParam::new(I64));
    s
}

fn helper(params: usize, result: bool) -> Signature {
    let mut s = Signature::new(CallConv::SystemV);
    s.params.extend(vec![AbiParam::new(I64); params]);
    s.returns.extend(result.then(|| AbiParam::new(I64)));
    s
}

const fn ty(w: W) -> Type {
    match w {
        W::W32 => I32,
        W::W64 => I64,
    }
}

const fn int(log2: u8) -> Type {
    match log2 {
        0 => I8,
        1 => I16,
        2 => I32,
        _ => I64,
    }
}

impl<'a> Translator<'a> {
    /// Opens a region whose blocks begin at these addresses; the first is where it is entered.
    pub fn new(
        mut b: FunctionBuilder<'a>,
        starts: &[u64],
        addresses: Addresses,
        slots: &'a mut dyn FnMut(u64) -> *const Slot,
        ops: &'a mut Ops,
    ) -> Self {
        let entry = b.create_block();
        b.append_block_params_for_function_params(entry);
        b.switch_to_block(entry);
        let (state, base) = (b.block_params(entry)[0], b.block_params(entry)[1]);
        let mut region = |id, name: &'static str| {
            let data = AliasRegionData {
                user_id: id,
                description: name.into(),
            };
            Some(b.func.dfg.alias_regions.insert(data))
        };
        let plain = MemFlagsData::new().with_notrap();
        let in_state = MemFlagsData::trusted().with_alias_region(region(1, "registers"));
        let in_guest = plain.with_alias_region(region(2, "guest"));
        let in_table = plain.with_alias_region(region(3, "pages")).with_readonly();
        let x = std::array::from_fn(|_| b.declare_var(I64));
        for (i, var) in x.iter().enumerate().take(32) {
            let v = b.ins().load(I64, in_state, state, X + 8 * i as i32);
            b.def_var(*var, v);
        }
        let mut flag = || b.declare_var(I64);
        let flags = Flags {
            n: flag(),
            z: flag(),
            c: flag(),
            v: flag(),
        };
        let nzcv = b.ins().uload8(I64, in_state, state, NZCV);
        let exit = |b: &mut FunctionBuilder, params: usize| {
            let block = b.create_block();
            for _ in 0..params {
                b.append_block_param(block, I64);
            }
            block
        };
        let exits = Exits {
            direct: exit(&mut b, 1),
            indirect: exit(&mut b, 1),
            leave: exit(&mut b, 2),
        };
        let blocks: HashMap<u64, Block> = starts.iter().map(|pc| (*pc, b.create_block())).collect();
        let chain = b.import_signature(signature());
        let mut t = Self {
            b,
            x,
            flags,
            compared: None,
            state,
            base,
            exits,
            blocks,
            addresses,
            slots,
            ops,
            in_state,
            in_guest,
            in_table,
            chain,
            set: 0,
            pc: 0,
            left: 0,
        };
        t.unpack_flags(nzcv);
        t.stop_check(starts.first().copied().unwrap_or(0));
        if let Some(first) = starts.first().and_then(|pc| t.blocks.get(pc)).copied() {
            t.b.ins().jump(first, &[]);
        }
        t
    }

    /// Begins the block at an address that has `count` instructions.
    pub fn block(&mut self, pc: u64, count: usize) {
        if let Some(block) = self.blocks.get(&pc).copied() {
            self.b.switch_to_block(block);
        }
        self.compared = None;
        let Some(fuel) = self.addresses.fuel else {
            return;
        };
        let at = self.b.ins().iconst(I64, fuel as i64);
        let old = self.b.ins().load(I64, self.in_state, at, 0);
        let new = self.b.ins().iadd_imm_s(old, -(count as i64));
        let short = self.b.ins().icmp_imm_s(IntCC::SignedLessThan, new, 0);
        let next = self.b.create_block();
        let (why, pc) = self.leave_args(Leave::Budget, pc);
        self.b
            .ins()
            .brif(short, self.exits.leave, &[why.into(), pc.into()], next, &[]);
        self.b.switch_to_block(next);
        self.b.ins().store(self.in_state, new, at, 0);
    }

    /// Translates an instruction. `false` when its block ends with it.
    pub fn instruction(
        &mut self,
        pc: u64,
        op: &Op,
        meaning: fn(&mut Translator<'_>, &Op) -> Step,
        left: usize,
    ) -> bool {
        (self.pc, self.left) = (pc, left);
        match meaning(self, op) {
            Ok(()) => true,
            Err(Halt::Exit) => {
                self.leave(Leave::Interpret, pc);
                false
            }
            Err(_) => false,
        }
    }

    /// Ends a block that goes on at an address.
    pub fn fall_through(&mut self, pc: u64) {
        self.go(pc);
    }

    /// Writes the exits and ends the function.
    pub fn finish(mut self, frontend: cranelift_codegen::isa::TargetFrontendConfig) {
        let exits = self.exits;
        self.b.switch_to_block(exits.direct);
        let slot = self.b.block_params(exits.direct)[0];
        self.store_registers();
        self.chain(slot);

        self.b.switch_to_block(exits.indirect);
        let target = self.b.block_params(exits.indirect)[0];
        self.store_registers();
        self.indirect(target);

        self.b.switch_to_block(exits.leave);
        self.b.set_cold_block(exits.leave);
        let [why, pc] = [0, 1].map(|i| self.b.block_params(exits.leave)[i]);
        self.store_registers();
        self.b.ins().store(self.in_state, pc, self.state, PC);
        self.b.ins().return_(&[why]);
        self.b.seal_all_blocks();
        self.b.finalize(frontend);
    }

    fn chain(&mut self, slot: Value) {
        let flags = self.in_table_rw();
        let at = offset_of!(Slot, code) as i32;
        let code = self.b.ins().load(I64, flags, slot, at);
        let args = [self.state, self.base, slot];
        self.b.ins().return_call_indirect(self.chain, code, &args);
    }

    /// Slots change while translated code does not run, but not all loads may be merged.
    fn in_table_rw(&self) -> MemFlagsData {
        MemFlagsData::trusted()
    }

    fn indirect(&mut self, target: Value) {
        let count = self.addresses.target_count as i64;
        let index = self.b.ins().ushr_imm_u(target, 2);
        let index = self.b.ins().band_imm_s(index, count - 1);
        let offset = self.b.ins().imul_imm_s(index, size_of::<Slot>() as i64);
        let table = self.b.ins().iconst(I64, self.addresses.targets as i64);
        let slot = self.b.ins().iadd(table, offset);
        let flags = self.in_table_rw();
        let known = self
            .b
            .ins()
            .load(I64, flags, slot, offset_of!(Slot, pc) as i32);
        let hit = self.b.ins().icmp(IntCC::Equal, known, target);
        let (go, miss) = (self.b.create_block(), self.b.create_block());
        self.b.ins().brif(hit, go, &[], miss, &[]);
        self.b.switch_to_block(go);
        self.chain(slot);
        self.b.switch_to_block(miss);
        self.b.set_cold_block(miss);
        self.b.ins().store(self.in_state, target, self.state, PC);
        let why = self.b.ins().iconst(I64, Leave::Target as i64);
        self.b.ins().return_(&[why]);
    }

    fn store_registers(&mut self) {
        for i in (0..32).filter(|i| self.set >> i & 1 != 0) {
            let v = self.b.use_var(self.x[i]);
            self.b
                .ins()
                .store(self.in_state, v, self.state, X + 8 * i as i32);
        }
        if self.set >> 63 != 0 {
            let v = self.pack_flags();
            self.b.ins().istore8(self.in_state, v, self.state, NZCV);
        }
    }

    fn leave_args(&mut self, why: Leave, pc: u64) -> (Value, Value) {
        // Counted code took the whole block's fuel at its start.
        let unused = match why {
            Leave::Interpret | Leave::Fault => self.left as i64,
            _ => 0,
        };
        let why = self.b.ins().iconst(I64, why as i64 | unused << 8);
        (why, self.b.ins().iconst(I64, pc as i64))
    }

    fn leave(&mut self, why: Leave, pc: u64) {
        let (why, pc) = self.leave_args(why, pc);
        self.b
            .ins()
            .jump(self.exits.leave, &[why.into(), pc.into()]);
    }

    /// Leaves for the dispatcher when somebody wants the guest to stop.
    fn stop_check(&mut self, pc: u64) {
        let at = self.b.ins().iconst(I64, self.addresses.stop as i64);
        // An atomic load: a plain one would be taken for the same as the one before the loop.
        let flags = self.in_table_rw();
        let stop = self.b.ins().atomic_load(I8, flags, at);
        let next = self.b.create_block();
        let (why, pc) = self.leave_args(Leave::Stop, pc);
        self.b
            .ins()
            .brif(stop, self.exits.leave, &[why.into(), pc.into()], next, &[]);
        self.b.switch_to_block(next);
    }

    /// Where a branch to an address goes: a block, and what it is passed.
    fn towards(&mut self, target: u64) -> (Block, Option<Value>) {
        match self.blocks.get(&target).copied() {
            Some(block) => (block, None),
            None => {
                let slot = (self.slots)(target) as i64;
                let slot = self.b.ins().iconst(I64, slot);
                (self.exits.direct, Some(slot))
            }
        }
    }

    fn go(&mut self, target: u64) {
        if target <= self.pc && self.blocks.contains_key(&target) {
            self.stop_check(target);
        }
        let (block, slot) = self.towards(target);
        match slot {
            Some(slot) => self.b.ins().jump(block, &[slot.into()]),
            None => self.b.ins().jump(block, &[]),
        };
    }

    // Flags.

    fn use_flag(&mut self, flag: fn(&Flags) -> Variable) -> Value {
        let var = flag(&self.flags);
        self.b.use_var(var)
    }

    fn def_flags(&mut self, n: Value, z: Value, c: Value, v: Value) {
        let flags = self.flags;
        for (var, value) in [(flags.n, n), (flags.z, z), (flags.c, c), (flags.v, v)] {
            self.b.def_var(var, value);
        }
        self.set |= 1 << 63;
        self.compared = None;
    }

    /// Sets the flags from N:Z:C:V in the low four bits.
    fn unpack_flags(&mut self, nzcv: Value) {
        let n = self.b.ins().ishl_imm_u(nzcv, 60);
        let z = self.b.ins().band_imm_s(nzcv, 4);
        let z = self.b.ins().bxor_imm_s(z, 4);
        let c = self.b.ins().ushr_imm_u(nzcv, 1);
        let c = self.b.ins().band_imm_s(c, 1);
        let v = self.b.ins().ishl_imm_u(nzcv, 63);
        let kept = self.set;
        self.def_flags(n, z, c, v);
        self.set = kept;
    }

    fn pack_flags(&mut self) -> Value {
        let n = self.use_flag(|f| f.n);
        let n = self.b.ins().ushr_imm_u(n, 63);
        let n = self.b.ins().ishl_imm_u(n, 3);
        let z = self.use_flag(|f| f.z);
        let z = self.b.ins().icmp_imm_s(IntCC::Equal, z, 0);
        let z = self.b.ins().uextend(I64, z);
        let z = self.b.ins().ishl_imm_u(z, 2);
        let c = self.use_flag(|f| f.c);
        let c = self.b.ins().ishl_imm_u(c, 1);
        let v = self.use_flag(|f| f.v);
        let v = self.b.ins().ushr_imm_u(v, 63);
        let nz = self.b.ins().bor(n, z);
        let cv = self.b.ins().bor(c, v);
        self.b.ins().bor(nz, cv)
    }

    fn sign_extended(&mut self, w: W, v: Value) -> Value {
        match w {
            W::W32 => self.b.ins().sextend(I64, v),
            W::W64 => v,
        }
    }

    fn flags_of(&mut self, w: W, r: Value, carry: Value, overflow: Value) {
        let n = self.sign_extended(w, r);
        let c = self.b.ins().uextend(I64, carry);
        let v = self.sign_extended(w, overflow);
        self.def_flags(n, n, c, v);
    }

    fn holds(&mut self, cond: u8) -> Value {
        let direct = match cond {
            0 => IntCC::Equal,
            1 => IntCC::NotEqual,
            2 => IntCC::UnsignedGreaterThanOrEqual,
            3 => IntCC::UnsignedLessThan,
            8 => IntCC::UnsignedGreaterThan,
            9 => IntCC::UnsignedLessThanOrEqual,
            10 => IntCC::SignedGreaterThanOrEqual,
            11 => IntCC::SignedLessThan,
            12 => IntCC::SignedGreaterThan,
            13 => IntCC::SignedLessThanOrEqual,
            _ => return self.holds_by_flags(cond),
        };
        match self.compared {
            Some((a, b)) => self.b.ins().icmp(direct, a, b),
            None => self.holds_by_flags(cond),
        }
    }

    fn holds_by_flags(&mut self, cond: u8) -> Value {
        let (n, z) = (self.use_flag(|f| f.n), self.use_flag(|f| f.z));
        let (c, v) = (self.use_flag(|f| f.c), self.use_flag(|f| f.v));
        let r = match cond >> 1 {
            0 => self.b.ins().icmp_imm_s(IntCC::Equal, z, 0),
            1 => self.b.ins().icmp_imm_s(IntCC::NotEqual, c, 0),
            2 => self.b.ins().icmp_imm_s(IntCC::SignedLessThan, n, 0),
            3 => self.b.ins().icmp_imm_s(IntCC::SignedLessThan, v, 0),
            4 => {
                let c = self.b.ins().icmp_imm_s(IntCC::NotEqual, c, 0);
                let z = self.b.ins().icmp_imm_s(IntCC::NotEqual, z, 0);
                self.b.ins().band(c, z)
            }
            5 | 6 => {
                let nv = self.b.ins().bxor(n, v);
                let ge = self
                    .b
                    .ins()
                    .icmp_imm_s(IntCC::SignedGreaterThanOrEqual, nv, 0);
                if cond >> 1 == 5 {
                    ge
                } else {
                    let z = self.b.ins().icmp_imm_s(IntCC::NotEqual, z, 0);
                    self.b.ins().band(ge, z)
                }
            }
            _ => return self.b.ins().iconst(I8, 1),
        };
        if cond & 1 == 1 {
            self.b.ins().bxor_imm_s(r, 1)
        } else {
            r
        }
    }

    // Memory.

    /// The host address of a guest address where `1 << log2` bytes may be accessed. Aligned
    /// accesses take the short way; others must lie in one page.
    fn host(&mut self, log2: u8, addr: Value, write: bool) -> Value {
        let turned = match log2 {
            0 => addr,
            n => self.b.ins().rotr_imm_u(addr, i64::from(n)),
        };
        let limit = self.b.ins().iconst(I64, 1 << (32 - log2));
        let inside = self.b.ins().icmp(IntCC::UnsignedLessThan, turned, limit);
        let (near, far, done) = (
            self.b.create_block(),
            self.b.create_block(),
            self.b.create_block(),
        );
        self.b.set_cold_block(far);
        self.b.ins().brif(inside, near, &[], far, &[]);

        self.b.switch_to_block(near);
        let refused = self.refused(addr, write);
        self.b.ins().brif(refused, far, &[], done, &[]);

        self.b.switch_to_block(far);
        let refused = self.refused(addr, write);
        let high = self.b.ins().ushr_imm_u(addr, 32);
        let offset = self.b.ins().band_imm_s(addr, 0xfff);
        let last = self.b.ins().iadd_imm_s(offset, (1 << log2) - 1);
        let crosses = self.b.ins().ushr_imm_u(last, 12);
        let refused = self.b.ins().uextend(I64, refused);
        let bad = self.b.ins().bor(high, crosses);
        let bad = self.b.ins().bor(bad, refused);
        let (why, pc) = self.leave_args(Leave::Fault, self.pc);
        self.b
            .ins()
            .brif(bad, self.exits.leave, &[why.into(), pc.into()], done, &[]);

        self.b.switch_to_block(done);
        self.b.ins().iadd(self.base, addr)
    }

    /// Not zero when the page of an address (its low 32 bits) does not allow an access.
    fn refused(&mut self, addr: Value, write: bool) -> Value {
        let low = self.b.ins().ireduce(I32, addr);
        let number = self.b.ins().ushr_imm_u(low, 12);
        let number = self.b.ins().uextend(I64, number);
        let table = self.b.ins().iconst(I64, self.addresses.pages as i64);
        let at = self.b.ins().iadd(table, number);
        let page = self.b.ins().load(I8, self.in_table, at, 0);
        // Pages that may be executed are written by the interpreter, which then decodes anew.
        let (mask, want) = if write { (6, 2) } else { (1, 1) };
        let bits = self.b.ins().band_imm_s(page, mask);
        self.b.ins().icmp_imm_s(IntCC::NotEqual, bits, want)
    }

    fn load_at(&mut self, log2: u8, host: Value, offset: i32) -> Value {
        let flags = self.in_guest;
        match log2 {
            0 => self.b.ins().uload8(I64, flags, host, offset),
            1 => self.b.ins().uload16(I64, flags, host, offset),
            2 => self.b.ins().uload32(flags, host, offset),
            _ => self.b.ins().load(I64, flags, host, offset),
        }
    }

    fn store_at(&mut self, log2: u8, host: Value, offset: i32, value: Value) {
        let value = self.fit(int(log2), value);
        self.b.ins().store(self.in_guest, value, host, offset);
    }

    /// The low bits of an integer, or zeros before it.
    fn fit(&mut self, want: Type, v: Value) -> Value {
        let have = self.b.func.dfg.value_type(v);
        match have.bits().cmp(&want.bits()) {
            std::cmp::Ordering::Equal => v,
            std::cmp::Ordering::Less => self.b.ins().uextend(want, v),
            std::cmp::Ordering::Greater => self.b.ins().ireduce(want, v),
        }
    }

    // Calls.

    fn call(&mut self, address: usize, args: &[Value], result: bool) -> Option<Value> {
        let signature = self.b.import_signature(helper(args.len(), result));
        let callee = self.b.ins().iconst(I64, address as i64);
        let call = self.b.ins().call_indirect(signature, callee, args);
        self.b.inst_results(call).first().copied()
    }

    fn vfp_args(&mut self, op: &Op) -> (Value, Value) {
        let op = Box::new(*op);
        let at = &raw const *op as i64;
        self.ops.push(op);
        let vfp = self.b.ins().iadd_imm_s(self.state, i64::from(VFP));
        (vfp, self.b.ins().iconst(I64, at))
    }

    fn zero(&mut self) -> Value {
        self.b.ins().iconst(I64, 0)
    }
}

impl Emit for Translator<'_> {
    type V = Value;
    type C = Value;
    type Q = Value;

    fn k(&mut self, w: W, value: u64) -> Value {
        match w {
            W::W32 => self.b.ins().iconst(I32, i64::from(value as u32)),
            W::W64 => self.b.ins().iconst(I64, value as i64),
        }
    }

    fn x(&mut self, w: W, reg: Reg) -> Value {
        if matches!(reg, Reg::Zero | Reg::Sink) {
            return self.k(w, 0);
        }
        let v = self.b.use_var(self.x[reg as usize]);
        self.fit(ty(w), v)
    }

    fn set_x(&mut self, w: W, reg: Reg, value: Value) {
        if matches!(reg, Reg::Zero | Reg::Sink) {
            return;
        }
        let value = self.fit(ty(w), value);
        let value = self.fit(I64, value);
        self.b.def_var(self.x[reg as usize], value);
        self.set |= 1 << reg as u64;
    }

    fn bin(&mut self, w: W, op: Bin, a: Value, b: Value) -> Value {
        let (a, b) = (self.fit(ty(w), a), self.fit(ty(w), b));
        let i = self.b.ins();
        match op {
            Bin::Add => i.iadd(a, b),
            Bin::Sub => i.isub(a, b),
            Bin::Mul => i.imul(a, b),
            Bin::And => i.band(a, b),
            Bin::Or => i.bor(a, b),
            Bin::Xor => i.bxor(a, b),
            Bin::Shl => i.ishl(a, b),
            Bin::Shr => i.ushr(a, b),
            Bin::Sar => i.sshr(a, b),
            Bin::Ror => i.rotr(a, b),
            Bin::UMulHi => i.umulhi(a, b),
            Bin::SMulHi => i.smulhi(a, b),
            Bin::UDiv => self.udiv(w, a, b),
            Bin::SDiv => self.sdiv(w, a, b),
        }
    }

    fn un(&mut self, w: W, op: Un, a: Value) -> Value {
        let a = self.fit(ty(w), a);
        match op {
            Un::Not => self.b.ins().bnot(a),
            Un::Clz => self.b.ins().clz(a),
            Un::Cls => self.b.ins().cls(a),
            Un::Rbit => self.b.ins().bitrev(a),
            Un::Rev => self.b.ins().bswap(a),
            Un::Rev32 => {
                let swapped = self.b.ins().bswap(a);
                self.b.ins().rotr_imm_u(swapped, 32)
            }
            Un::Rev16 => {
                let mask = self.k(w, 0x00ff_00ff_00ff_00ff);
                let high = self.b.ins().ushr_imm_u(a, 8);
                let high = self.b.ins().band(high, mask);
                let low = self.b.ins().band(a, mask);
                let low = self.b.ins().ishl_imm_u(low, 8);
                self.b.ins().bor(high, low)
            }
        }
    }

    fn ext(&mut self, w: W, bits: u32, signed: bool, a: Value) -> Value {
        if bits >= w.bits() {
            return self.fit(ty(w), a);
        }
        let narrow = match bits {
            8 => I8,
            16 => I16,
            _ => I32,
        };
        let low = self.fit(narrow, a);
        match signed {
            true => self.b.ins().sextend(ty(w), low),
            false => self.b.ins().uextend(ty(w), low),
        }
    }

    fn select(&mut self, w: W, c: Value, a: Value, b: Value) -> Value {
        let (a, b) = (self.fit(ty(w), a), self.fit(ty(w), b));
        self.b.ins().select(c, a, b)
    }

    fn adds(&mut self, w: W, a: Value, b: Value) -> Value {
        let (a, b) = (self.fit(ty(w), a), self.fit(ty(w), b));
        let r = self.b.ins().iadd(a, b);
        let carry = self.b.ins().icmp(IntCC::UnsignedLessThan, r, a);
        let (x, y) = (self.b.ins().bxor(a, r), self.b.ins().bxor(b, r));
        let overflow = self.b.ins().band(x, y);
        self.flags_of(w, r, carry, overflow);
        r
    }

    fn subs(&mut self, w: W, a: Value, b: Value) -> Value {
        let (a, b) = (self.fit(ty(w), a), self.fit(ty(w), b));
        let r = self.b.ins().isub(a, b);
        let carry = self.b.ins().icmp(IntCC::UnsignedGreaterThanOrEqual, a, b);
        let (x, y) = (self.b.ins().bxor(a, b), self.b.ins().bxor(a, r));
        let overflow = self.b.ins().band(x, y);
        self.flags_of(w, r, carry, overflow);
        self.compared = Some((a, b));
        r
    }

    fn adcs(&mut self, w: W, a: Value, b: Value) -> Value {
        let (a, b) = (self.fit(ty(w), a), self.fit(ty(w), b));
        let c = self.carry(w);
        let sum = self.b.ins().iadd(a, b);
        let r = self.b.ins().iadd(sum, c);
        let first = self.b.ins().icmp(IntCC::UnsignedLessThan, sum, a);
        let second = self.b.ins().icmp(IntCC::UnsignedLessThan, r, sum);
        let carry = self.b.ins().bor(first, second);
        let (x, y) = (self.b.ins().bxor(a, r), self.b.ins().bxor(b, r));
        let overflow = self.b.ins().band(x, y);
        self.flags_of(w, r, carry, overflow);
        r
    }

    fn carry(&mut self, w: W) -> Value {
        let c = self.use_flag(|f| f.c);
        self.fit(ty(w), c)
    }

    fn flags_nz(&mut self, w: W, a: Value) {
        let a = self.fit(ty(w), a);
        let r = self.sign_extended(w, a);
        let zero = self.zero();
        self.def_flags(r, r, zero, zero);
    }

    fn flags_logic(&mut self, w: W, a: Value, carry: Option<Value>) {
        let a = self.fit(ty(w), a);
        let r = self.sign_extended(w, a);
        let c = match carry {
            Some(c) => self.b.ins().uextend(I64, c),
            None => self.use_flag(|f| f.c),
        };
        let v = self.use_flag(|f| f.v);
        self.def_flags(r, r, c, v);
    }

    fn set_nzcv(&mut self, value: Value) {
        let value = self.fit(I64, value);
        let nzcv = self.b.ins().ushr_imm_u(value, 28);
        let nzcv = self.b.ins().band_imm_s(nzcv, 15);
        self.unpack_flags(nzcv);
        self.set |= 1 << 63;
    }

    fn compare_if(&mut self, w: W, c: Value, sub: bool, a: Value, b: Value, nzcv: u8) {
        match sub {
            true => self.subs(w, a, b),
            false => self.adds(w, a, b),
        };
        let bit = |n: u8| nzcv >> n & 1 != 0;
        let otherwise = [
            (self.flags.n, if bit(3) { -1 } else { 0 }),
            (self.flags.z, if bit(2) { 0 } else { 1 }),
            (self.flags.c, i64::from(bit(1))),
            (self.flags.v, if bit(0) { -1 } else { 0 }),
        ];
        for (var, value) in otherwise {
            let then = self.b.use_var(var);
            let value = self.b.ins().iconst(I64, value);
            let r = self.b.ins().select(c, then, value);
            self.b.def_var(var, r);
        }
        self.compared = None;
    }

    fn cond(&mut self, cond: u8) -> Value {
        self.holds(cond)
    }

    fn is_zero(&mut self, w: W, a: Value) -> Value {
        let a = self.fit(ty(w), a);
        self.b.ins().icmp_imm_s(IntCC::Equal, a, 0)
    }

    fn has_bit(&mut self, a: Value, bit: u32) -> Value {
        let bits = self.b.ins().band_imm_s(a, (1u64 << (bit & 63)) as i64);
        self.b.ins().icmp_imm_s(IntCC::NotEqual, bits, 0)
    }

    fn not_c(&mut self, c: Value) -> Value {
        self.b.ins().icmp_imm_s(IntCC::Equal, c, 0)
    }

    fn load(&mut self, log2: u8, addr: Value) -> Result<Value, Halt> {
        let host = self.host(log2, addr, false);
        Ok(self.load_at(log2, host, 0))
    }

    fn load2(&mut self, log2: u8, addr: Value) -> Result<(Value, Value), Halt> {
        let host = self.host(log2 + 1, addr, false);
        let first = self.load_at(log2, host, 0);
        Ok((first, self.load_at(log2, host, 1 << log2)))
    }

    fn store(&mut self, log2: u8, addr: Value, value: Value) -> Step {
        let host = self.host(log2, addr, true);
        self.store_at(log2, host, 0, value);
        Ok(())
    }

    fn store2(&mut self, log2: u8, addr: Value, a: Value, b: Value) -> Step {
        let host = self.host(log2 + 1, addr, true);
        self.store_at(log2, host, 0, a);
        self.store_at(log2, host, 1 << log2, b);
        Ok(())
    }

    fn load_q(&mut self, log2: u8, addr: Value) -> Result<Value, Halt> {
        let host = self.host(log2, addr, false);
        if log2 == 4 {
            return Ok(self.b.ins().load(I8X16, self.in_guest, host, 0));
        }
        let low = self.load_at(log2, host, 0);
        Ok(self.widened(low))
    }

    fn store_q(&mut self, log2: u8, addr: Value, value: Value) -> Step {
        let host = self.host(log2, addr, true);
        if log2 == 4 {
            self.b.ins().store(self.in_guest, value, host, 0);
            return Ok(());
        }
        let low = self.low_half(value);
        self.store_at(log2, host, 0, low);
        Ok(())
    }

    fn aligned(&mut self, log2: u8, addr: Value, _write: bool) -> Step {
        if log2 == 0 {
            return Ok(());
        }
        let low = self.b.ins().band_imm_s(addr, (1 << log2) - 1);
        let next = self.b.create_block();
        let (why, pc) = self.leave_args(Leave::Fault, self.pc);
        self.b
            .ins()
            .brif(low, self.exits.leave, &[why.into(), pc.into()], next, &[]);
        self.b.switch_to_block(next);
        Ok(())
    }

    fn load_exclusive(&mut self, _: u8, _: bool, _: Value) -> Result<(Value, Value), Halt> {
        Err(Halt::Exit)
    }

    fn store_exclusive(
        &mut self,
        _: u8,
        _: bool,
        _: Value,
        _: (Value, Value),
    ) -> Result<Value, Halt> {
        Err(Halt::Exit)
    }

    fn clear_exclusive(&mut self) {
        let zero = self.b.ins().iconst(I8, 0);
        let at = offset_of!(Regs, monitor) + offset_of!(crate::state::Monitor, len);
        self.b
            .ins()
            .store(self.in_state, zero, self.state, at as i32);
    }

    fn rmw(&mut self, _: Rmw, _: u8, _: Value, _: Value) -> Result<Value, Halt> {
        Err(Halt::Exit)
    }

    fn compare_swap(
        &mut self,
        _: u8,
        _: bool,
        _: Value,
        _: (Value, Value),
        _: (Value, Value),
    ) -> Result<(Value, Value), Halt> {
        Err(Halt::Exit)
    }

    fn barrier(&mut self) {
        self.b.ins().fence();
    }

    fn sync_code(&mut self, _next: u64) -> Step {
        Err(Halt::Exit)
    }

    fn v(&mut self, reg: Reg) -> Value {
        let at = V + 16 * reg.v() as i32;
        self.b.ins().load(I8X16, self.in_state, self.state, at)
    }

    fn set_v(&mut self, reg: Reg, value: Value) {
        let at = V + 16 * reg.v() as i32;
        self.b.ins().store(self.in_state, value, self.state, at);
    }

    fn vfp(&mut self, op: &Op, f: fn(&mut Vfp, &Op)) {
        let (vfp, op) = self.vfp_args(op);
        let f = self.b.ins().iconst(I64, f as usize as i64);
        self.call(raw::call_vfp as *const () as usize, &[vfp, op, f], false);
    }

    fn vfp_x(&mut self, op: &Op, x: Value, f: fn(&mut Vfp, &Op, u64) -> u64) -> Value {
        let (vfp, op) = self.vfp_args(op);
        let f = self.b.ins().iconst(I64, f as usize as i64);
        let x = self.fit(I64, x);
        let r = self.call(
            raw::call_vfp_x as *const () as usize,
            &[vfp, op, x, f],
            true,
        );
        r.unwrap_or(x)
    }

    fn pure2(&mut self, a: Value, b: Value, f: fn(u64, u64) -> u64) -> Value {
        let f = self.b.ins().iconst(I64, f as usize as i64);
        let (a, b) = (self.fit(I64, a), self.fit(I64, b));
        let r = self.call(raw::call_pure2 as *const () as usize, &[a, b, f], true);
        r.unwrap_or(a)
    }

    fn mrs(&mut self, sys: Sys) -> Result<Value, Halt> {
        let state = self.state;
        Ok(match sys {
            Sys::TpidrEl0 => self.b.ins().load(I64, self.in_state, state, TPIDR),
            Sys::TpidrroEl0 => self.b.ins().load(I64, self.in_state, state, TPIDRRO),
            Sys::Fpcr => self.b.ins().uload32(self.in_state, state, FPCR),
            Sys::Fpsr => self.b.ins().uload32(self.in_state, state, FPSR),
            Sys::Nzcv => {
                let nzcv = self.pack_flags();
                self.b.ins().ishl_imm_u(nzcv, 28)
            }
            Sys::CtrEl0
            | Sys::DczidEl0
            | Sys::CntvctEl0
            | Sys::CntfrqEl0
            | Sys::Ge
            | Sys::Saturated
            | Sys::Apsr
            | Sys::ApsrNzcvq
            | Sys::Fpscr => {
                return Err(Halt::Exit);
            }
        })
    }

    fn msr(&mut self, sys: Sys, value: Value) -> Step {
        match sys {
            Sys::TpidrEl0 => {
                self.b.ins().store(self.in_state, value, self.state, TPIDR);
                Ok(())
            }
            Sys::Nzcv => {
                self.set_nzcv(value);
                Ok(())
            }
            _ => Err(Halt::Exit),
        }
    }

    fn jump(&mut self, target: u64, kind: Kind) -> Step {
        if kind == Kind::Call {
            let slot = (self.slots)(target) as i64;
            let slot = self.b.ins().iconst(I64, slot);
            self.b.ins().jump(self.exits.direct, &[slot.into()]);
        } else {
            self.go(target);
        }
        Err(Halt::Taken)
    }

    fn jump_if(&mut self, c: Value, target: u64) -> Step {
        let (next, taken) = (self.pc.wrapping_add(4), self.b.create_block());
        let (block, slot) = self.towards(next);
        match slot {
            Some(slot) => self.b.ins().brif(c, taken, &[], block, &[slot.into()]),
            None => self.b.ins().brif(c, taken, &[], block, &[]),
        };
        self.b.switch_to_block(taken);
        self.go(target);
        Err(Halt::Taken)
    }

    fn jump_to(&mut self, target: Value, _kind: Kind) -> Step {
        let target = self.fit(I64, target);
        self.b.ins().jump(self.exits.indirect, &[target.into()]);
        Err(Halt::Indirect)
    }

    fn syscall(&mut self, next: u64) -> Step {
        self.clear_exclusive();
        self.leave(Leave::Syscall, next);
        Err(Halt::Taken)
    }

    fn breakpoint(&mut self) -> Step {
        Err(Halt::Exit)
    }

    fn undefined(&mut self) -> Step {
        Err(Halt::Exit)
    }
}

impl Translator<'_> {
    /// A divisor, or 1 where it is zero, and whether it is.
    fn divisor(&mut self, w: W, b: Value) -> (Value, Value) {
        let zero = self.b.ins().icmp_imm_s(IntCC::Equal, b, 0);
        let one = self.k(w, 1);
        (self.b.ins().select(zero, one, b), zero)
    }

    fn udiv(&mut self, w: W, a: Value, b: Value) -> Value {
        let (d, zero) = self.divisor(w, b);
        let q = self.b.ins().udiv(a, d);
        let nothing = self.k(w, 0);
        self.b.ins().select(zero, nothing, q)
    }

    fn sdiv(&mut self, w: W, a: Value, b: Value) -> Value {
        let (d, zero) = self.divisor(w, b);
        // The host traps where the quotient does not fit: division by -1 is negation.
        let minus = self.b.ins().icmp_imm_s(IntCC::Equal, b, -1);
        let one = self.k(w, 1);
        let d = self.b.ins().select(minus, one, d);
        let q = self.b.ins().sdiv(a, d);
        let negated = self.b.ins().ineg(q);
        let q = self.b.ins().select(minus, negated, q);
        let nothing = self.k(w, 0);
        self.b.ins().select(zero, nothing, q)
    }

    /// A vector with an integer in its low half and zeros above.
    fn widened(&mut self, low: Value) -> Value {
        let low = self.fit(I64, low);
        let v = self
            .b
            .ins()
            .scalar_to_vector(cranelift_codegen::ir::types::I64X2, low);
        let flags = MemFlagsData::new().with_endianness(cranelift_codegen::ir::Endianness::Little);
        self.b.ins().bitcast(I8X16, flags, v)
    }

    fn low_half(&mut self, v: Value) -> Value {
        let flags = MemFlagsData::new().with_endianness(cranelift_codegen::ir::Endianness::Little);
        let v = self
            .b
            .ins()
            .bitcast(cranelift_codegen::ir::types::I64X2, flags, v);
        self.b.ins().extractlane(v, 0)
    }
}
