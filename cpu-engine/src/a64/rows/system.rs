//! Exceptions, hints, barriers, system registers, cache operations.

macro_rules! system_rows {
    ($then:ident $($args:tt)*) => {
        $then! { $($args)* [e o w]
        "11010100000iiiiiiiiiiiiiiii00001" "svc" EXC => e.syscall(o.next);
        "11010100001iiiiiiiiiiiiiiii00000" "brk" EXC => e.breakpoint();
        "11010101000000110010iiiiiii11111" "hint" HINT => Ok(());
        "11010101000000110011iiii01011111" "clrex" BARRIER => { e.clear_exclusive(); Ok(()) };
        "11010101000000110011iiii10011111" "dsb" BARRIER => { e.barrier(); Ok(()) };
        "11010101000000110011iiii10111111" "dmb" BARRIER => { e.barrier(); Ok(()) };
        "11010101000000110011iiii11011111" "isb" BARRIER => { e.barrier(); Ok(()) };
        "11010101000000110011000011111111" "sb" NONE => { e.barrier(); Ok(()) };
        "110101010011101111010000010ttttt" "mrs" SYSREG_READ => mrs(e, o, Sys::TpidrEl0);
        "110101010001101111010000010ttttt" "msr" SYSREG_WRITE => msr(e, o, Sys::TpidrEl0);
        "110101010011101111010000011ttttt" "mrs" SYSREG_READ => mrs(e, o, Sys::TpidrroEl0);
        "110101010011101101000100000ttttt" "mrs" SYSREG_READ => mrs(e, o, Sys::Fpcr);
        "110101010001101101000100000ttttt" "msr" SYSREG_WRITE => msr(e, o, Sys::Fpcr);
        "110101010011101101000100001ttttt" "mrs" SYSREG_READ => mrs(e, o, Sys::Fpsr);
        "110101010001101101000100001ttttt" "msr" SYSREG_WRITE => msr(e, o, Sys::Fpsr);
        "110101010011101101000010000ttttt" "mrs" SYSREG_READ => mrs(e, o, Sys::Nzcv);
        "110101010001101101000010000ttttt" "msr" SYSREG_WRITE => msr(e, o, Sys::Nzcv);
        "110101010011101100000000001ttttt" "mrs" SYSREG_READ => mrs(e, o, Sys::CtrEl0);
        "110101010011101100000000111ttttt" "mrs" SYSREG_READ => mrs(e, o, Sys::DczidEl0);
        "110101010011101111100000010ttttt" "mrs" SYSREG_READ => mrs(e, o, Sys::CntvctEl0);
        "110101010011101111100000000ttttt" "mrs" SYSREG_READ => mrs(e, o, Sys::CntfrqEl0);
        "110101010000101101110100001ttttt" "dc" SYS_ADDR => zero_block(e, o);
        "110101010000101101111010001ttttt" "dc" SYS_ADDR => cache_line(e, o);
        "110101010000101101111011001ttttt" "dc" SYS_ADDR => cache_line(e, o);
        "110101010000101101111110001ttttt" "dc" SYS_ADDR => cache_line(e, o);
        "110101010000101101110101001ttttt" "ic" SYS_ADDR => e.sync_code(o.next);
        }
    };
}

pub(crate) use system_rows;
