//! The cryptography that keys and trusted storage stand on, as a trait: this room names no
//! cryptographic library.

/// Random numbers and the primitives of OP-TEE's trusted storage.
///
/// Parts are hashed as if they were one run of bytes.
pub trait StorageCrypto {
    /// Fills the buffer with bytes fit for keys and initialisation vectors.
    fn random(&mut self, out: &mut [u8]);

    /// SHA-256.
    fn sha256(&self, parts: &[&[u8]]) -> [u8; 32];

    /// HMAC with SHA-256, for a key of any length.
    fn hmac_sha256(&self, key: &[u8], parts: &[&[u8]]) -> [u8; 32];

    /// Encrypts one block with AES-128.
    fn aes128_encrypt(&self, key: &[u8; 16], block: &mut [u8; 16]);

    /// Decrypts one block with AES-128.
    fn aes128_decrypt(&self, key: &[u8; 16], block: &mut [u8; 16]);

    /// Encrypts one block with AES-256.
    fn aes256_encrypt(&self, key: &[u8; 32], block: &mut [u8; 16]);

    /// Decrypts one block with AES-256.
    fn aes256_decrypt(&self, key: &[u8; 32], block: &mut [u8; 16]);

    /// Encrypts in place with AES-128-GCM under a 16-byte initialisation vector; answers the tag.
    fn aes128_gcm_seal(
        &self,
        key: &[u8; 16],
        iv: &[u8; 16],
        aad: &[u8],
        data: &mut [u8],
    ) -> [u8; 16];

    /// Decrypts in place with AES-128-GCM under a 16-byte initialisation vector; answers whether
    /// the tag is right. Where it is not, `data` holds nothing of use.
    #[must_use]
    fn aes128_gcm_open(
        &self,
        key: &[u8; 16],
        iv: &[u8; 16],
        aad: &[u8],
        data: &mut [u8],
        tag: &[u8; 16],
    ) -> bool;
}
