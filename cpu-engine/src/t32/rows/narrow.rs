//! T32: instructions of 16 bits.

macro_rules! narrow_rows {
    ($then:ident $($args:tt)*) => {
        $then! { $($args)* [e o s]
        "0000000000mmmddd" "mov" MOVS => dp(e, o, s, Alu::Mov, reg);
        "00000iiiiimmmddd" "lsl" SHIFT_IMM => dp(e, o, s, Alu::Mov, shifted);
        "00001iiiiimmmddd" "lsr" SHIFT_IMM => dp(e, o, s, Alu::Mov, shifted);
        "00010iiiiimmmddd" "asr" SHIFT_IMM => dp(e, o, s, Alu::Mov, shifted);
        "0001100mmmnnnddd" "add" LOW3 => dp(e, o, s, Alu::Add, reg);
        "0001101mmmnnnddd" "sub" LOW3 => dp(e, o, s, Alu::Sub, reg);
        "0001110iiinnnddd" "add" LOW_IMM3 => dp(e, o, s, Alu::Add, imm);
        "0001111iiinnnddd" "sub" LOW_IMM3 => dp(e, o, s, Alu::Sub, imm);
        "00100dddiiiiiiii" "mov" MOV_IMM8 => dp(e, o, s, Alu::Mov, imm);
        "00101nnniiiiiiii" "cmp" CMP_IMM8 => test(e, o, Alu::Sub, imm);
        "00110dddiiiiiiii" "add" LOW_IMM8 => dp(e, o, s, Alu::Add, imm);
        "00111dddiiiiiiii" "sub" LOW_IMM8 => dp(e, o, s, Alu::Sub, imm);
        "0100000000mmmddd" "and" LOW2 => dp(e, o, s, Alu::And, reg);
        "0100000001mmmddd" "eor" LOW2 => dp(e, o, s, Alu::Eor, reg);
        "0100000010mmmddd" "lsl" LOW_BY => dp(e, o, s, Alu::Mov, shifted_reg);
        "0100000011mmmddd" "lsr" LOW_BY => dp(e, o, s, Alu::Mov, shifted_reg);
        "0100000100mmmddd" "asr" LOW_BY => dp(e, o, s, Alu::Mov, shifted_reg);
        "0100000101mmmddd" "adc" LOW2 => dp(e, o, s, Alu::Adc, reg);
        "0100000110mmmddd" "sbc" LOW2 => dp(e, o, s, Alu::Sbc, reg);
        "0100000111mmmddd" "ror" LOW_BY => dp(e, o, s, Alu::Mov, shifted_reg);
        "0100001000mmmddd" "tst" LOW_NM => test(e, o, Alu::And, reg);
        "0100001001mmmddd" "rsb" NEGATE => dp(e, o, s, Alu::Rsb, imm);
        "0100001010mmmddd" "cmp" LOW_NM => test(e, o, Alu::Sub, reg);
        "0100001011mmmddd" "cmn" LOW_NM => test(e, o, Alu::Add, reg);
        "0100001100mmmddd" "orr" LOW2 => dp(e, o, s, Alu::Orr, reg);
        "0100001101mmmddd" "mul" LOW_MUL => mul(e, o, s, None);
        "0100001110mmmddd" "bic" LOW2 => dp(e, o, s, Alu::Bic, reg);
        "0100001111mmmddd" "mvn" LOW_MVN => dp(e, o, s, Alu::Mvn, reg);
        "01000100dmmmmddd" "add" HIGH_ADD => dp(e, o, false, Alu::Add, reg);
        "01000101nmmmmnnn" "cmp" HIGH_CMP => test(e, o, Alu::Sub, reg);
        "01000110dmmmmddd" "mov" HIGH_MOV => dp(e, o, false, Alu::Mov, reg);
        "010001110mmmm000" "bx" JUMP_REG => jump_reg(e, o);
        "010001111mmmm000" "blx" CALL_REG => call_reg(e, o);
        "01001dddiiiiiiii" "ldr" LOW_LITERAL => load(e, o, 2, false, literal);
        "0101000mmmnnnttt" "str" LOW_INDEX => store(e, o, 2, index);
        "0101001mmmnnnttt" "strh" LOW_INDEX => store(e, o, 1, index);
        "0101010mmmnnnttt" "strb" LOW_INDEX => store(e, o, 0, index);
        "0101011mmmnnnttt" "ldrsb" LOW_INDEX => load(e, o, 0, true, index);
        "0101100mmmnnnttt" "ldr" LOW_INDEX => load(e, o, 2, false, index);
        "0101101mmmnnnttt" "ldrh" LOW_INDEX => load(e, o, 1, false, index);
        "0101110mmmnnnttt" "ldrb" LOW_INDEX => load(e, o, 0, false, index);
        "0101111mmmnnnttt" "ldrsh" LOW_INDEX => load(e, o, 1, true, index);
        "01100iiiiinnnttt" "str" LOW_OFF2 => store(e, o, 2, off);
        "01101iiiiinnnttt" "ldr" LOW_OFF2 => load(e, o, 2, false, off);
        "01110iiiiinnnttt" "strb" LOW_OFF0 => store(e, o, 0, off);
        "01111iiiiinnnttt" "ldrb" LOW_OFF0 => load(e, o, 0, false, off);
        "10000iiiiinnnttt" "strh" LOW_OFF1 => store(e, o, 1, off);
        "10001iiiiinnnttt" "ldrh" LOW_OFF1 => load(e, o, 1, false, off);
        "10010tttiiiiiiii" "str" SP_OFF => store(e, o, 2, off);
        "10011tttiiiiiiii" "ldr" SP_OFF => load(e, o, 2, false, off);
        "10100dddiiiiiiii" "adr" LOW_ADR => constant(e, o);
        "10101dddiiiiiiii" "add" SP_ADD => dp(e, o, false, Alu::Add, imm);
        "101100000iiiiiii" "add" SP_MOVE => dp(e, o, false, Alu::Add, imm);
        "101100001iiiiiii" "sub" SP_MOVE => dp(e, o, false, Alu::Sub, imm);
        "101100i1iiiiinnn" "cbz" COMPARE_BRANCH => branch_zero(e, o, true);
        "101110i1iiiiinnn" "cbnz" COMPARE_BRANCH => branch_zero(e, o, false);
        "1011001000mmmddd" "sxth" LOW_DM => extend_add(e, o, 16, true);
        "1011001001mmmddd" "sxtb" LOW_DM => extend_add(e, o, 8, true);
        "1011001010mmmddd" "uxth" LOW_DM => extend_add(e, o, 16, false);
        "1011001011mmmddd" "uxtb" LOW_DM => extend_add(e, o, 8, false);
        "1011010mllllllll" "push" LOW_PUSH => store_many(e, o, Order::DecrementBefore);
        "1011110pllllllll" "pop" LOW_POP => load_many(e, o, Order::IncrementAfter);
        "1011011001010000" "setend" LOW_SETEND => Ok(());
        "1011011001011000" "setend" LOW_SETEND => e.undefined();
        "10110110011i0iii" "cps" IMM8 => Ok(());
        "1011101000mmmddd" "rev" LOW_DM => un(e, o, Un::Rev);
        "1011101001mmmddd" "rev16" LOW_DM => un(e, o, Un::Rev16);
        "1011101011mmmddd" "revsh" LOW_DM => revsh(e, o);
        "10111110iiiiiiii" "bkpt" BKPT => e.breakpoint();
        "10111111iiii0000" "hint" LOW_HINT => Ok(());
        "10111111ccccmmmm" "it" IT => Ok(());
        "11000nnnllllllll" "stm" LOW_STORE_MANY => store_many(e, o, Order::IncrementAfter);
        "11001nnnllllllll" "ldm" LOW_LOAD_MANY => load_many(e, o, Order::IncrementAfter);
        "11011110iiiiiiii" "udf" LOW_UDF => e.undefined();
        "11011111iiiiiiii" "svc" IMM8 => e.syscall(o.next);
        "1101cccciiiiiiii" "b" LOW_BRANCH_IF => branch(e, o);
        "11100iiiiiiiiiii" "b" LOW_BRANCH => branch(e, o);
        }
    };
}

pub(crate) use narrow_rows;
