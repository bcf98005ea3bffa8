//! Scalar floating point.

macro_rules! scalar_rows {
    ($then:ident $($args:tt)*) => {
        $then! { $($args)* [e o w]
        "00011110tt100000010000nnnnnddddd" "fmov" F_RR => vfp(e, o, |f, o| f.fp1(o, |_, _, n| n));
        "00011110tt100000110000nnnnnddddd" "fabs" F_RR => vfp(e, o, |f, o| f.fp1(o, |_, t, n| n & !t.sign()));
        "00011110tt100001010000nnnnnddddd" "fneg" F_RR => vfp(e, o, |f, o| f.fp1(o, |_, t, n| n ^ t.sign()));
        "00011110tt100001110000nnnnnddddd" "fsqrt" F_RR => vfp(e, o, |f, o| f.fp1(o, |e, t, n| e.sqrt(t, n)));
        "00011110tt10001pp10000nnnnnddddd" "fcvt" F_CVT => vfp(e, o, |f, o| { let (_, n, _) = scalars(f, o); let r = f.env.convert(Type::of(o.k), Type::of(o.l), n); f.v[o.d.v()] = u128::from(r); });
        "00011110tt100100010000nnnnnddddd" "frintn" F_RR => vfp(e, o, |f, o| integral(f, o, Some(Rounding::Nearest), false));
        "00011110tt100100110000nnnnnddddd" "frintp" F_RR => vfp(e, o, |f, o| integral(f, o, Some(Rounding::Up), false));
        "00011110tt100101010000nnnnnddddd" "frintm" F_RR => vfp(e, o, |f, o| integral(f, o, Some(Rounding::Down), false));
        "00011110tt100101110000nnnnnddddd" "frintz" F_RR => vfp(e, o, |f, o| integral(f, o, Some(Rounding::Zero), false));
        "00011110tt100110010000nnnnnddddd" "frinta" F_RR => vfp(e, o, |f, o| integral(f, o, Some(Rounding::Away), false));
        "00011110tt100111010000nnnnnddddd" "frintx" F_RR => vfp(e, o, |f, o| integral(f, o, None, true));
        "00011110tt100111110000nnnnnddddd" "frinti" F_RR => vfp(e, o, |f, o| integral(f, o, None, false));
        "00011110tt1mmmmm000010nnnnnddddd" "fmul" F_RRR => vfp(e, o, |f, o| f.fp2(o, |e, t, n, m| e.mul(t, n, m)));
        "00011110tt1mmmmm000110nnnnnddddd" "fdiv" F_RRR => vfp(e, o, |f, o| f.fp2(o, |e, t, n, m| e.div(t, n, m)));
        "00011110tt1mmmmm001010nnnnnddddd" "fadd" F_RRR => vfp(e, o, |f, o| f.fp2(o, |e, t, n, m| e.add(t, n, m)));
        "00011110tt1mmmmm001110nnnnnddddd" "fsub" F_RRR => vfp(e, o, |f, o| f.fp2(o, |e, t, n, m| e.sub(t, n, m)));
        "00011110tt1mmmmm010010nnnnnddddd" "fmax" F_RRR => vfp(e, o, |f, o| f.fp2(o, |e, t, n, m| e.extreme(t, true, n, m)));
        "00011110tt1mmmmm010110nnnnnddddd" "fmin" F_RRR => vfp(e, o, |f, o| f.fp2(o, |e, t, n, m| e.extreme(t, false, n, m)));
        "00011110tt1mmmmm011010nnnnnddddd" "fmaxnm" F_RRR => vfp(e, o, |f, o| f.fp2(o, |e, t, n, m| e.extreme_number(t, true, n, m)));
        "00011110tt1mmmmm011110nnnnnddddd" "fminnm" F_RRR => vfp(e, o, |f, o| f.fp2(o, |e, t, n, m| e.extreme_number(t, false, n, m)));
        "00011110tt1mmmmm100010nnnnnddddd" "fnmul" F_RRR => vfp(e, o, |f, o| f.fp2(o, |e, t, n, m| e.mul(t, n, m) ^ t.sign()));
        "00011110tt1mmmmm001000nnnnn00000" "fcmp" F_COMPARE => fcmp(e, o, |f, o, _| compare(f, o, false, true));
        "00011110tt1mmmmm001000nnnnn10000" "fcmpe" F_COMPARE => fcmp(e, o, |f, o, _| compare(f, o, false, false));
        "00011110tt100000001000nnnnn01000" "fcmp" F_COMPARE_ZERO => fcmp(e, o, |f, o, _| compare(f, o, true, true));
        "00011110tt100000001000nnnnn11000" "fcmpe" F_COMPARE_ZERO => fcmp(e, o, |f, o, _| compare(f, o, true, false));
        "00011110tt1mmmmmcccc01nnnnn0ffff" "fccmp" F_COMPARE_IF => fccmp(e, o, |f, o, taken| compare_taken(f, o, taken, true));
        "00011110tt1mmmmmcccc01nnnnn1ffff" "fccmpe" F_COMPARE_IF => fccmp(e, o, |f, o, taken| compare_taken(f, o, taken, false));
        "00011110tt1mmmmmcccc11nnnnnddddd" "fcsel" F_SELECT => fcsel(e, o);
        "00011111tt0mmmmm0aaaaannnnnddddd" "fmadd" F_RRRR => vfp(e, o, |f, o| fused(f, o, false, false));
        "00011111tt0mmmmm1aaaaannnnnddddd" "fmsub" F_RRRR => vfp(e, o, |f, o| fused(f, o, true, false));
        "00011111tt1mmmmm0aaaaannnnnddddd" "fnmadd" F_RRRR => vfp(e, o, |f, o| fused(f, o, true, true));
        "00011111tt1mmmmm1aaaaannnnnddddd" "fnmsub" F_RRRR => vfp(e, o, |f, o| fused(f, o, false, true));
        "00011110tt1iiiiiiii10000000ddddd" "fmov" F_IMM => vfp(e, o, |f, o| f.set_low(o, u128::from(o.imm)));
        "s0011110tt100000000000nnnnnddddd" "fcvtns" F_TO_INT => from_v(e, o, w, |f, o, _| to_int(f, o, true, Rounding::Nearest));
        "s0011110tt100001000000nnnnnddddd" "fcvtnu" F_TO_INT => from_v(e, o, w, |f, o, _| to_int(f, o, false, Rounding::Nearest));
        "s0011110tt101000000000nnnnnddddd" "fcvtps" F_TO_INT => from_v(e, o, w, |f, o, _| to_int(f, o, true, Rounding::Up));
        "s0011110tt101001000000nnnnnddddd" "fcvtpu" F_TO_INT => from_v(e, o, w, |f, o, _| to_int(f, o, false, Rounding::Up));
        "s0011110tt110000000000nnnnnddddd" "fcvtms" F_TO_INT => from_v(e, o, w, |f, o, _| to_int(f, o, true, Rounding::Down));
        "s0011110tt110001000000nnnnnddddd" "fcvtmu" F_TO_INT => from_v(e, o, w, |f, o, _| to_int(f, o, false, Rounding::Down));
        "s0011110tt111000000000nnnnnddddd" "fcvtzs" F_TO_INT => from_v(e, o, w, |f, o, _| to_int(f, o, true, Rounding::Zero));
        "s0011110tt111001000000nnnnnddddd" "fcvtzu" F_TO_INT => from_v(e, o, w, |f, o, _| to_int(f, o, false, Rounding::Zero));
        "s0011110tt100100000000nnnnnddddd" "fcvtas" F_TO_INT => from_v(e, o, w, |f, o, _| to_int(f, o, true, Rounding::Away));
        "s0011110tt100010000000nnnnnddddd" "scvtf" F_FROM_INT => to_v(e, o, |f, o, x| from_int(f, o, x, true));
        "s0011110tt011000bbbbbbnnnnnddddd" "fcvtzs" F_TO_FIXED => from_v(e, o, w, |f, o, _| to_int(f, o, true, Rounding::Zero));
        "s0011110tt000010bbbbbbnnnnnddddd" "scvtf" F_FROM_FIXED => to_v(e, o, |f, o, x| from_int(f, o, x, true));
        "s0011110tt100101000000nnnnnddddd" "fcvtau" F_TO_INT => from_v(e, o, w, |f, o, _| to_int(f, o, false, Rounding::Away));
        "s0011110tt100011000000nnnnnddddd" "ucvtf" F_FROM_INT => to_v(e, o, |f, o, x| from_int(f, o, x, false));
        "s0011110tt011001bbbbbbnnnnnddddd" "fcvtzu" F_TO_FIXED => from_v(e, o, w, |f, o, _| to_int(f, o, false, Rounding::Zero));
        "s0011110tt000011bbbbbbnnnnnddddd" "ucvtf" F_FROM_FIXED => to_v(e, o, |f, o, x| from_int(f, o, x, false));
        "0001111000100110000000nnnnnddddd" "fmov" F_TO_INT => from_v(e, o, W32, |f, o, _| scalars(f, o).1);
        "0001111000100111000000nnnnnddddd" "fmov" F_FROM_INT => to_v(e, o, set_scalar);
        "1001111001100110000000nnnnnddddd" "fmov" F_TO_INT => from_v(e, o, W64, |f, o, _| scalars(f, o).1);
        "1001111001100111000000nnnnnddddd" "fmov" F_FROM_INT => to_v(e, o, set_scalar);
        "s001111011100110000000nnnnnddddd" "fmov" F_TO_INT => from_v(e, o, w, |f, o, _| scalars(f, o).1);
        "s001111011100111000000nnnnnddddd" "fmov" F_FROM_INT => to_v(e, o, set_scalar);
        "1001111010101110000000nnnnnddddd" "fmov" F_TOP_TO_INT => from_v(e, o, W64, |f, o, _| (f.v[o.n.v()] >> 64) as u64);
        "1001111010101111000000nnnnnddddd" "fmov" F_TOP_FROM_INT => to_v(e, o, |f, o, x| { f.v[o.d.v()] = vector::insert(f.v[o.d.v()], 3, 1, x); 0 });
        }
    };
}

pub(crate) use scalar_rows;
