//! Types, template arguments and substitutions.

use super::{Argument, Parser, Type, list};

impl Parser<'_> {
    /// Reads a type.
    pub(super) fn ty(&mut self) -> Option<Type> {
        self.nested(Self::any_type)
    }

    fn any_type(&mut self) -> Option<Type> {
        let first = self.peek()?;
        if let Some(name) = builtin(first) {
            self.rest = self.rest.get(1..)?;
            return Some(name.to_string().into());
        }
        let ty = match first {
            'r' | 'V' | 'K' => {
                let qualifiers = self.qualifiers();
                let mut ty = self.ty()?;
                // Behind the parameters, if it is a function.
                let place = if ty.right.starts_with('(') { &mut ty.right } else { &mut ty.left };
                place.push_str(&qualifiers);
                ty
            }
            'P' => self.pointer("P", "*")?,
            'R' => self.pointer("R", "&")?,
            'O' => self.pointer("O", "&&")?,
            'F' => self.function_type()?,
            'A' => {
                self.expect("A")?;
                let size = self.take(|c| c.is_ascii_digit());
                self.expect("_")?;
                let of = self.ty()?;
                Type { left: of.left, right: [" [", size, "]", of.right.trim_start()].concat() }
            }
            'M' => {
                self.expect("M")?;
                let class = self.ty()?.text();
                let of = self.ty()?;
                wrapped(of, &[" ", &class, "::*"].concat(), &[&*class, "::*"].concat())
            }
            'D' => return self.other_type(),
            'T' => {
                let ty = self.template_parameter()?;
                if self.rest.starts_with('I') {
                    self.keep(ty.clone())?;
                    (ty.text() + &self.template_arguments(false)?).into()
                } else {
                    ty
                }
            }
            'S' if !self.rest.starts_with("St") => {
                let ty = self.substitution()?;
                if !self.rest.starts_with('I') {
                    return Some(ty);
                }
                (ty.text() + &self.template_arguments(false)?).into()
            }
            'u' => {
                self.expect("u")?;
                self.source_name()?.into()
            }
            '0'..='9' | 'N' | 'Z' | 'S' => self.name(false)?.text.into(),
            _ => return None,
        };
        self.keep(ty)
    }

    /// Reads `const` and the like, each with a space before it.
    pub(super) fn qualifiers(&mut self) -> String {
        let codes = self.take(|c| matches!(c, 'r' | 'V' | 'K'));
        let names = [('K', " const"), ('V', " volatile"), ('r', " restrict")];
        names.iter().filter(|(code, _)| codes.contains(*code)).map(|(_, name)| *name).collect()
    }

    fn pointer(&mut self, code: &str, sign: &str) -> Option<Type> {
        self.expect(code)?;
        let of = self.ty()?;
        // A reference to a reference is the weaker of both.
        let is_plain = of.right.is_empty() || of.right.starts_with(')');
        if sign.starts_with('&') && is_plain && of.left.ends_with('&') {
            let is_strong = sign == "&&" && of.left.ends_with("&&");
            let left = [of.left.trim_end_matches('&'), if is_strong { "&&" } else { "&" }].concat();
            return Some(Type { left, ..of });
        }
        Some(wrapped(of, sign, sign))
    }

    fn function_type(&mut self) -> Option<Type> {
        self.expect("F")?;
        self.eat("Y");
        let result = self.ty()?;
        let parameters = self.parameters()?;
        let reference = match () {
            () if self.eat("R") => " &",
            () if self.eat("O") => " &&",
            () => "",
        };
        self.expect("E")?;
        Some(Type { left: result.left + " ", right: ["(", &parameters, ")", reference, &result.right].concat() })
    }

    fn other_type(&mut self) -> Option<Type> {
        if self.eat("Dp") {
            return self.expansion();
        }
        if self.eat("Do") {
            let mut ty = self.function_type()?;
            ty.right += " noexcept";
            return self.keep(ty);
        }
        let (code, rest) = self.rest.split_at_checked(2)?;
        self.rest = rest;
        let name = match code {
            "Dd" => "decimal64",
            "De" => "decimal128",
            "Df" => "decimal32",
            "Dh" => "half",
            "Di" => "char32_t",
            "Ds" => "char16_t",
            "Du" => "char8_t",
            "Da" => "auto",
            "Dc" => "decltype(auto)",
            "Dn" => "std::nullptr_t",
            _ => return None,
        };
        Some(name.to_string().into())
    }

    /// Reads a type with packs in it, once for each element.
    fn expansion(&mut self) -> Option<Type> {
        if self.pack.is_some() {
            return None;
        }
        let (start, parts) = (self.rest, self.parts.len());
        let (mut all, mut len, mut index) = (Vec::new(), 1, 0);
        while index < len {
            self.rest = start;
            // The first reading is what substitutions refer to.
            let kept = self.parts.split_off(parts);
            self.pack = Some((index, 1));
            let ty = self.ty();
            if let Some((_, packs)) = self.pack.take() {
                len = packs;
            }
            if index > 0 {
                self.parts.truncate(parts);
                self.parts.extend(kept);
            }
            all.push(ty?.text());
            index += 1;
        }
        if len == 0 {
            all.clear();
        }
        let ty = Type::from(list(all));
        self.keep(ty)
    }

    /// Reads template arguments, with their brackets.
    pub(super) fn template_arguments(&mut self, is_function: bool) -> Option<String> {
        self.expect("I")?;
        if is_function {
            self.arguments.clear();
        }
        let mut arguments = Vec::new();
        while !self.eat("E") {
            let argument = self.template_argument()?;
            arguments.push(argument.text());
            if is_function {
                self.arguments.push(argument);
            }
        }
        let list = list(arguments);
        // As it was written before C++11, and as other tools write it.
        let space = if list.ends_with('>') { " " } else { "" };
        Some(["<", &list, space, ">"].concat())
    }

    fn template_argument(&mut self) -> Option<Argument> {
        self.nested(|parser| match parser.peek()? {
            'L' => parser.literal().map(Argument::One),
            'J' => {
                parser.expect("J")?;
                let mut all = Vec::new();
                while !parser.eat("E") {
                    match parser.template_argument()? {
                        Argument::One(ty) => all.push(ty),
                        Argument::Pack(types) => all.extend(types),
                    }
                }
                Some(Argument::Pack(all))
            }
            _ => parser.ty().map(Argument::One),
        })
    }

    fn literal(&mut self) -> Option<Type> {
        self.expect("L")?;
        let text = if self.eat("_Z") {
            let arguments = self.arguments.clone();
            let function = self.encoding()?;
            self.arguments = arguments;
            function
        } else {
            let ty = self.ty()?.text();
            let sign = if self.eat("n") { "-" } else { "" };
            let value = self.take(|c| matches!(c, '0'..='9' | 'a'..='f'));
            match (&*ty, value) {
                ("bool", "0") => "false".into(),
                ("bool", "1") => "true".into(),
                ("std::nullptr_t", _) => "nullptr".into(),
                _ => match suffix(&ty) {
                    Some(suffix) => [sign, value, suffix].concat(),
                    None => ["(", &ty, ")", sign, value].concat(),
                },
            }
        };
        self.eat("E").then_some(text.into())
    }

    /// Reads a reference to a template argument of the function.
    pub(super) fn template_parameter(&mut self) -> Option<Type> {
        self.expect("T")?;
        let index = self.sequence(10)?;
        match (self.arguments.get(index)?, &mut self.pack) {
            (Argument::One(ty), _) => Some(ty.clone()),
            (Argument::Pack(types), Some((index, len))) => {
                *len = types.len();
                Some(types.get(*index).cloned().unwrap_or_default())
            }
            (pack @ Argument::Pack(_), None) => Some(pack.text().into()),
        }
    }

    /// Reads a reference to a part that was read before, or to one of the standard library.
    pub(super) fn substitution(&mut self) -> Option<Type> {
        self.expect("S")?;
        let known = [
            ("a", "std::allocator"),
            ("b", "std::basic_string"),
            ("s", "std::string"),
            ("i", "std::istream"),
            ("o", "std::ostream"),
            ("d", "std::iostream"),
        ];
        for (code, name) in known {
            if self.eat(code) {
                return Some(name.to_string().into());
            }
        }
        let index = self.sequence(36)?;
        self.parts.get(index).cloned()
    }
}

/// Returns a pointer to a type: `bracketed` for functions and arrays, `sign` for others.
fn wrapped(of: Type, sign: &str, bracketed: &str) -> Type {
    if of.right.starts_with('(') || of.right.starts_with(" [") {
        let space = if of.left.ends_with(' ') { "" } else { " " };
        return Type { left: [&*of.left, space, "(", bracketed].concat(), right: [")", &of.right].concat() };
    }
    Type { left: of.left + sign, right: of.right }
}

/// Returns what is behind a number of a type; `None` for a type that is written before it.
fn suffix(ty: &str) -> Option<&'static str> {
    Some(match ty {
        "int" => "",
        "unsigned int" => "u",
        "long" => "l",
        "unsigned long" => "ul",
        "long long" => "ll",
        "unsigned long long" => "ull",
        _ => return None,
    })
}

fn builtin(code: char) -> Option<&'static str> {
    Some(match code {
        'v' => "void",
        'w' => "wchar_t",
        'b' => "bool",
        'c' => "char",
        'a' => "signed char",
        'h' => "unsigned char",
        's' => "short",
        't' => "unsigned short",
        'i' => "int",
        'j' => "unsigned int",
        'l' => "long",
        'm' => "unsigned long",
        'x' => "long long",
        'y' => "unsigned long long",
        'n' => "__int128",
        'o' => "unsigned __int128",
        'f' => "float",
        'd' => "double",
        'e' => "long double",
        'g' => "__float128",
        'z' => "...",
        _ => return None,
    })
}
