//! Advanced SIMD.

macro_rules! neon_rows {
    ($then:ident $($args:tt)*) => {
        $then! { $($args)* [e o s]
        }
    };
}

pub(crate) use neon_rows;
