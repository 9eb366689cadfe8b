//! From text to typed, located sections: sources, spans, diagnostics and the schema macros.
//!
//! Every component of the model declares its section of the scenario file beside its code, with
//! [`section!`], [`one_of!`] or [`choice!`]. From that one declaration come the struct, its
//! decoder, its defaults with their sources, the JSON Schema and the reference page. Decoding
//! collects *all* mistakes at once: each is a [`Diagnostic`] with file, line, column, field
//! path, what was read, what is allowed and what to type.
//!
//! The way of a text: [`Source`] (read safely) → [`Node`] (a tree with spans; the YAML parser is
//! known to one module only) → `set_path` and [`overlay`] edit the tree →
//! [`Decode`] gives sections whose every field is a [`Set`]: value, place and origin.
//!
//! ```
//! use tideover::spec::{Origin, decode_text, section};
//!
//! section! {
//!     /// Horizontal Pod Autoscaler of one workload.
//!     pub struct AutoscalerSpec {
//!         /// Lower bound of replicas.
//!         "minReplicas" min_replicas: u32 = default "1", source "autoscaling/v2", range 1..=5000;
//!         /// Upper bound of replicas.
//!         "maxReplicas" max_replicas: u32 = required, range 1..=5000;
//!     }
//! }
//!
//! let spec: AutoscalerSpec = decode_text("maxReplicas: 30").unwrap();
//! assert_eq!((*spec.min_replicas, *spec.max_replicas), (1, 30));
//! assert_eq!(spec.min_replicas.origin, Origin::Default { source: "autoscaling/v2" });
//!
//! let problems = decode_text::<AutoscalerSpec>("maxReplica: 30").unwrap_err();
//! assert!(problems.contains("did you mean `maxReplicas`?"));
//! ```

mod declaration;
mod decode;
mod diagnostic;
mod manual;
mod names;
mod nearest;
mod node;
mod origin;
mod render;
mod scalar;
mod schema;
mod section;
mod set_path;
mod source;
mod span;
mod yaml;

pub use declaration::declaration_mistakes;
pub use decode::{Decode, Decoder, Leaf, Profile, ProfileValue, decode_text};
pub use diagnostic::{Code, Diagnostic, Diagnostics, Severity};
pub use manual::{defaults, reference};
pub use names::{Name, NameMap, Text};
pub use nearest::nearest;
pub use node::{Key, Kind, Node, Style, overlay};
pub use origin::{Origin, Set};
pub use render::{Reported, escaped, render, reported};
pub use scalar::{Refusal, Scalar, Word};
pub use schema::json_schema;
pub use section::{Confidence, Field, OneOf, Presence, Range, Section, Shape, Variant};
pub use set_path::set_path;
pub use source::{Source, Sources};
pub use span::{Place, Position, SourceId, SourceSpan};
pub use yaml::{parse, parse_all};

pub use crate::{choice, one_of, section};

#[cfg(test)]
mod bad_input_tests;
#[cfg(test)]
mod decode_tests;
