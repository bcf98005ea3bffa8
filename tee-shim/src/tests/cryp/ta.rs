//! A Trusted Application of tests that calls the cryptographic syscalls as libutee does.

use alloc::vec::Vec;

use litebox::{AddressSpace, Placement, Prot};
use tee_abi::TeeResult;
use tee_abi::attributes::TEE_ATTR_FLAG_VALUE;
use tee_abi::objects::TEE_TYPE_GENERIC_SECRET;

use crate::instance::LABEL_ELF;
use crate::tests::support::Bench;

/// An attribute as a TA writes it.
#[derive(Clone, Debug)]
pub enum Attr<'a> {
    /// A buffer.
    Ref(u32, &'a [u8]),
    /// A pair of numbers.
    Val(u32, u32, u32),
}

/// Bytes of memory for arguments.
const ROOM: u64 = 4 << 20;

/// An instance, and memory that arguments are laid out in.
pub struct Ta {
    pub bench: Bench,
    base: u64,
    next: u64,
}

/// Ciphertext and tag.
pub type Sealed = (Vec<u8>, Vec<u8>);

/// What a syscall comes to.
pub type Done<T> = Result<T, TeeResult>;

impl Ta {
    pub fn new() -> Self {
        let mut bench = Bench::new();
        let place = Placement::Above {
            hint: 0x6000_0000,
            guard: 4096,
        };
        let base = bench.ta.mm.map(place, ROOM, Prot::RW, LABEL_ELF).unwrap();
        Self {
            bench,
            base,
            next: base,
        }
    }

    /// Calls, and forgets the arguments laid out so far.
    pub fn call(&mut self, number: u64, args: &[u64]) -> Done<()> {
        self.next = self.base;
        self.bench.syscall(number, args).ok()
    }

    /// Lays bytes out; the odd distance between arguments leaves them unaligned.
    pub fn lay(&mut self, bytes: &[u8]) -> u64 {
        let at = self.next;
        self.bench.ta.mm.space_mut().write(at, bytes).unwrap();
        self.next += bytes.len() as u64 + 9;
        assert!(self.next < self.base + ROOM);
        at
    }

    pub fn word(&mut self, value: u64) -> u64 {
        self.lay(&value.to_le_bytes())
    }

    pub fn read(&self, at: u64, len: u64) -> Vec<u8> {
        self.bench.ta.mm.space().read_vec(at, len).unwrap()
    }

    pub fn read_word(&self, at: u64) -> u64 {
        u64::from_le_bytes(self.bench.ta.mm.space().load(at).unwrap())
    }

    fn read_handle(&self, at: u64) -> u64 {
        self.read_word(at) & 0xffff_ffff
    }

    fn attrs(&mut self, attrs: &[Attr<'_>]) -> (u64, u64) {
        let mut rows = Vec::new();
        for attr in attrs {
            let (a, b, id) = match attr {
                Attr::Ref(id, bytes) => (self.lay(bytes), bytes.len() as u64, *id),
                Attr::Val(id, a, b) => (u64::from(*a), u64::from(*b), *id),
            };
            assert_eq!(matches!(attr, Attr::Val(..)), id & TEE_ATTR_FLAG_VALUE != 0);
            rows.extend(a.to_le_bytes());
            rows.extend(b.to_le_bytes());
            rows.extend(u64::from(id).to_le_bytes());
        }
        (self.lay(&rows), attrs.len() as u64)
    }

    pub fn alloc(&mut self, obj_type: u32, bits: u64) -> Done<u64> {
        let out = self.word(0);
        self.call(27, &[obj_type.into(), bits, out])?;
        Ok(self.read_handle(out))
    }

    pub fn populate(&mut self, obj: u64, attrs: &[Attr<'_>]) -> Done<()> {
        let (at, count) = self.attrs(attrs);
        self.call(30, &[obj, at, count])
    }

    pub fn generate(&mut self, obj: u64, bits: u64, attrs: &[Attr<'_>]) -> Done<()> {
        let (at, count) = self.attrs(attrs);
        self.call(54, &[obj, bits, at, count])
    }

    /// A populated object.
    pub fn key(&mut self, obj_type: u32, bits: u64, attrs: &[Attr<'_>]) -> Done<u64> {
        let obj = self.alloc(obj_type, bits)?;
        self.populate(obj, attrs)?;
        Ok(obj)
    }

    /// A plain secret of a type.
    pub fn secret(&mut self, obj_type: u32, bytes: &[u8]) -> Done<u64> {
        let attr = match obj_type {
            0xA100_00C0 => 0xC000_01C0,
            0xA100_00C1 => 0xC000_01C1,
            0xA100_00C2 => 0xC000_01C2,
            _ => 0xC000_0000,
        };
        let bits = bytes.len() as u64 * 8;
        self.key(obj_type, bits, &[Attr::Ref(attr, bytes)])
    }

    pub fn close(&mut self, obj: u64) -> Done<()> {
        self.call(28, &[obj])
    }

    pub fn copy(&mut self, dst: u64, src: u64) -> Done<()> {
        self.call(31, &[dst, src])
    }

    /// The seven words of an object's info.
    pub fn info(&mut self, obj: u64) -> Done<[u32; 7]> {
        let out = self.lay(&[0; 28]);
        self.call(24, &[obj, out])?;
        let bytes = self.read(out, 28);
        let mut words = [0; 7];
        for (word, chunk) in words.iter_mut().zip(bytes.chunks(4)) {
            *word = u32::from_le_bytes(chunk.try_into().unwrap());
        }
        Ok(words)
    }

    /// An attribute by way of a buffer of some size.
    pub fn attr_in(&mut self, obj: u64, id: u32, room: u64) -> (Done<Vec<u8>>, u64) {
        let buffer = self.lay(&alloc::vec![0; room as usize]);
        let size = self.word(room);
        let done = self.call(26, &[obj, id.into(), buffer, size]);
        let told = self.read_word(size);
        (done.map(|()| self.read(buffer, told.min(room))), told)
    }

    pub fn attr(&mut self, obj: u64, id: u32) -> Done<Vec<u8>> {
        self.attr_in(obj, id, 1024).0
    }

    pub fn op(&mut self, algo: u32, mode: u32, key1: u64, key2: u64) -> Done<u64> {
        let out = self.word(0);
        self.call(15, &[algo.into(), mode.into(), key1, key2, out])?;
        Ok(self.read_handle(out))
    }

    pub fn free(&mut self, op: u64) -> Done<()> {
        self.call(17, &[op])
    }

    pub fn hash_init(&mut self, op: u64) -> Done<()> {
        self.call(18, &[op, 0, 0])
    }

    pub fn hash_update(&mut self, op: u64, data: &[u8]) -> Done<()> {
        let at = self.lay(data);
        self.call(19, &[op, at, data.len() as u64])
    }

    /// The end of a digest or code, with the size it tells.
    pub fn hash_final(&mut self, op: u64, data: &[u8], room: u64) -> (Done<Vec<u8>>, u64) {
        let at = self.lay(data);
        let out = self.lay(&alloc::vec![0; room as usize]);
        let size = self.word(room);
        let done = self.call(20, &[op, at, data.len() as u64, out, size]);
        let told = self.read_word(size);
        (done.map(|()| self.read(out, told.min(room))), told)
    }

    /// A digest or code of pieces.
    pub fn digest(
        &mut self,
        algo: u32,
        mode: u32,
        key: u64,
        pieces: &[&[u8]],
        room: u64,
    ) -> Done<Vec<u8>> {
        let op = self.op(algo, mode, key, 0)?;
        let result = self.hash_init(op).and_then(|()| {
            let (last, first) = pieces.split_last().unwrap();
            for piece in first {
                self.hash_update(op, piece)?;
            }
            self.hash_final(op, last, room).0
        });
        self.free(op).unwrap();
        result
    }

    pub fn cipher_init(&mut self, op: u64, iv: &[u8]) -> Done<()> {
        let at = self.lay(iv);
        self.call(21, &[op, at, iv.len() as u64])
    }

    /// A piece through a cipher; `last` by `cipher_final`.
    pub fn cipher_piece(&mut self, op: u64, data: &[u8], last: bool) -> Done<Vec<u8>> {
        let src = self.lay(data);
        let dst = self.lay(&alloc::vec![0; data.len()]);
        let size = self.word(data.len() as u64);
        let number = if last { 23 } else { 22 };
        self.call(number, &[op, src, data.len() as u64, dst, size])?;
        assert_eq!(self.read_word(size), data.len() as u64);
        Ok(self.read(dst, data.len() as u64))
    }

    /// Data through a cipher in pieces.
    pub fn cipher(
        &mut self,
        algo: u32,
        mode: u32,
        keys: [u64; 2],
        iv: &[u8],
        pieces: &[&[u8]],
    ) -> Done<Vec<u8>> {
        let op = self.op(algo, mode, keys[0], keys[1])?;
        let result = self.cipher_init(op, iv).and_then(|()| {
            let mut out = Vec::new();
            for (i, piece) in pieces.iter().enumerate() {
                out.extend(self.cipher_piece(op, piece, i + 1 == pieces.len())?);
            }
            Ok(out)
        });
        self.free(op).unwrap();
        result
    }

    pub fn ae_init(&mut self, op: u64, nonce: &[u8], tag: u64, aad: u64, payload: u64) -> Done<()> {
        let at = self.lay(nonce);
        self.call(34, &[op, at, nonce.len() as u64, tag, aad, payload])
    }

    pub fn ae_aad(&mut self, op: u64, aad: &[u8]) -> Done<()> {
        let at = self.lay(aad);
        self.call(35, &[op, at, aad.len() as u64])
    }

    pub fn ae_payload(&mut self, op: u64, data: &[u8]) -> Done<Vec<u8>> {
        let src = self.lay(data);
        let dst = self.lay(&alloc::vec![0; data.len()]);
        let size = self.word(data.len() as u64);
        self.call(36, &[op, src, data.len() as u64, dst, size])?;
        Ok(self.read(dst, self.read_word(size)))
    }

    /// Ciphertext and tag; the sizes told, whatever comes of it.
    pub fn ae_seal(&mut self, op: u64, data: &[u8], tag_room: u64) -> (Done<Sealed>, [u64; 2]) {
        let src = self.lay(data);
        let dst = self.lay(&alloc::vec![0; data.len()]);
        let size = self.word(data.len() as u64);
        let tag = self.lay(&alloc::vec![0; tag_room as usize]);
        let tag_size = self.word(tag_room);
        let done = self.call(37, &[op, src, data.len() as u64, dst, size, tag, tag_size]);
        let told = [self.read_word(size), self.read_word(tag_size)];
        let out = done.map(|()| (self.read(dst, told[0]), self.read(tag, told[1])));
        (out, told)
    }

    pub fn ae_open(&mut self, op: u64, data: &[u8], tag: &[u8]) -> Done<Vec<u8>> {
        let src = self.lay(data);
        let dst = self.lay(&alloc::vec![0; data.len()]);
        let size = self.word(data.len() as u64);
        let tag_at = self.lay(tag);
        self.call(
            38,
            &[
                op,
                src,
                data.len() as u64,
                dst,
                size,
                tag_at,
                tag.len() as u64,
            ],
        )?;
        Ok(self.read(dst, self.read_word(size)))
    }

    /// An asymmetric operation, with the size it tells.
    pub fn operate(
        &mut self,
        op: u64,
        attrs: &[Attr<'_>],
        data: &[u8],
        room: u64,
    ) -> (Done<Vec<u8>>, u64) {
        let (params, count) = self.attrs(attrs);
        let src = self.lay(data);
        let dst = self.lay(&alloc::vec![0; room as usize]);
        let size = self.word(room);
        let done = self.call(39, &[op, params, count, src, data.len() as u64, dst, size]);
        let told = self.read_word(size);
        (done.map(|()| self.read(dst, told.min(room))), told)
    }

    /// An asymmetric operation with a key of its own.
    pub fn asymmetric(
        &mut self,
        algo: u32,
        mode: u32,
        key: u64,
        attrs: &[Attr<'_>],
        data: &[u8],
    ) -> Done<Vec<u8>> {
        let op = self.op(algo, mode, key, 0)?;
        let result = self.operate(op, attrs, data, 1024).0;
        self.free(op).unwrap();
        result
    }

    pub fn verify(
        &mut self,
        algo: u32,
        key: u64,
        attrs: &[Attr<'_>],
        digest: &[u8],
        signature: &[u8],
    ) -> Done<()> {
        let op = self.op(algo, 3, key, 0)?;
        let (params, count) = self.attrs(attrs);
        let data = self.lay(digest);
        let sig = self.lay(signature);
        let args = [
            op,
            params,
            count,
            data,
            digest.len() as u64,
            sig,
            signature.len() as u64,
        ];
        let result = self.call(40, &args);
        self.free(op).unwrap();
        result
    }

    /// Derives into an object.
    pub fn derive_into(&mut self, op: u64, attrs: &[Attr<'_>], target: u64) -> Done<()> {
        let (params, count) = self.attrs(attrs);
        self.call(32, &[op, params, count, target])
    }

    /// Derives a generic secret and tells it.
    pub fn derive(
        &mut self,
        algo: u32,
        keys: [u64; 2],
        attrs: &[Attr<'_>],
        bits: u64,
    ) -> Done<Vec<u8>> {
        let op = self.op(algo, 6, keys[0], keys[1])?;
        let target = self.alloc(TEE_TYPE_GENERIC_SECRET, bits).unwrap();
        let result = self.derive_into(op, attrs, target);
        let result = result.and_then(|()| self.attr(target, 0xC000_0000));
        self.free(op).unwrap();
        self.close(target).unwrap();
        result
    }
}

/// Bytes of hexadecimal digits; anything else is passed over.
pub fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(core::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}
