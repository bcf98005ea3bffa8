//! `teebox invoke`: one call, or a scenario, without a client program.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use clap::Args;
use platform_linux::LinuxShared;
use serde::Serialize;
use tee_abi::layout::NUM_PARAMS;
use tee_abi::param::Identity;
use tee_abi::{Origin, TeeResult};
use tee_shim::{Instance, MemRef, Outcome, Param, Params};

use crate::cli::WorldOptions;
use crate::error::{CliError, Exit};
use crate::local::LocalHost;
use crate::param::ParamSpec;
use crate::scenario::{self, Action, Step};
use crate::world::Core;

/// The arguments of `teebox invoke`.
#[derive(Args)]
#[command(after_help = "Parameters:\n  \
  none   value:in:A[,B]   value:out   value:inout:A[,B]\n  \
  mem:in:DATA   mem:out:SIZE[@FILE]   mem:inout:DATA[+SIZE][@FILE]\n  \
  DATA = text:… | hex:… | @FILE | zero:SIZE | NULL\n\n\
Examples:\n  \
  teebox invoke 8aaaf200-2450-11e4-abe2-0002a5d5c51b.ta --cmd 0 value:inout:42\n  \
  teebox invoke UUID.ta --cmd 2 mem:in:@message mem:out:32@digest.bin\n  \
  teebox invoke UUID.ta --scenario calls.txt --json")]
pub struct InvokeArgs {
    /// The TA
    #[arg(value_name = "FILE.ta")]
    file: PathBuf,
    /// The command to invoke
    #[arg(
        long,
        value_name = "N",
        required_unless_present = "scenario",
        conflicts_with = "scenario"
    )]
    cmd: Option<String>,
    /// A parameter of the opening of the session (up to four)
    #[arg(long = "open", value_name = "PARAM", conflicts_with = "scenario")]
    open: Vec<String>,
    /// Run the steps of this file: lines of `open`, `invoke COMMAND PARAM…`, `close`, each with
    /// `-> RESULT` where another result than TEE_SUCCESS must come out
    #[arg(long, value_name = "FILE")]
    scenario: Option<PathBuf>,
    /// The command's parameters (up to four)
    #[arg(value_name = "PARAM", conflicts_with = "scenario")]
    params: Vec<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    world: WorldOptions,
}

/// What came of a step.
#[derive(Serialize)]
struct Report {
    line: usize,
    action: &'static str,
    command: Option<u32>,
    result: String,
    name: Option<String>,
    origin: u32,
    params: Vec<Output>,
    as_expected: bool,
}

/// An output parameter.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Output {
    Value {
        index: usize,
        a: u32,
        b: u32,
    },
    Memref {
        index: usize,
        size: u64,
        hex: String,
    },
}

type Guest = Instance<LocalHost<Core>>;

/// Runs it.
pub fn run(args: &InvokeArgs) -> Result<Exit, CliError> {
    let steps = steps(args)?;
    crate::world::announce();
    let mut guest = crate::world::instance(&args.file, &args.world)?;
    let mut symbols = crate::world::symbol_path(&args.world);
    symbols.add_folder_of(&args.file);
    let mut log = crate::world::log_sink(&args.world)?;
    let mut driver = Driver {
        open: None,
        next: 1,
        reports: Vec::new(),
    };
    for step in &steps {
        driver.step(&mut guest, step)?;
        crate::world::explain_death(&mut guest, &symbols, &mut log);
        if !args.json
            && let Some(report) = driver.reports.last()
        {
            print!("{}", text(report, args.scenario.is_some()));
        }
    }
    driver.close(&mut guest);
    if args.json {
        println!("{}", super::json(&driver.reports)?);
    }
    let good = driver.reports.iter().all(|r| r.as_expected);
    Ok(if good { Exit::Ok } else { Exit::Refused })
}

fn steps(args: &InvokeArgs) -> Result<Vec<Step>, CliError> {
    let Some(path) = &args.scenario else {
        let wrong = |what: String| CliError::usage(what, "`teebox invoke --help` shows the forms");
        let command = args.cmd.as_deref().unwrap_or("0");
        let command = crate::param::word(command).map_err(|e| wrong(format!("--cmd: {e}")))?;
        let open = scenario::params(&args.open).map_err(|what| wrong(format!("--open: {what}")))?;
        let invoke = scenario::params(&args.params).map_err(wrong)?;
        let step = |action| Step {
            line: 0,
            action,
            expected: TeeResult::SUCCESS,
        };
        return Ok(vec![
            step(Action::Open(open)),
            step(Action::Invoke(command, invoke)),
        ]);
    };
    let shown = path.display();
    let text = fs::read_to_string(path).map_err(|error| {
        CliError::input(
            format!("cannot read scenario {shown}: {error}"),
            "give a text file of steps",
        )
    })?;
    let mut steps = scenario::parse(&text).map_err(|error| {
        CliError::input(
            format!("{shown}, {error}"),
            "`teebox invoke --help` shows the forms",
        )
    })?;
    if !matches!(
        steps.first(),
        Some(Step {
            action: Action::Open(_),
            ..
        })
    ) {
        let action = Action::Open(Default::default());
        steps.insert(
            0,
            Step {
                line: 0,
                action,
                expected: TeeResult::SUCCESS,
            },
        );
    }
    Ok(steps)
}

/// The state of a run: the open session and what was reported.
struct Driver {
    open: Option<u32>,
    next: u32,
    reports: Vec<Report>,
}

impl Driver {
    fn step(&mut self, guest: &mut Guest, step: &Step) -> Result<(), CliError> {
        let (action, command, specs, outcome, params) = match &step.action {
            Action::Open(specs) => {
                self.close(guest);
                let session = self.next;
                self.next += 1;
                let mut params = build(specs)?;
                let outcome = guest.open_session(session, Identity::PUBLIC, &mut params);
                self.open = outcome.result.is_success().then_some(session);
                ("open", None, specs.clone(), outcome, params)
            }
            Action::Invoke(command, specs) => {
                let mut params = build(specs)?;
                let outcome = match self.open {
                    Some(session) => guest.invoke(session, *command, &mut params),
                    None => Outcome {
                        result: TeeResult::ERROR_BAD_STATE,
                        origin: Origin::Api,
                    },
                };
                ("invoke", Some(*command), specs.clone(), outcome, params)
            }
            Action::Close => {
                self.close(guest);
                let outcome = Outcome {
                    result: TeeResult::SUCCESS,
                    origin: Origin::Tee,
                };
                (
                    "close",
                    None,
                    Default::default(),
                    outcome,
                    Default::default(),
                )
            }
        };
        self.reports.push(Report {
            line: step.line,
            action,
            command,
            result: format!("{:#010x}", outcome.result.0),
            name: outcome.result.name().map(|name| format!("TEE_{name}")),
            origin: outcome.origin as u32,
            params: outputs(&specs, &params)?,
            as_expected: outcome.result == step.expected,
        });
        Ok(())
    }

    fn close(&mut self, guest: &mut Guest) {
        if let Some(session) = self.open.take() {
            guest.close_session(session);
        }
    }
}

fn host(error: impl std::fmt::Display) -> CliError {
    CliError::host(format!("no shared memory: {error}"), "")
}

/// The parameters of a call: each buffer in shared memory of its own.
fn build(specs: &[ParamSpec; NUM_PARAMS]) -> Result<Params<LinuxShared>, CliError> {
    let mut params: Params<LinuxShared> = Params::default();
    for (param, spec) in params.iter_mut().zip(specs) {
        *param = match spec {
            ParamSpec::None => Param::None,
            ParamSpec::Value { ty, a, b } => Param::Value {
                ty: *ty,
                a: *a,
                b: *b,
            },
            ParamSpec::Mem { ty, data: None, .. } => Param::MemRef {
                ty: *ty,
                mem: MemRef {
                    memory: None,
                    size: 0,
                },
            },
            ParamSpec::Mem {
                ty,
                data: Some(data),
                ..
            } => {
                let shared = LinuxShared::new(data.len().max(1) as u64).map_err(host)?;
                shared.write(0, data).map_err(host)?;
                let mem = MemRef {
                    memory: Some((shared, 0)),
                    size: data.len() as u64,
                };
                Param::MemRef { ty: *ty, mem }
            }
        };
    }
    Ok(params)
}

/// The output parameters, saved where asked.
fn outputs(
    specs: &[ParamSpec; NUM_PARAMS],
    params: &Params<LinuxShared>,
) -> Result<Vec<Output>, CliError> {
    let mut outputs = Vec::new();
    for (index, (spec, param)) in specs.iter().zip(params).enumerate() {
        match param {
            Param::Value { ty, a, b } if ty.is_output() => {
                outputs.push(Output::Value {
                    index,
                    a: *a,
                    b: *b,
                });
            }
            Param::MemRef { ty, mem } if ty.is_output() => {
                let bytes = content(spec, mem)?;
                if let ParamSpec::Mem {
                    save: Some(path), ..
                } = spec
                {
                    fs::write(path, &bytes).map_err(|error| {
                        CliError::input(format!("cannot write {}: {error}", path.display()), "")
                    })?;
                }
                let hex = bytes.iter().fold(String::new(), |mut out, byte| {
                    let _ = write!(out, "{byte:02x}");
                    out
                });
                outputs.push(Output::Memref {
                    index,
                    size: mem.size,
                    hex,
                });
            }
            _ => {}
        }
    }
    Ok(outputs)
}

/// What lies in an output buffer: as much as the TA says, at most what was there.
fn content(spec: &ParamSpec, mem: &MemRef<LinuxShared>) -> Result<Vec<u8>, CliError> {
    let (
        ParamSpec::Mem {
            data: Some(data), ..
        },
        Some((shared, offset)),
    ) = (spec, &mem.memory)
    else {
        return Ok(Vec::new());
    };
    let len = usize::try_from(mem.size)
        .unwrap_or(usize::MAX)
        .min(data.len());
    let mut bytes = vec![0; len];
    shared.read(*offset, &mut bytes).map_err(host)?;
    Ok(bytes)
}

fn text(report: &Report, scenario: bool) -> String {
    let mut out = String::new();
    let name = report.name.as_deref().unwrap_or("");
    let what = match (report.action, report.command) {
        ("invoke", Some(command)) => format!("invoke {command:#x}"),
        (action, _) => action.to_owned(),
    };
    let quiet = !scenario && report.action == "open" && report.as_expected;
    if !quiet {
        let mark = if report.as_expected {
            ""
        } else {
            "   <- not as expected"
        };
        let line = if scenario {
            format!("line {}: ", report.line)
        } else {
            String::new()
        };
        let _ = writeln!(
            out,
            "{line}{what}: {} {name} origin {}{mark}",
            report.result, report.origin
        );
    }
    for output in &report.params {
        match output {
            Output::Value { index, a, b } => {
                let _ = writeln!(out, "  [{index}] value {a} ({a:#x}), {b} ({b:#x})");
            }
            Output::Memref { index, size, hex } => {
                let _ = writeln!(out, "  [{index}] memref of {size} bytes");
                for (at, row) in hex.as_bytes().chunks(32).take(64).enumerate() {
                    let _ = writeln!(
                        out,
                        "      {:04x}  {}",
                        at * 16,
                        String::from_utf8_lossy(row)
                    );
                }
            }
        }
    }
    out
}
