//! Values as literals.

/// Makes a [`json::Value`](crate::json::Value) of JSON, whose values may be Rust expressions. Keys
/// keep their order, as in JavaScript; `serde_json::json!` sorts them.
///
/// An expression is what [`json::Value`](crate::json::Value) can be made `From`; a key that is an
/// expression stands in parentheses.
///
/// ```
/// use nest_wire::json;
///
/// let (name, key) = ("Ada", "z");
/// let value = json!({ "name": name, "ages": [36, null, 1.5], (key): { "is new": !false }, "none": None::<u8> });
/// let text = r#"{"name":"Ada","ages":[36,null,1.5],"z":{"is new":true},"none":null}"#;
/// assert_eq!(value.stringify(), text);
/// assert_eq!(json!([]).stringify(), "[]");
/// ```
#[macro_export]
macro_rules! json {
    (null) => { $crate::json::Value::Null };
    ([ $($elements:tt)* ]) => {{
        #[allow(unused_mut, reason = "it may be empty")]
        let mut array = $crate::json::Array::default();
        $crate::json!(@elements array $($elements)*);
        $crate::json::Value::Array(array)
    }};
    ({ $($members:tt)* }) => {{
        #[allow(unused_mut, reason = "it may be empty")]
        let mut object = $crate::json::Object::new();
        $crate::json!(@members object $($members)*);
        $crate::json::Value::Object(object)
    }};
    (@elements $array:ident) => {};
    (@elements $array:ident null $(, $($rest:tt)*)?) => {
        $array.push($crate::json::Value::Null);
        $($crate::json!(@elements $array $($rest)*);)?
    };
    (@elements $array:ident [ $($inner:tt)* ] $(, $($rest:tt)*)?) => {
        $array.push($crate::json!([ $($inner)* ]));
        $($crate::json!(@elements $array $($rest)*);)?
    };
    (@elements $array:ident { $($inner:tt)* } $(, $($rest:tt)*)?) => {
        $array.push($crate::json!({ $($inner)* }));
        $($crate::json!(@elements $array $($rest)*);)?
    };
    (@elements $array:ident $value:expr $(, $($rest:tt)*)?) => {
        $array.push($crate::json::Value::from($value));
        $($crate::json!(@elements $array $($rest)*);)?
    };
    (@members $object:ident) => {};
    (@members $object:ident $key:tt : null $(, $($rest:tt)*)?) => {
        $object.insert($key, $crate::json::Value::Null);
        $($crate::json!(@members $object $($rest)*);)?
    };
    (@members $object:ident $key:tt : [ $($inner:tt)* ] $(, $($rest:tt)*)?) => {
        $object.insert($key, $crate::json!([ $($inner)* ]));
        $($crate::json!(@members $object $($rest)*);)?
    };
    (@members $object:ident $key:tt : { $($inner:tt)* } $(, $($rest:tt)*)?) => {
        $object.insert($key, $crate::json!({ $($inner)* }));
        $($crate::json!(@members $object $($rest)*);)?
    };
    (@members $object:ident $key:tt : $value:expr $(, $($rest:tt)*)?) => {
        $object.insert($key, $crate::json::Value::from($value));
        $($crate::json!(@members $object $($rest)*);)?
    };
    ($value:expr) => { $crate::json::Value::from($value) };
}
