//! What the tests of trusted storage share: a provider of its cryptography, worlds on disks that
//! fail, and short forms of the requests.

#![allow(dead_code, reason = "each test uses its part")]

pub mod scenario;

use host_supplicant::MemoryFiles;
use host_supplicant::faults::{Fault, FaultyFiles};
use tee_abi::algorithms::{
    TEE_ALG_AES_ECB_NOPAD, TEE_ALG_AES_GCM, TEE_ALG_HMAC_SHA256, TEE_ALG_SHA256,
};
use tee_abi::core::storage::{
    ACCESS_READ, ACCESS_WRITE, ACCESS_WRITE_META, OVERWRITE, PRIVATE, SHARE_READ, SHARE_WRITE,
};
use tee_abi::core::{ObjectHandle, ObjectHead, Reply, Request, StorageId};
use tee_abi::{TeeResult, Uuid};
use tee_core::{Config, InstanceId, StorageCrypto, TeeCore};
use tee_crypto::{Crypto, Direction, Provider};

/// The provider's primitives and random numbers by seed.
#[derive(Clone, Default)]
pub struct TestCrypto {
    seed: u64,
}

impl TestCrypto {
    pub fn seeded(seed: u64) -> Self {
        Self { seed }
    }
}

fn ecb(direction: Direction, key: &[u8], block: &mut [u8; 16]) {
    let cipher = Provider::cipher(TEE_ALG_AES_ECB_NOPAD, direction, key, &[], &[]);
    cipher.unwrap().update(block, true).unwrap();
}

impl StorageCrypto for TestCrypto {
    fn random(&mut self, out: &mut [u8]) {
        for byte in out {
            self.seed = self
                .seed
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            *byte = (self.seed >> 56) as u8;
        }
    }

    fn sha256(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut hash = Provider::hash(TEE_ALG_SHA256).unwrap();
        parts.iter().for_each(|part| hash.update(part));
        let mut out = [0; 32];
        hash.finish(&mut out);
        out
    }

    fn hmac_sha256(&self, key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
        let mut mac = Provider::mac(TEE_ALG_HMAC_SHA256, key).unwrap();
        parts.iter().for_each(|part| mac.update(part));
        let mut out = [0; 32];
        mac.finish(&mut out).unwrap();
        out
    }

    fn aes128_encrypt(&self, key: &[u8; 16], block: &mut [u8; 16]) {
        ecb(Direction::Encrypt, key, block);
    }

    fn aes128_decrypt(&self, key: &[u8; 16], block: &mut [u8; 16]) {
        ecb(Direction::Decrypt, key, block);
    }

    fn aes256_encrypt(&self, key: &[u8; 32], block: &mut [u8; 16]) {
        ecb(Direction::Encrypt, key, block);
    }

    fn aes256_decrypt(&self, key: &[u8; 32], block: &mut [u8; 16]) {
        ecb(Direction::Decrypt, key, block);
    }

    fn aes128_gcm_seal(
        &self,
        key: &[u8; 16],
        iv: &[u8; 16],
        aad: &[u8],
        data: &mut [u8],
    ) -> [u8; 16] {
        let direction = Direction::Encrypt;
        let ae = Provider::ae(
            TEE_ALG_AES_GCM,
            direction,
            key,
            iv,
            16,
            aad.len(),
            data.len(),
        );
        let mut ae = ae.unwrap();
        ae.update_aad(aad).unwrap();
        ae.finish_encrypt(data, 16).unwrap().try_into().unwrap()
    }

    fn aes128_gcm_open(
        &self,
        key: &[u8; 16],
        iv: &[u8; 16],
        aad: &[u8],
        data: &mut [u8],
        tag: &[u8; 16],
    ) -> bool {
        let direction = Direction::Decrypt;
        let ae = Provider::ae(
            TEE_ALG_AES_GCM,
            direction,
            key,
            iv,
            16,
            aad.len(),
            data.len(),
        );
        let mut ae = ae.unwrap();
        ae.update_aad(aad).unwrap();
        ae.finish_decrypt(data, tag).is_ok()
    }
}

pub const TA: Uuid = Uuid(*b"a trusted app 01");
pub const OTHER_TA: Uuid = Uuid(*b"a trusted app 02");

pub const READ: u32 = ACCESS_READ;
pub const WRITE: u32 = ACCESS_WRITE;
pub const META: u32 = ACCESS_WRITE_META;
pub const ALL: u32 = READ | WRITE | META;
pub const SHARED: u32 = READ | WRITE | SHARE_READ | SHARE_WRITE;
pub const REPLACE: u32 = OVERWRITE;

pub const DATA_OBJECT: ObjectHead = ObjectHead {
    obj_type: 0xA000_00BF,
    size: 0,
    max_size: 0,
    usage: u32::MAX,
    have_attrs: 0,
};

pub type World = TeeCore<FaultyFiles, TestCrypto>;

/// A world on these files that fails where asked.
pub fn world_on(files: MemoryFiles, fault: Option<(usize, Fault)>) -> World {
    let disk = FaultyFiles::new(files, fault);
    TeeCore::new(disk, TestCrypto::seeded(1), &Config::default())
}

/// A world on an empty disk.
pub fn world() -> World {
    world_on(MemoryFiles::default(), None)
}

/// A world on what is left of another one's disk when it is killed now.
pub fn killed(world: &mut World) -> World {
    world_on(world.ree_mut().after_kill(), None)
}

/// The files of a directory beside the tests.
pub fn fixture(name: &str) -> MemoryFiles {
    let dir = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data")
        .join(name);
    let files = std::fs::read_dir(dir).unwrap().map(|entry| {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        (name, std::fs::read(entry.path()).unwrap())
    });
    MemoryFiles::from_files(files)
}

/// One instance's requests in short form.
pub struct Session<'w> {
    pub world: &'w mut World,
    pub instance: InstanceId,
    pub storage: StorageId,
}

impl<'w> Session<'w> {
    pub fn new(world: &'w mut World, ta: Uuid) -> Self {
        Self::on(world, ta, PRIVATE)
    }

    /// On a storage of choice.
    pub fn on(world: &'w mut World, ta: Uuid, storage: StorageId) -> Self {
        let instance = world.instance(ta);
        Self {
            world,
            instance,
            storage,
        }
    }

    pub fn call(&mut self, request: Request) -> Result<Reply, TeeResult> {
        self.world.call(self.instance, request)
    }

    pub fn open(&mut self, id: &[u8], flags: u32) -> Result<ObjectHandle, TeeResult> {
        open_on(self.world, self.instance, self.storage, id, flags)
    }

    pub fn create(
        &mut self,
        id: &[u8],
        flags: u32,
        data: &[u8],
    ) -> Result<ObjectHandle, TeeResult> {
        create_on(self.world, self.instance, self.storage, id, flags, data)
    }

    pub fn close(&mut self, object: ObjectHandle) {
        self.call(Request::ObjectClose { object }).unwrap();
    }

    pub fn delete(&mut self, object: ObjectHandle) -> Result<(), TeeResult> {
        self.call(Request::ObjectDelete { object }).map(|_| ())
    }

    pub fn rename(&mut self, object: ObjectHandle, id: &[u8]) -> Result<(), TeeResult> {
        let id = id.to_vec();
        self.call(Request::ObjectRename { object, id }).map(|_| ())
    }

    pub fn write(&mut self, object: ObjectHandle, pos: u64, data: &[u8]) -> Result<(), TeeResult> {
        let data = data.to_vec();
        self.call(Request::ObjectWrite { object, pos, data })
            .map(|_| ())
    }

    pub fn truncate(&mut self, object: ObjectHandle, len: u64) -> Result<(), TeeResult> {
        self.call(Request::ObjectTruncate { object, len })
            .map(|_| ())
    }

    pub fn read(&mut self, object: ObjectHandle, pos: u64, len: u64) -> Result<Vec<u8>, TeeResult> {
        match self.call(Request::ObjectRead { object, pos, len })? {
            Reply::Data(data) => Ok(data),
            other => panic!("{other:?}"),
        }
    }

    /// The whole data stream of an object that is not open.
    pub fn content(&mut self, id: &[u8]) -> Result<Vec<u8>, TeeResult> {
        let object = self.open(id, READ)?;
        let data = self.read(object, 0, u64::MAX);
        let _ = self.call(Request::ObjectClose { object });
        data
    }

    /// Identifiers in the order of the listing.
    pub fn list(&mut self) -> Result<Vec<Vec<u8>>, TeeResult> {
        let enumerator = match self.call(Request::EnumStart {
            storage: self.storage,
        }) {
            Ok(Reply::Enumerator(enumerator)) => enumerator,
            Ok(other) => panic!("{other:?}"),
            Err(TeeResult::ERROR_ITEM_NOT_FOUND) => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut ids = Vec::new();
        let end = loop {
            match self.call(Request::EnumNext { enumerator }) {
                Ok(Reply::Entry { id, .. }) => ids.push(id),
                Ok(other) => panic!("{other:?}"),
                Err(end) => break end,
            }
        };
        self.call(Request::EnumEnd { enumerator }).unwrap();
        match end {
            TeeResult::ERROR_ITEM_NOT_FOUND => Ok(ids),
            error => Err(error),
        }
    }
}

pub fn open(
    world: &mut World,
    instance: InstanceId,
    id: &[u8],
    flags: u32,
) -> Result<ObjectHandle, TeeResult> {
    open_on(world, instance, PRIVATE, id, flags)
}

fn open_on(
    world: &mut World,
    instance: InstanceId,
    storage: StorageId,
    id: &[u8],
    flags: u32,
) -> Result<ObjectHandle, TeeResult> {
    let id = id.to_vec();
    let request = Request::ObjectOpen { storage, id, flags };
    match world.call(instance, request)? {
        Reply::Object { object, .. } => Ok(object),
        other => panic!("{other:?}"),
    }
}

pub fn create(
    world: &mut World,
    instance: InstanceId,
    id: &[u8],
    flags: u32,
    data: &[u8],
) -> Result<ObjectHandle, TeeResult> {
    create_on(world, instance, PRIVATE, id, flags, data)
}

fn create_on(
    world: &mut World,
    instance: InstanceId,
    storage: StorageId,
    id: &[u8],
    flags: u32,
    data: &[u8],
) -> Result<ObjectHandle, TeeResult> {
    let request = Request::ObjectCreate {
        storage,
        id: id.to_vec(),
        flags,
        head: DATA_OBJECT,
        attrs: Vec::new(),
        data: data.to_vec(),
    };
    match world.call(instance, request)? {
        Reply::Object { object, .. } => Ok(object),
        other => panic!("{other:?}"),
    }
}

/// Bytes that differ at every place.
pub fn pattern(len: usize, seed: u8) -> Vec<u8> {
    (0..len)
        .map(|i| (i as u8).wrapping_mul(31) ^ (i >> 8) as u8 ^ seed)
        .collect()
}
