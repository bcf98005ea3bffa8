//! Coprocessor registers of EL0.

macro_rules! vfp_rows {
    ($then:ident $($args:tt)*) => {
        $then! { $($args)* [e o s]
        "1110111000011101tttt111101010000" "mrc" CP => mrs(e, o, Sys::TpidrEl0);
        "1110111000001101tttt111101010000" "mcr" CP => msr(e, o, Sys::TpidrEl0);
        "1110111000011101tttt111101110000" "mrc" CP => mrs(e, o, Sys::TpidrroEl0);
        "1110111000011110tttt111100010000" "mrc" CP => mrs(e, o, Sys::CntfrqEl0);
        "111011000101uuuutttt111100011110" "mrrc" CP2 => mrs_pair(e, o, Sys::CntvctEl0);
        "1110111000000111tttt111110111010" "mcr" CP => barrier(e);
        "1110111000000111tttt111110011010" "mcr" CP => barrier(e);
        "1110111000000111tttt111110010101" "mcr" CP => barrier(e);
        }
    };
}

pub(crate) use vfp_rows;
