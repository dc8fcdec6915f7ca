//! Members of JSON objects.

use serde_json::Value;

/// Sets a member of an object.
pub fn set(object: &mut Value, name: &str, member: impl Into<Value>) {
    if let Value::Object(members) = object {
        members.insert(name.into(), member.into());
    }
}

/// Removes a member of an object, and returns it; null if it is not there.
pub fn take(object: &mut Value, name: &str) -> Value {
    object.as_object_mut().and_then(|members| members.remove(name)).unwrap_or_default()
}
