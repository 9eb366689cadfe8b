//! JSON Schema (draft 2020-12) from the declarations of the sections, for editors.

use serde_json::{Map, Value, json};

use super::section::{Field, OneOf, Presence, Section, Shape};

/// The JSON Schema of a text whose top is `root`.
///
/// Every section and choice becomes a definition under its type's name. What a schema cannot
/// say (units, references, agreement between fields) is left to the decoder.
#[must_use]
pub fn json_schema(title: &str, root: &Shape) -> Value {
    let mut definitions = Map::new();
    let top = schema_of(root, &mut definitions);
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": title,
        "allOf": [top],
        "$defs": definitions,
    })
}

/// Documentation lines as one text.
pub(super) fn doc_text(doc: &[&str]) -> String {
    doc.iter().map(|line| line.trim()).collect::<Vec<_>>().join("\n").trim().to_owned()
}

fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/$defs/{name}") })
}

fn schema_of(shape: &Shape, definitions: &mut Map<String, Value>) -> Value {
    match shape {
        Shape::Boolean => json!({ "type": "boolean" }),
        Shape::Integer => json!({ "type": "integer" }),
        Shape::Number => json!({ "type": "number" }),
        Shape::Text(expected) => json!({ "type": "string", "description": expected }),
        // An editor reads `2` as a number, though it is a quantity of 2 cores.
        Shape::Quantity(expected) => {
            json!({ "type": ["string", "number"], "description": expected })
        }
        Shape::List(item) => json!({ "type": "array", "items": schema_of(item, definitions) }),
        Shape::NameMap(value) => {
            json!({ "type": "object", "additionalProperties": schema_of(value, definitions) })
        }
        Shape::Section(section) => {
            if !definitions.contains_key(section.name) {
                definitions.insert(section.name.to_owned(), Value::Null);
                let schema = section_schema(section, definitions);
                definitions.insert(section.name.to_owned(), schema);
            }
            reference(section.name)
        }
        Shape::OneOf(choice) | Shape::Choice(choice) => {
            if !definitions.contains_key(choice.name) {
                definitions.insert(choice.name.to_owned(), Value::Null);
                let schema = one_of_schema(choice, definitions);
                definitions.insert(choice.name.to_owned(), schema);
            }
            reference(choice.name)
        }
    }
}

fn section_schema(section: &Section, definitions: &mut Map<String, Value>) -> Value {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for field in section.fields {
        properties.insert(field.key.to_owned(), field_schema(field, definitions));
        let list_with_items = matches!(field.presence, Presence::List { least: 1.., .. });
        if field.presence == Presence::Required || list_with_items {
            required.push(field.key);
        }
    }
    json!({
        "type": "object",
        "description": doc_text(section.doc),
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

fn field_schema(field: &Field, definitions: &mut Map<String, Value>) -> Value {
    let shape = (field.shape)();
    let mut schema = schema_of(&shape, definitions);
    let entries = schema.as_object_mut().expect("every schema here is an object");
    let mut description = doc_text(field.doc);
    if let Shape::Text(expected) | Shape::Quantity(expected) = shape {
        description = format!("{description}\n\nWrite {expected}.");
    }
    if let Some(range) = field.range {
        let number = |text: &str| text.parse::<f64>().ok();
        match (shape, number(range.least), number(range.most)) {
            (Shape::Integer | Shape::Number, Some(least), Some(most)) => {
                entries.insert("minimum".to_owned(), least.into());
                entries.insert("maximum".to_owned(), most.into());
            }
            _ => description = format!("{description}\n\n{} to {}.", range.least, range.most),
        }
    }
    if let Presence::List { least, most } = field.presence {
        let words = if entries["type"] == "array" {
            ["minItems", "maxItems"]
        } else {
            ["minProperties", "maxProperties"]
        };
        entries.insert(words[0].to_owned(), least.into());
        entries.insert(words[1].to_owned(), most.into());
    }
    if let Presence::Default(text) = field.presence {
        let value = serde_json::from_str(text).unwrap_or_else(|_| Value::from(text));
        entries.insert("default".to_owned(), value);
    }
    entries.insert("description".to_owned(), description.into());
    schema
}

fn one_of_schema(choice: &OneOf, definitions: &mut Map<String, Value>) -> Value {
    let mut forms = Vec::new();
    for variant in choice.variants {
        let description = doc_text(variant.doc);
        forms.push(match variant.shape {
            None => json!({ "const": variant.key, "description": description }),
            Some(shape) => {
                let content = schema_of(&shape(), definitions);
                json!({
                    "type": "object",
                    "description": description,
                    "properties": { variant.key: content },
                    "required": [variant.key],
                    "additionalProperties": false,
                })
            }
        });
    }
    json!({ "description": doc_text(choice.doc), "oneOf": forms })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::{Decode, choice, one_of, section};
    use crate::units::MilliCpu;

    choice! {
        /// A colour.
        enum Colour {
            /// Like blood.
            "red" => Red,
        }
    }

    one_of! {
        /// How long.
        enum Law {
            /// Always the same.
            "constant" => Constant(f64),
            /// None.
            "none" => Nothing,
        }
    }

    section! {
        /// A part.
        struct Part {
            /// How many.
            "count" count: u32 = default "2", source "test", range 1..=9;
            /// How much.
            "cpu" cpu: MilliCpu = required, range "1m"..="2";
        }
    }

    section! {
        /// The whole.
        struct Whole {
            /// Its parts.
            "parts" parts: Vec<Part> = list 1..=3;
            /// Its colour.
            "colour" colour: Option<Colour> = optional;
            /// Its law.
            "law" law: Option<Law> = optional;
        }
    }

    /// Each declaration turns up in the schema as the words of draft 2020-12 for it.
    #[test]
    fn declarations_become_a_schema() {
        let schema = json_schema("whole", &Whole::shape());
        assert_eq!(schema["allOf"][0]["$ref"], "#/$defs/Whole");
        let part = &schema["$defs"]["Part"];
        assert_eq!(part["required"], json!(["cpu"]));
        assert_eq!(part["additionalProperties"], false);
        let count = &part["properties"]["count"];
        let expected = json!({
            "type": "integer", "minimum": 1.0, "maximum": 9.0, "default": 2,
            "description": "How many.",
        });
        assert_eq!(*count, expected);
        assert!(part["properties"]["cpu"]["description"].to_string().contains("1m to 2."));
        let parts = &schema["$defs"]["Whole"]["properties"]["parts"];
        assert_eq!((&parts["minItems"], &parts["maxItems"]), (&json!(1), &json!(3)));
        assert_eq!(schema["$defs"]["Colour"]["oneOf"][0]["const"], "red");
        assert_eq!(schema["$defs"]["Law"]["oneOf"][0]["required"], json!(["constant"]));
        assert_eq!(schema["$defs"]["Whole"]["required"], json!(["parts"]));
    }
}
