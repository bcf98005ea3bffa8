//! Scenario files: a session with a TA as lines of text.
//!
//! ```text
//! # comment
//! open [PARAM…]                 [-> RESULT]
//! invoke COMMAND [PARAM…]       [-> RESULT]
//! close
//! ```
//! `-> RESULT` (a number, or a name such as `TEE_ERROR_BAD_PARAMETERS`) is what must come out;
//! without it, `TEE_SUCCESS`. Words are split at blanks; `"…"` keeps blanks in a word. A scenario
//! that does not begin with `open` opens a session without parameters first.

use std::fmt;

use tee_abi::TeeResult;
use tee_abi::layout::NUM_PARAMS;

use crate::param::{ParamSpec, word};

/// A line of a scenario.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Line number, from 1.
    pub line: usize,
    /// What is done.
    pub action: Action,
    /// What must come out.
    pub expected: TeeResult,
}

/// What a step does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// `TEEC_OpenSession`.
    Open([ParamSpec; NUM_PARAMS]),
    /// `TEEC_InvokeCommand`.
    Invoke(u32, [ParamSpec; NUM_PARAMS]),
    /// `TEEC_CloseSession`.
    Close,
}

/// A line that is no step.
#[derive(Debug)]
pub struct ScenarioError {
    /// Line number, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub what: String,
}

impl fmt::Display for ScenarioError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.what)
    }
}

/// Reads a scenario.
///
/// # Errors
/// The first line that is no step.
pub fn parse(text: &str) -> Result<Vec<Step>, ScenarioError> {
    let mut steps = Vec::new();
    for (i, line) in text.lines().enumerate() {
        let line_no = i + 1;
        let words = words(line);
        if words.is_empty() {
            continue;
        }
        let step = step(line_no, &words).map_err(|what| ScenarioError {
            line: line_no,
            what,
        })?;
        steps.push(step);
    }
    Ok(steps)
}

/// The words of a line, without its comment.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quoted = false;
    for c in line.chars() {
        match c {
            '"' => {
                quoted = !quoted;
                word.get_or_insert_default();
            }
            '#' if !quoted && word.is_none() => break,
            c if c.is_whitespace() && !quoted => words.extend(word.take()),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

fn step(line: usize, words: &[String]) -> Result<Step, String> {
    let (body, expected) = match words.iter().position(|w| w == "->") {
        None => (words, TeeResult::SUCCESS),
        Some(at) => match &words[at + 1..] {
            [result] => (&words[..at], result_code(result)?),
            _ => return Err("`->` takes one result".to_owned()),
        },
    };
    let action = match body {
        [verb, rest @ ..] if verb == "open" => Action::Open(params(rest)?),
        [verb, command, rest @ ..] if verb == "invoke" => {
            let command = word(command).map_err(|e| format!("the command: {e}"))?;
            Action::Invoke(command, params(rest)?)
        }
        [verb] if verb == "close" => Action::Close,
        _ => {
            return Err(format!(
                "`{}` is none of open, invoke COMMAND, close",
                body.join(" ")
            ));
        }
    };
    Ok(Step {
        line,
        action,
        expected,
    })
}

/// Up to four parameters from their texts.
///
/// # Errors
/// What is wrong, with the parameter's place.
pub fn params(texts: &[String]) -> Result<[ParamSpec; NUM_PARAMS], String> {
    if texts.len() > NUM_PARAMS {
        return Err(format!(
            "{} parameters; an operation has {NUM_PARAMS}",
            texts.len()
        ));
    }
    let mut params: [ParamSpec; NUM_PARAMS] = Default::default();
    for (i, (param, text)) in params.iter_mut().zip(texts).enumerate() {
        *param = text.parse().map_err(|e| format!("parameter {i}: {e}"))?;
    }
    Ok(params)
}

/// A result by number or name.
///
/// # Errors
/// When it is neither.
pub fn result_code(text: &str) -> Result<TeeResult, String> {
    let number = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(hex) => u32::from_str_radix(hex, 16).ok(),
        None => text.parse().ok(),
    };
    let short = text
        .strip_prefix("TEEC_")
        .or_else(|| text.strip_prefix("TEE_"))
        .unwrap_or(text);
    let named = || {
        TeeResult::TABLE
            .iter()
            .find(|row| row.1.eq_ignore_ascii_case(short))
            .map(|row| row.0)
    };
    number
        .map(TeeResult)
        .or_else(named)
        .ok_or_else(|| format!("`{text}` is no result"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tee_abi::param::ParamType;

    #[test]
    fn lines_become_steps() {
        let steps = parse(
            "# a session\nopen\ninvoke 0 value:inout:42 -> 0\n\n\
             invoke 0x1 \"mem:in:text:a b\" -> TEE_ERROR_BAD_PARAMETERS # wrong\nclose\n",
        )
        .unwrap();
        assert_eq!(steps.len(), 4);
        assert_eq!(steps[2].line, 5);
        assert_eq!(steps[2].expected, TeeResult::ERROR_BAD_PARAMETERS);
        let Action::Invoke(1, params) = &steps[2].action else {
            panic!("{:?}", steps[2])
        };
        let mem = ParamSpec::Mem {
            ty: ParamType::MemrefInput,
            data: Some(b"a b".to_vec()),
            save: None,
        };
        assert_eq!(params[0], mem);
    }

    #[test]
    fn wrong_lines_are_named() {
        for (text, part) in [
            ("\nfly", "line 2: `fly` is none of"),
            ("invoke x", "line 1: the command: `x` is no 32-bit number"),
            (
                "open none none none none none",
                "5 parameters; an operation has 4",
            ),
            ("open bad", "parameter 0: `bad` is no parameter"),
            ("open -> what", "`what` is no result"),
            ("open ->", "`->` takes one result"),
        ] {
            let message = parse(text).unwrap_err().to_string();
            assert!(message.contains(part), "{text}: {message}");
        }
    }
}
