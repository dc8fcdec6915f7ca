//! Arguments of a called export, parsed from the command line.

use belljar::{FuncType, Value, ValueType};

use crate::{
    failure::Failure,
    show::{count, name},
};

/// The name of a called export, and its arguments.
pub type Call = (String, Vec<Value>);

/// Parses the arguments of a function, one text for each parameter.
pub fn values(function: &str, ty: &FuncType, texts: &[String]) -> Result<Vec<Value>, Failure> {
    if texts.len() != ty.params.len() {
        let takes = count(ty.params.len() as u64, "argument");
        let message = format!("`{}` takes {takes}, but {} given", name(function), given(texts.len()));
        return Err(Failure::call(message).with_hint(format!("its type is {ty}; write the arguments after `--`")));
    }
    let parse = |(i, (ty, text)): (usize, (&ValueType, &String))| {
        value(*ty, text).map_err(|problem| {
            let text = name(text);
            let problem = match problem {
                Problem::Form => format!("expected {ty}, found `{text}`"),
                Problem::Range => format!("`{text}` is out of the range of {ty}"),
                Problem::NoNan => format!("`{text}` does not have the bits of a NaN of type {ty}"),
            };
            Failure::call(format!("argument {} of `{}`: {problem}", i + 1, name(function))).with_hint(form(*ty))
        })
    };
    ty.params.iter().zip(texts).enumerate().map(parse).collect()
}

fn given(count: usize) -> String {
    if count == 1 { "1 is".into() } else { format!("{count} are") }
}

/// The reason why a text is not a value of its type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Problem {
    Form,
    Range,
    NoNan,
}

/// Describes the syntax of a value type, for a hint.
fn form(ty: ValueType) -> &'static str {
    match ty {
        ValueType::I32 => "an i32 is decimal or 0x hex, from -2147483648 to 4294967295",
        ValueType::I64 => "an i64 is decimal or 0x hex, from -9223372036854775808 to 18446744073709551615",
        ValueType::F32 => "an f32 is decimal, such as -1.5 or 1e10, or inf, -inf, nan, or nan:0x7fc00000 with all bits",
        ValueType::F64 => {
            "an f64 is decimal, such as -1.5 or 1e10, or inf, -inf, nan, or nan:0x7ff8000000000000 with all bits"
        }
        ValueType::V128 => "a v128 is 0x and up to 32 hex digits",
        ValueType::FuncRef | ValueType::ExternRef => "references cannot be written",
    }
}

fn value(ty: ValueType, text: &str) -> Result<Value, Problem> {
    match ty {
        ValueType::I32 => Ok(Value::I32(integer(text, 32)? as i32)),
        ValueType::I64 => Ok(Value::I64(integer(text, 64)? as i64)),
        ValueType::F32 => {
            let finite = |text: &str| text.parse::<f32>().ok().map(|value| (value.is_finite(), value.to_bits().into()));
            Ok(Value::F32(f32::from_bits(float(text, SINGLE, finite)? as u32)))
        }
        ValueType::F64 => {
            let finite = |text: &str| text.parse::<f64>().ok().map(|value| (value.is_finite(), value.to_bits()));
            Ok(Value::F64(f64::from_bits(float(text, DOUBLE, finite)?)))
        }
        ValueType::V128 => {
            let digits = hex(text).ok_or(Problem::Form)?;
            Ok(Value::V128(unsigned(digits, 16)?))
        }
        // The library refuses functions with references before their arguments are read.
        ValueType::FuncRef | ValueType::ExternRef => Err(Problem::Form),
    }
}

/// Parses an integer, signed or unsigned, of at most `bits` bits, as two's complement.
fn integer(text: &str, bits: u32) -> Result<u64, Problem> {
    let (negative, magnitude) = sign(text);
    let magnitude = match hex(magnitude) {
        Some(digits) => unsigned(digits, 16)?,
        None => unsigned(magnitude, 10)?,
    };
    let largest = if negative { 1 << (bits - 1) } else { (1 << bits) - 1 };
    if magnitude > largest {
        return Err(Problem::Range);
    }
    let magnitude = magnitude as u64;
    Ok(if negative { magnitude.wrapping_neg() } else { magnitude })
}

/// Parses digits with optional single underscores between them.
fn unsigned(digits: &str, radix: u32) -> Result<u128, Problem> {
    let valid = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_digit(radix));
    if !digits.split('_').all(valid) {
        return Err(Problem::Form);
    }
    u128::from_str_radix(&digits.replace('_', ""), radix).map_err(|_| Problem::Range)
}

/// The bit layout of a float type.
#[derive(Debug, Clone, Copy)]
struct Layout {
    width: u32,
    mantissa: u32,
}

const SINGLE: Layout = Layout { width: 32, mantissa: 23 };
const DOUBLE: Layout = Layout { width: 64, mantissa: 52 };

/// Parses a float and returns its bits. `finite` parses a decimal number, and returns whether it is in range.
fn float(text: &str, layout: Layout, finite: impl Fn(&str) -> Option<(bool, u64)>) -> Result<u64, Problem> {
    let (negative, magnitude) = sign(text);
    let sign_bit = 1 << (layout.width - 1);
    let quiet = 1u64 << (layout.mantissa - 1);
    let payload = (1u64 << layout.mantissa) - 1;
    let infinity = (sign_bit - 1) & !payload;
    let bits = match magnitude.to_ascii_lowercase().as_str() {
        "inf" | "infinity" => infinity,
        "nan" => infinity | quiet,
        nan if nan.starts_with("nan:") => {
            let bits = unsigned(nan.strip_prefix("nan:").and_then(hex).ok_or(Problem::Form)?, 16)?;
            let bits = u64::try_from(bits).map_err(|_| Problem::NoNan)?;
            match bits {
                // The text format of WebAssembly writes only the mantissa, which is smaller than all bits of a NaN.
                bits if bits > 0 && bits <= payload => infinity | bits,
                bits if bits & !sign_bit > infinity && bits & !sign_bit < sign_bit && !negative => bits,
                _ => return Err(Problem::NoNan),
            }
        }
        number if number.starts_with(|c: char| c.is_ascii_digit() || c == '.') => match finite(number) {
            Some((true, bits)) => bits,
            Some((false, _)) => return Err(Problem::Range),
            None => return Err(Problem::Form),
        },
        _ => return Err(Problem::Form),
    };
    Ok(if negative { bits | sign_bit } else { bits })
}

fn sign(text: &str) -> (bool, &str) {
    match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    }
}

fn hex(text: &str) -> Option<&str> {
    text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"))
}
