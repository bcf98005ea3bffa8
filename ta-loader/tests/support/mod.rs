//! ELF files and signed files made for tests, byte by byte.
//!
//! ```text
//! main      file 0x0000 headers    0x1000 text (address 0)      0x2000 data (address 0x1000)
//! library   file 0x0000 headers and text (address 0)            0x1000 data (address 0x1000)
//! text page 0x000 .ta_head   0x040 code   0x200 .dynsym   0x800 .dynstr   0xa00 relocations
//! data page 0x000 free       0x400 .dynamic   0x600 end of file bytes   0x2000 end of memory
//! ```
#![allow(dead_code, reason = "each test program uses a part of it")]

use ta_loader::Machine;
use ta_loader::key::sha256;
use ta_loader::sign::{SigningKey, TaIdentity, TaImage};
use tee_abi::Uuid;
use tee_abi::shdr::ALG_RSA_PSS_SHA256;

/// The key of this repository's TAs.
pub const DEV_KEY: &str = include_str!("../../../ta/keys/default_dev.pem");

/// The UUID of TAs in tests.
pub fn uuid() -> Uuid {
    "12345678-1234-5678-9abc-def012345678".parse().unwrap()
}

pub const TEXT: u64 = 0;
pub const DATA: u64 = 0x1000;
pub const SPAN: u64 = 0x3000;
const DYNSYM: u64 = 0x200;
const DYNSTR: u64 = 0x800;
const RELOCS: u64 = 0xa00;
const DYNAMIC: u64 = DATA + 0x400;

/// A dynamic symbol.
#[derive(Clone)]
pub struct Symbol {
    pub name: &'static str,
    pub value: u64,
    /// `STB_* << 4 | STT_*`.
    pub info: u8,
    pub shndx: u16,
}

impl Symbol {
    pub fn global(name: &'static str, value: u64) -> Self {
        Self {
            name,
            value,
            info: 0x11,
            shndx: 1,
        }
    }

    pub fn weak(name: &'static str, value: u64) -> Self {
        Self {
            info: 0x21,
            ..Self::global(name, value)
        }
    }

    pub fn tls(name: &'static str, value: u64) -> Self {
        Self {
            info: 0x16,
            ..Self::global(name, value)
        }
    }

    pub fn undefined(name: &'static str) -> Self {
        Self {
            name,
            value: 0,
            info: 0x10,
            shndx: 0,
        }
    }

    pub fn weak_undefined(name: &'static str) -> Self {
        Self {
            info: 0x20,
            ..Self::undefined(name)
        }
    }
}

/// A relocation; `symbol` counts from 1 in the order of [`Elf::symbols`], 0 is none.
#[derive(Clone, Copy)]
pub struct Rel {
    pub offset: u64,
    pub kind: u32,
    pub symbol: u32,
    pub addend: i64,
}

/// An ELF file to be.
#[derive(Clone)]
pub struct Elf {
    pub machine: Machine,
    pub is_main: bool,
    pub entry: u64,
    pub uuid: Uuid,
    pub stack_size: u32,
    pub flags: u32,
    pub depr_entry: u64,
    pub symbols: Vec<Symbol>,
    pub relocs: Vec<Rel>,
    pub needed: Vec<String>,
    pub soname: Option<&'static str>,
    /// Tags and values put into the dynamic section as they are.
    pub dynamic: Vec<(u64, u64)>,
    /// Bytes put at addresses.
    pub content: Vec<(u64, Vec<u8>)>,
    /// PT_TLS: address, file size, memory size.
    pub tls: Option<(u64, u64, u64)>,
}

impl Elf {
    pub fn main(machine: Machine) -> Self {
        Self {
            machine,
            is_main: true,
            entry: 0x40,
            uuid: uuid(),
            stack_size: 4096,
            flags: 0,
            depr_entry: u64::MAX,
            symbols: Vec::new(),
            relocs: Vec::new(),
            needed: Vec::new(),
            soname: None,
            dynamic: Vec::new(),
            content: Vec::new(),
            tls: None,
        }
    }

    pub fn library(machine: Machine) -> Self {
        Self {
            is_main: false,
            entry: 0,
            ..Self::main(machine)
        }
    }

    pub fn symbol(mut self, symbol: Symbol) -> Self {
        self.symbols.push(symbol);
        self
    }

    pub fn rel(mut self, offset: u64, kind: u32, symbol: u32, addend: i64) -> Self {
        self.relocs.push(Rel {
            offset,
            kind,
            symbol,
            addend,
        });
        self
    }

    pub fn at(mut self, vaddr: u64, bytes: impl Into<Vec<u8>>) -> Self {
        self.content.push((vaddr, bytes.into()));
        self
    }

    /// A word of the machine's size.
    pub fn word(&self, value: u64) -> Vec<u8> {
        let len = if self.is_32bit() { 4 } else { 8 };
        value.to_le_bytes()[..len].to_vec()
    }

    fn is_32bit(&self) -> bool {
        self.machine.is_32bit()
    }

    /// File offset of the page that text starts with.
    fn text_offset(&self) -> u64 {
        if self.is_main { 0x1000 } else { 0 }
    }

    fn data_offset(&self) -> u64 {
        self.text_offset() + 0x1000
    }

    /// File offset of an address.
    pub fn offset_of(&self, vaddr: u64) -> usize {
        (self.text_offset() + vaddr) as usize
    }

    /// File offset of program header `index`.
    pub fn phdr_offset(&self, index: usize) -> usize {
        if self.is_32bit() {
            52 + 32 * index
        } else {
            64 + 56 * index
        }
    }

    pub fn build(&self) -> Vec<u8> {
        let mut file = vec![0u8; self.data_offset() as usize + 0x600];
        let mut names = vec![0u8];
        let dynsym = self.dynsym(&mut names);
        let dynamic = self.dynamic_section(&mut names);
        let rels = self.rel_section();
        assert!(dynsym.len() <= 0x600 && names.len() <= 0x200 && rels.len() <= 0x400);
        assert!(dynamic.len() <= 0x200);
        let put = |file: &mut Vec<u8>, vaddr: u64, bytes: &[u8]| {
            let at = self.offset_of(vaddr);
            file[at..at + bytes.len()].copy_from_slice(bytes);
        };
        if self.is_main {
            put(&mut file, 0, &self.ta_head());
        }
        put(&mut file, DYNSYM, &dynsym);
        put(&mut file, DYNSTR, &names);
        put(&mut file, RELOCS, &rels);
        put(&mut file, DYNAMIC, &dynamic);
        for (vaddr, bytes) in &self.content {
            put(&mut file, *vaddr, bytes);
        }
        let phdrs = self.phdrs(dynamic.len() as u64);
        let (shnames, shdrs) = self.shdrs(dynsym.len(), names.len(), rels.len(), file.len());
        file.extend(shnames);
        let shoff = file.len() as u64;
        let mut head = self.ehdr(phdrs.len(), shdrs.len(), shoff);
        head.extend(phdrs.into_iter().flatten());
        file[..head.len()].copy_from_slice(&head);
        file.extend(shdrs.into_iter().flatten());
        file
    }

    fn ta_head(&self) -> Vec<u8> {
        let mut head = self.uuid.to_memory().to_vec();
        head.extend(self.stack_size.to_le_bytes());
        head.extend(self.flags.to_le_bytes());
        head.extend(self.depr_entry.to_le_bytes());
        head
    }

    fn dynsym(&self, names: &mut Vec<u8>) -> Vec<u8> {
        let mut out = vec![0; if self.is_32bit() { 16 } else { 24 }];
        for symbol in &self.symbols {
            let name = names.len() as u32;
            names.extend(symbol.name.bytes().chain([0]));
            out.extend(name.to_le_bytes());
            let tail = [[symbol.info, 0], symbol.shndx.to_le_bytes()].concat();
            if self.is_32bit() {
                out.extend((symbol.value as u32).to_le_bytes());
                out.extend(0u32.to_le_bytes());
                out.extend(tail);
            } else {
                out.extend(tail);
                out.extend(symbol.value.to_le_bytes());
                out.extend(0u64.to_le_bytes());
            }
        }
        out
    }

    fn dynamic_section(&self, names: &mut Vec<u8>) -> Vec<u8> {
        const DT_NEEDED: u64 = 1;
        const DT_STRTAB: u64 = 5;
        const DT_STRSZ: u64 = 10;
        const DT_SONAME: u64 = 14;
        let mut name = |text: &str| {
            let at = names.len() as u64;
            names.extend(text.bytes().chain([0]));
            at
        };
        let mut entries: Vec<(u64, u64)> = self
            .needed
            .iter()
            .map(|needed| (DT_NEEDED, name(needed)))
            .collect();
        entries.extend(self.soname.map(|soname| (DT_SONAME, name(soname))));
        entries.extend([(DT_STRTAB, DYNSTR), (DT_STRSZ, 0x200)]);
        entries.extend(&self.dynamic);
        entries.push((0, 0));
        entries
            .iter()
            .flat_map(|(tag, value)| [self.word(*tag), self.word(*value)].concat())
            .collect()
    }

    fn rel_section(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for rel in &self.relocs {
            if self.is_32bit() {
                out.extend((rel.offset as u32).to_le_bytes());
                out.extend((rel.symbol << 8 | rel.kind).to_le_bytes());
            } else {
                out.extend(rel.offset.to_le_bytes());
                out.extend((u64::from(rel.symbol) << 32 | u64::from(rel.kind)).to_le_bytes());
                out.extend(rel.addend.to_le_bytes());
            }
        }
        out
    }

    fn ehdr(&self, phnum: usize, shnum: usize, shoff: u64) -> Vec<u8> {
        let (class, machine, flags, sizes) = match self.machine {
            Machine::AArch64 => (2, 183u16, 0u32, [64u16, 56, 64]),
            Machine::X86_64 => (2, 62, 0, [64, 56, 64]),
            Machine::Arm => (1, 40, 0x0500_0400, [52, 32, 40]),
        };
        let mut out = vec![
            0x7f, b'E', b'L', b'F', class, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        ];
        out.extend(3u16.to_le_bytes());
        out.extend(machine.to_le_bytes());
        out.extend(1u32.to_le_bytes());
        for word in [self.entry, u64::from(sizes[0]), shoff] {
            out.extend(self.word(word));
        }
        out.extend(flags.to_le_bytes());
        let halves = [
            sizes[0],
            sizes[1],
            phnum as u16,
            sizes[2],
            shnum as u16,
            shnum as u16 - 1,
        ];
        out.extend(halves.iter().flat_map(|half| half.to_le_bytes()));
        out
    }

    fn phdrs(&self, dynamic: u64) -> Vec<Vec<u8>> {
        const PT_LOAD: u32 = 1;
        const PT_DYNAMIC: u32 = 2;
        const PT_TLS: u32 = 7;
        let data_offset = self.data_offset();
        let mut all = vec![
            self.phdr(PT_LOAD, 5, self.text_offset(), TEXT, 0x1000, 0x1000, 0x1000),
            self.phdr(PT_LOAD, 6, data_offset, DATA, 0x600, SPAN - DATA, 0x1000),
            self.phdr(
                PT_DYNAMIC,
                6,
                data_offset + 0x400,
                DYNAMIC,
                dynamic,
                dynamic,
                8,
            ),
        ];
        if let Some((vaddr, filesz, memsz)) = self.tls {
            let offset = self.offset_of(vaddr) as u64;
            all.push(self.phdr(PT_TLS, 4, offset, vaddr, filesz, memsz, 8));
        }
        all
    }

    #[allow(clippy::too_many_arguments, reason = "the fields of a program header")]
    pub fn phdr(
        &self,
        p_type: u32,
        flags: u32,
        offset: u64,
        vaddr: u64,
        filesz: u64,
        memsz: u64,
        align: u64,
    ) -> Vec<u8> {
        let mut out = p_type.to_le_bytes().to_vec();
        if !self.is_32bit() {
            out.extend(flags.to_le_bytes());
        }
        for word in [offset, vaddr, vaddr, filesz, memsz] {
            out.extend(self.word(word));
        }
        if self.is_32bit() {
            out.extend(flags.to_le_bytes());
        }
        out.extend(self.word(align));
        out
    }

    /// Section names and headers; `end` is where the names will stand in the file.
    fn shdrs(
        &self,
        dynsym: usize,
        dynstr: usize,
        rels: usize,
        end: usize,
    ) -> (Vec<u8>, Vec<Vec<u8>>) {
        const SHF_ALLOC: u64 = 2;
        let rel_type = if self.is_32bit() { 9 } else { 4 };
        let mut rows = vec![
            ("", 0, 0, 0, 0, 0, 0),
            (
                ".dynsym",
                11,
                SHF_ALLOC,
                DYNSYM,
                self.offset_of(DYNSYM),
                dynsym,
                2,
            ),
            (
                ".dynstr",
                3,
                SHF_ALLOC,
                DYNSTR,
                self.offset_of(DYNSTR),
                dynstr,
                0,
            ),
            (
                ".rel.dyn",
                rel_type,
                SHF_ALLOC,
                RELOCS,
                self.offset_of(RELOCS),
                rels,
                1,
            ),
        ];
        if self.is_main {
            rows.push((".ta_head", 1, SHF_ALLOC, 0, self.offset_of(0), 32, 0));
        }
        rows.push((".shstrtab", 3, 0, 0, end, 0, 0));
        let mut names = Vec::new();
        let mut headers = Vec::new();
        let total: usize = rows.iter().map(|row| row.0.len() + 1).sum();
        for (name, sh_type, flags, addr, offset, size, link) in rows {
            let size = if name == ".shstrtab" { total } else { size };
            let mut out = (names.len() as u32).to_le_bytes().to_vec();
            names.extend(name.bytes().chain([0]));
            out.extend(u32::to_le_bytes(sh_type));
            for word in [flags, addr, offset as u64, size as u64] {
                out.extend(self.word(word));
            }
            out.extend(u32::to_le_bytes(link));
            out.extend(0u32.to_le_bytes());
            out.extend(self.word(1));
            out.extend(self.word(0));
            headers.push(out);
        }
        (names, headers)
    }
}

/// A type 1 file with a signature of the development key.
pub fn signed(image: &[u8]) -> Vec<u8> {
    let key = SigningKey::from_pem(DEV_KEY).unwrap();
    let identity = TaIdentity {
        uuid: uuid(),
        ta_version: 7,
        algo: ALG_RSA_PSS_SHA256,
    };
    let image = TaImage::plain(identity, image, key.public()).unwrap();
    image.sign(&key, &ring::rand::SystemRandom::new()).unwrap()
}

/// A signed header of any type over a sub-header and an image, with a signature of the development
/// key.
pub fn signed_as(img_type: u32, algo: u32, sub_header: &[u8], image: &[u8]) -> Vec<u8> {
    let key = SigningKey::from_pem(DEV_KEY).unwrap();
    let mut file = 0x4f54_5348u32.to_le_bytes().to_vec();
    file.extend(img_type.to_le_bytes());
    file.extend((image.len() as u32).to_le_bytes());
    file.extend(algo.to_le_bytes());
    file.extend(32u16.to_le_bytes());
    file.extend(256u16.to_le_bytes());
    let message = [&file, sub_header, image].concat();
    let signature = key
        .sign(algo, &message, &ring::rand::SystemRandom::new())
        .unwrap();
    file.extend(sha256(&[&message]));
    file.extend(signature);
    file.extend(sub_header);
    file.extend(image);
    file
}
