//! Names, and functions with their types.

use super::{Parser, Type, list, operator::operator};

/// Name of an entity.
#[derive(Default)]
pub(super) struct Name {
    pub(super) text: String,
    /// ` const` and the like, of a method.
    qualifiers: String,
    /// Whether the type of the function begins with that of its result: that of templates does, but for constructors
    /// and conversions.
    has_result: bool,
}

/// Component of a name.
#[derive(Default)]
struct Component {
    text: String,
    /// Whether it is a constructor, a destructor or a conversion.
    is_typeless: bool,
}

impl Parser<'_> {
    /// Reads a function with its type, or other data that has a name.
    pub(super) fn encoding(&mut self) -> Option<String> {
        let is_special = self.rest.starts_with('T') || self.rest.starts_with("GV");
        self.nested(|parser| if is_special { parser.special() } else { parser.function() })
    }

    fn function(&mut self) -> Option<String> {
        let name = self.name(true)?;
        if self.is_at_end() {
            return Some(name.text + &name.qualifiers);
        }
        let result = if name.has_result { self.ty()? } else { Type::default() };
        let space = if result.left.is_empty() || !result.right.is_empty() { "" } else { " " };
        let parameters = self.parameters()?;
        Some([&*result.left, space, &name.text, "(", &parameters, ")", &name.qualifiers, &result.right].concat())
    }

    fn is_at_end(&self) -> bool {
        ["E", "RE", "OE"].iter().any(|end| self.rest.starts_with(end)) || self.rest.is_empty()
    }

    /// Reads types of parameters, up to the end of the function.
    pub(super) fn parameters(&mut self) -> Option<String> {
        let mut types = Vec::new();
        while !self.is_at_end() {
            types.push(self.ty()?.text());
        }
        Some(if types == ["void"] { String::new() } else { list(types) })
    }

    fn special(&mut self) -> Option<String> {
        for (code, text, offsets) in [("Th", "non-virtual thunk to ", 1), ("Tv", "virtual thunk to ", 2)] {
            if self.eat(code) {
                for _ in 0..offsets {
                    self.take(|c| c == 'n' || c.is_ascii_digit());
                    self.expect("_")?;
                }
                return Some(text.to_string() + &self.encoding()?);
            }
        }
        let types = [("TV", "vtable for "), ("TT", "VTT for "), ("TI", "typeinfo for "), ("TS", "typeinfo name for ")];
        for (code, text) in types {
            if self.eat(code) {
                return Some(text.to_string() + &self.ty()?.text());
            }
        }
        self.expect("GV")?;
        Some("guard variable for ".to_string() + &self.name(false)?.text)
    }

    /// Reads a name. The template arguments of a function are what its type refers to.
    pub(super) fn name(&mut self, is_function: bool) -> Option<Name> {
        self.nested(|parser| match parser.peek()? {
            'N' => parser.nested_name(is_function),
            'Z' => parser.local_name(is_function),
            _ => parser.unscoped_name(is_function),
        })
    }

    fn unscoped_name(&mut self, is_function: bool) -> Option<Name> {
        let mut name = Name::default();
        if self.rest.starts_with('S') && !self.rest.starts_with("St") {
            name.text = self.substitution()?.text();
            name.has_result = true;
            self.rest.starts_with('I').then_some(())?;
        } else {
            let scope = if self.eat("St") { "std::" } else { "" };
            let component = self.component(None)?;
            name.text = scope.to_string() + &component.text;
            name.has_result = !component.is_typeless;
            if self.rest.starts_with('I') {
                self.keep(name.text.clone().into())?;
            }
        }
        let is_template = self.rest.starts_with('I');
        if is_template {
            name.text += &self.template_arguments(is_function)?;
        }
        name.has_result &= is_template;
        Some(name)
    }

    fn nested_name(&mut self, is_function: bool) -> Option<Name> {
        self.expect("N")?;
        let mut name = Name { qualifiers: self.qualifiers(), ..Name::default() };
        if self.eat("R") {
            name.qualifiers += " &";
        } else if self.eat("O") {
            name.qualifiers += " &&";
        }
        // The last component, without template arguments: constructors repeat it.
        let mut last = Component::default();
        while !self.eat("E") {
            let mut is_part = true;
            match self.peek()? {
                'I' if !name.text.is_empty() => {
                    name.text += &self.template_arguments(is_function)?;
                    name.has_result = !last.is_typeless;
                }
                'S' => {
                    is_part = false;
                    name.text = if self.eat("St") { "std".into() } else { self.substitution()?.text() };
                    last = Component { text: base(&name.text).into(), is_typeless: false };
                }
                'T' => name.text = self.template_parameter()?.text(),
                _ => {
                    last = self.component(Some(&last))?;
                    let separator = if name.text.is_empty() { "" } else { "::" };
                    name.text = [&*name.text, separator, &last.text].concat();
                    name.has_result = false;
                }
            }
            if is_part && !self.rest.starts_with('E') {
                self.keep(name.text.clone().into())?;
            }
        }
        (!name.text.is_empty()).then_some(name)
    }

    fn local_name(&mut self, is_function: bool) -> Option<Name> {
        self.expect("Z")?;
        let arguments = self.arguments.clone();
        let function = self.encoding()?;
        self.expect("E")?;
        if !is_function {
            self.arguments = arguments;
        }
        let mut name = Name::default();
        if self.eat("s") {
            name.text = "string literal".into();
        } else {
            name = self.name(is_function)?;
        }
        name.text = [&*function, "::", &name.text].concat();
        // A number among the local names of the function.
        if self.eat("__") {
            self.number()?;
            self.expect("_")?;
        } else if self.eat("_") {
            self.number()?;
        }
        Some(name)
    }

    /// Reads a component of a name; `class` is that before it.
    fn component(&mut self, class: Option<&Component>) -> Option<Component> {
        self.eat("L");
        let mut is_typeless = false;
        let mut text = match self.peek()? {
            '0'..='9' => self.source_name()?,
            first @ ('C' | 'D') => {
                let rest = self.rest.get(1..)?;
                self.rest = rest.strip_prefix(|c| matches!(c, '0'..='5'))?;
                is_typeless = true;
                let class = class.filter(|class| !class.is_typeless && !class.text.is_empty())?;
                let class = class.text.split('[').next()?;
                [if first == 'D' { "~" } else { "" }, class].concat()
            }
            'U' => self.unnamed()?,
            _ => {
                let (code, rest) = self.rest.split_at_checked(2)?;
                self.rest = rest;
                match code {
                    "cv" => {
                        is_typeless = true;
                        "operator ".to_string() + &self.ty()?.text()
                    }
                    "li" => "operator\"\" ".to_string() + &self.source_name()?,
                    _ => "operator".to_string() + operator(code)?,
                }
            }
        };
        while self.eat("B") {
            text = [&*text, "[abi:", &self.source_name()?, "]"].concat();
        }
        Some(Component { text, is_typeless })
    }

    pub(super) fn source_name(&mut self) -> Option<String> {
        let len = self.number()?;
        let (name, rest) = self.rest.split_at_checked(len)?;
        self.rest = rest;
        Some(if name.starts_with("_GLOBAL__N") { "(anonymous namespace)" } else { name }.into())
    }

    fn unnamed(&mut self) -> Option<String> {
        let name = if self.eat("Ul") {
            let parameters = self.parameters()?;
            self.expect("E")?;
            ["lambda(", &parameters, ")"].concat()
        } else {
            self.expect("Ut")?;
            "unnamed type".to_string()
        };
        let number = self.sequence(10)?.checked_add(1)?;
        Some(format!("{{{name}#{number}}}"))
    }
}

/// Returns the last component of a name, without template arguments.
fn base(name: &str) -> &str {
    let name = name.split('<').next().unwrap_or(name);
    name.rsplit("::").next().unwrap_or(name)
}
