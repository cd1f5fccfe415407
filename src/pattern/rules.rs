//! Which rules spell a route: they changed with Nest 11.

/// How Nest spells the route of an object.
///
/// Both ends have to agree only where a route itself is on the wire, as the pattern of an event;
/// choose the rules of the Nest that this program stands in for.
///
/// ```
/// use nest_wire::pattern::{Pattern, RouteRules};
///
/// let pattern = Pattern::object([("say", r#""hi""#)]);
/// assert_eq!(pattern.route(RouteRules::Nest11), r#"{"say":"\"hi\""}"#);
/// assert_eq!(pattern.route(RouteRules::Nest10), r#"{"say":""hi""}"#);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RouteRules {
    /// Nest 7 to 10: nothing is escaped, and there are no limits.
    Nest10,
    /// Nest 11 and 12: `"` and `\` are escaped; an object with more than 20 keys, and one within
    /// more than five others, become fixed texts.
    #[default]
    Nest11,
}
