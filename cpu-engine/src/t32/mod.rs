//! The encodings of T32: rows and operand formats. See [`crate::a32`] for what they belong to.

pub mod format;
pub mod rows {
    //! The decode table's rows.
    pub mod narrow;
    pub mod wide;
}
