//! The pages of the documentation. There is nothing to call here.

#[doc = include_str!("docs/architecture.md")]
pub mod architecture {}

#[doc = include_str!("docs/design.md")]
pub mod design {}

#[doc = include_str!("docs/determinism.md")]
pub mod determinism {}

#[doc = include_str!("docs/prices.md")]
pub mod prices {}

#[doc = include_str!("docs/capabilities.md")]
pub mod capabilities {}

#[doc = include_str!("docs/dirs.md")]
pub mod dirs {}

#[doc = include_str!("docs/http.md")]
pub mod http {}

#[doc = include_str!("docs/wasi.md")]
pub mod wasi {}

#[doc = include_str!("docs/toolchains.md")]
pub mod toolchains {}

#[cfg_attr(feature = "receipt", doc = include_str!("docs/transcripts.md"))]
#[cfg_attr(not(feature = "receipt"), doc = "Of the feature `receipt`.")]
pub mod transcripts {}

#[cfg_attr(feature = "explain", doc = include_str!("docs/explain.md"))]
#[cfg_attr(not(feature = "explain"), doc = "Of the feature `explain`.")]
pub mod explain {}

#[cfg_attr(feature = "json", doc = include_str!("docs/tools.md"))]
#[cfg_attr(not(feature = "json"), doc = "Of the feature `json`.")]
pub mod tools {}

#[doc = include_str!("docs/serve.md")]
pub mod serve {}

#[cfg_attr(feature = "std", doc = include_str!("docs/batch.md"))]
#[cfg_attr(not(feature = "std"), doc = "Of the feature `std`.")]
pub mod batch {}

#[doc = include_str!("docs/limits.md")]
pub mod limits {}

#[cfg_attr(feature = "cache", doc = include_str!("docs/cache.md"))]
#[cfg_attr(not(feature = "cache"), doc = "Of the feature `cache`.")]
pub mod cache {}

#[doc = include_str!("docs/speed.md")]
pub mod speed {}

#[doc = include_str!("docs/isolation.md")]
pub mod isolation {}

#[doc = include_str!("docs/security.md")]
pub mod security {}

#[doc = include_str!("docs/selftest.md")]
pub mod selftest {}

#[doc = include_str!("docs/tracing.md")]
pub mod tracing {}

#[doc = include_str!("docs/changelog.md")]
pub mod changelog {}

/// The examples of the README are compiled and run with those of the other pages.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;
