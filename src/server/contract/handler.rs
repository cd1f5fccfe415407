//! The trait of handlers that keep a contract.

use std::future::Future;

use crate::{
    contract::NoData,
    server::{
        contract::{ReplyOf, RequestOf},
        handler::{Handler, Layered},
    },
};

/// A [`Handler`] whose last parameter takes `Data` ([`RequestOf`]) and that returns `Reply`
/// ([`ReplyOf`]). You never implement it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not keep its contract",
    label = "does not keep its contract",
    note = "the contract's data is `{Data}`: the last parameter takes it, as `Payload<{Data}>`",
    note = "the contract's reply is `{Reply}`"
)]
pub trait ContractHandler<Args, S, Data, Reply>: Handler<Args, S> {}

impl<F, Fut, S, Reply> ContractHandler<(), S, NoData, Reply> for F
where
    F: FnOnce() -> Fut + Handler<(), S>,
    Fut: Future<Output: ReplyOf<Reply>>,
{
}

macro_rules! contract_handler {
    ($($arg:ident)* | $last:ident) => {
        impl<F, Fut, S, Data, Reply, $($arg,)* $last> ContractHandler<($($arg,)* $last,), S, Data, Reply> for F
        where
            F: FnOnce($($arg,)* $last) -> Fut + Handler<($($arg,)* $last,), S>,
            $last: RequestOf<Data>,
            Fut: Future<Output: ReplyOf<Reply>>,
        {
        }
    };
}

contract_handler!(| A);
contract_handler!(A | B);
contract_handler!(A B | C);
contract_handler!(A B C | D);
contract_handler!(A B C D | E);
contract_handler!(A B C D E | G);

impl<L, H, Args, S, Data, Reply> ContractHandler<Args, S, Data, Reply> for Layered<L, H, Args, S>
where
    Self: Handler<Args, S>,
    H: ContractHandler<Args, S, Data, Reply>,
{
}
