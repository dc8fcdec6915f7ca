//! Names of C++ functions by the Itanium ABI.
//!
//! Each production is decided by the next characters, so that none is read twice: parsers that try one after another
//! can take minutes for a short name. Expressions in names are not read: such a name stays mangled.

use super::NAME_BYTES;

mod name;
mod operator;
mod types;

/// Most productions in each other. Names of real programs have up to about thirty.
const DEPTH: u32 = 64;

/// Most productions. It is more than a name without packs can have, and bounds what packs repeat.
const STEPS: u32 = 4 * NAME_BYTES as u32;

/// Most bytes of a part of a name. Substitutions can double a part with every few characters.
const PART_BYTES: usize = 4 * NAME_BYTES;

/// Returns the name that a symbol stands for; `None` if it is no symbol, or one with parts that are not read.
pub(super) fn demangle(symbol: &str) -> Option<String> {
    let rest = symbol.strip_prefix("__Z").or_else(|| symbol.strip_prefix("_Z"))?;
    let (mangled, suffix) = rest.find('.').and_then(|at| rest.split_at_checked(at)).unwrap_or((rest, ""));
    let mut parser = Parser { rest: mangled, ..Parser::default() };
    let name = parser.encoding()?;
    let name = parser.rest.is_empty().then_some(name)?;
    // Compilers append to the names of parts of functions.
    Some(if suffix.is_empty() { name } else { [&*name, " (", suffix, ")"].concat() })
}

/// State of the parser.
#[derive(Default)]
struct Parser<'s> {
    rest: &'s str,
    /// Parts that substitutions refer to.
    parts: Vec<Type>,
    /// Template arguments of the function, which its type refers to.
    arguments: Vec<Argument>,
    /// The element of packs that is being written, and the length of the packs.
    pack: Option<(usize, usize)>,
    depth: u32,
    steps: u32,
}

/// Type as it is written around a name: `void (*` and `)(int)` for a pointer to a function.
#[derive(Debug, Clone, Default)]
struct Type {
    left: String,
    right: String,
}

/// Template argument.
#[derive(Debug, Clone)]
enum Argument {
    One(Type),
    Pack(Vec<Type>),
}

impl Type {
    fn text(&self) -> String {
        [&*self.left, &*self.right].concat()
    }
}

impl From<String> for Type {
    fn from(left: String) -> Type {
        Type { left, right: String::new() }
    }
}

impl Argument {
    fn text(&self) -> String {
        match self {
            Argument::One(ty) => ty.text(),
            Argument::Pack(types) => list(types.iter().map(Type::text).collect()),
        }
    }
}

/// Returns a list of what is not empty: a pack without elements is.
fn list(mut all: Vec<String>) -> String {
    all.retain(|one| !one.is_empty());
    all.join(", ")
}

impl<'s> Parser<'s> {
    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    /// Takes a text, if it is next.
    fn eat(&mut self, text: &str) -> bool {
        let rest = self.rest.strip_prefix(text);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    /// Takes a text, without which the name is not read.
    fn expect(&mut self, text: &str) -> Option<()> {
        self.eat(text).then_some(())
    }

    /// Takes characters up to the first that is not one of a kind.
    fn take(&mut self, is: impl Fn(char) -> bool) -> &'s str {
        let end = self.rest.find(|c| !is(c)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at_checked(end).unwrap_or((self.rest, ""));
        self.rest = rest;
        taken
    }

    /// Takes a decimal number.
    fn number(&mut self) -> Option<usize> {
        self.take(|c| c.is_ascii_digit()).parse().ok()
    }

    /// Takes a number up to an underscore, where nothing stands for 0, and 0 for 1.
    fn sequence(&mut self, radix: u32) -> Option<usize> {
        let number = match self.take(|c| c.is_ascii_digit() || c.is_ascii_uppercase()) {
            "" => 0,
            digits => usize::from_str_radix(digits, radix).ok()?.checked_add(1)?,
        };
        self.eat("_").then_some(number)
    }

    /// Reads a production that may have others of its kind in it.
    fn nested<T>(&mut self, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        self.depth += 1;
        self.steps += 1;
        let is_within = self.depth < DEPTH && self.steps < STEPS;
        let read = if is_within { read(self) } else { None };
        self.depth -= 1;
        read
    }

    /// Keeps a part for substitutions.
    fn keep(&mut self, part: Type) -> Option<Type> {
        if part.left.len() + part.right.len() > PART_BYTES {
            return None;
        }
        self.parts.push(part.clone());
        Some(part)
    }
}
