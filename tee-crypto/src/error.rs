//! What a cryptographic operation comes to other than success, and the result code it is told by.

use tee_abi::TeeResult;

/// A failed operation. The variants follow the answers of OP-TEE's cryptographic core, because a
/// TA, or the panic that libutee makes of a code, tells them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The algorithm exists but is not offered.
    #[error("not supported")]
    NotSupported,
    /// No such algorithm.
    #[error("not implemented")]
    NotImplemented,
    /// A key, parameter or input is malformed.
    #[error("bad parameters")]
    BadParameters,
    /// The operation cannot be done now, or with this key.
    #[error("bad state")]
    BadState,
    /// No more specific code applies.
    #[error("failed")]
    Generic,
    /// The result would be unsafe to use.
    #[error("refused for security")]
    Security,
    /// The output has this many bytes.
    #[error("{0} bytes of room are needed")]
    ShortBuffer(usize),
    /// The tag does not match.
    #[error("the tag does not match")]
    MacInvalid,
    /// The signature does not match.
    #[error("the signature does not match")]
    SignatureInvalid,
    /// The ciphertext is not one of this key.
    #[error("the ciphertext is invalid")]
    CiphertextInvalid,
    /// No memory.
    #[error("out of memory")]
    OutOfMemory,
}

impl From<Error> for TeeResult {
    fn from(error: Error) -> Self {
        match error {
            Error::NotSupported => Self::ERROR_NOT_SUPPORTED,
            Error::NotImplemented => Self::ERROR_NOT_IMPLEMENTED,
            Error::BadParameters => Self::ERROR_BAD_PARAMETERS,
            Error::BadState => Self::ERROR_BAD_STATE,
            Error::Generic => Self::ERROR_GENERIC,
            Error::Security => Self::ERROR_SECURITY,
            Error::ShortBuffer(_) => Self::ERROR_SHORT_BUFFER,
            Error::MacInvalid => Self::ERROR_MAC_INVALID,
            Error::SignatureInvalid => Self::ERROR_SIGNATURE_INVALID,
            Error::CiphertextInvalid => Self::ERROR_CIPHERTEXT_INVALID,
            Error::OutOfMemory => Self::ERROR_OUT_OF_MEMORY,
        }
    }
}
