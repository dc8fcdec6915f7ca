//! Values that a text writes as one of a fixed list of words.

/// Defines an enum whose variants are written as words, from the least to the most that is granted.
///
/// The word of each variant is written once, here. The number of a variant is its position, which also orders it.
macro_rules! words {
    (
        $(#[$doc:meta])*
        pub enum $word:ident {
            $($(#[$variant_doc:meta])* $variant:ident = $name:literal,)*
        }
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum $word {
            $($(#[$variant_doc])* $variant,)*
        }

        impl $word {
            /// The words in TOML, in the order of the variants.
            pub const NAMES: &'static [&'static str] = &[$($name),*];

            /// Returns the word in TOML.
            pub const fn name(self) -> &'static str {
                match self {
                    $($word::$variant => $name,)*
                }
            }

            /// Returns the variant at a position.
            #[allow(dead_code, reason = "not every one is the value of a key")]
            pub(crate) fn at(position: u64) -> Option<Self> {
                [$($word::$variant),*].get(usize::try_from(position).ok()?).copied()
            }
        }

        impl core::str::FromStr for $word {
            type Err = crate::Error;

            fn from_str(text: &str) -> Result<Self, crate::Error> {
                match text {
                    $($name => Ok($word::$variant),)*
                    _ => {
                        let (value, valid) = (text.into(), $word::NAMES.to_vec());
                        let problem = crate::error::ConfigProblem::UnknownWord { value, valid };
                        Err(crate::ConfigError { key: Default::default(), at: None, problem }.into())
                    }
                }
            }
        }

        impl serde::Serialize for $word {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.name())
            }
        }

        impl<'de> serde::Deserialize<'de> for $word {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = alloc::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

pub(crate) use words;
