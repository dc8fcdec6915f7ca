//! Enums whose variants are displayed as fixed texts.

/// Defines an enum with the text of each variant, which [`Display`](core::fmt::Display) and
/// [`Serialize`](serde::Serialize) write. The text of each is written once, here.
macro_rules! labels {
    (
        $(#[$doc:meta])*
        pub enum $label:ident {
            $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)*
        }
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum $label {
            $($(#[$variant_doc])* $variant,)*
        }

        impl $label {
            /// All variants; the index is the number in messages.
            #[allow(dead_code, reason = "not every one is in a message of a worker")]
            pub(crate) const ALL: &'static [$label] = &[$($label::$variant),*];
        }

        impl core::fmt::Display for $label {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.pad(match self {
                    $($label::$variant => $text,)*
                })
            }
        }

        impl serde::Serialize for $label {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
    };
}

pub(super) use labels;
