//! The call over gRPC, in the code that tonic's generator writes for `node-harness/grpc/sums.proto`,
//! written by hand: no compiler of protocols is needed to build this.

use std::{
    convert::Infallible,
    error::Error,
    future::{Ready, ready},
    net::SocketAddr,
    task::{Context, Poll},
};

use futures_util::future::BoxFuture;
use tonic::{
    body::Body,
    client::Grpc,
    codegen::http::{self, uri::PathAndQuery},
    server::{NamedService, UnaryService},
    transport::{Channel, Endpoint},
};
use tonic_prost::ProstCodec;
use tower::Service;

#[derive(Clone, PartialEq, prost::Message)]
struct SumRequest {
    #[prost(double, repeated, tag = "1")]
    numbers: Vec<f64>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct SumReply {
    #[prost(double, tag = "1")]
    sum: f64,
}

/// A client with one connection.
pub(crate) struct SumClient(Grpc<Channel>);

impl SumClient {
    pub(crate) async fn connect(address: SocketAddr) -> Result<Self, Box<dyn Error>> {
        let endpoint = Endpoint::from_shared(format!("http://{address}"))?.tcp_nodelay(true);
        Ok(Self(Grpc::new(endpoint.connect().await?)))
    }

    pub(crate) async fn sum(&self, numbers: Vec<f64>) -> Result<f64, Box<dyn Error>> {
        let mut grpc = self.0.clone();
        grpc.ready().await?;
        let request = tonic::Request::new(SumRequest { numbers });
        let path = PathAndQuery::from_static("/bench.Sums/Sum");
        let codec: ProstCodec<SumRequest, SumReply> = ProstCodec::default();
        Ok(grpc.unary(request, path, codec).await?.into_inner().sum)
    }
}

/// The service.
#[derive(Clone)]
pub(crate) struct Sums;

impl NamedService for Sums {
    const NAME: &'static str = "bench.Sums";
}

impl Service<http::Request<Body>> for Sums {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        Box::pin(async {
            let codec: ProstCodec<SumReply, SumRequest> = ProstCodec::default();
            Ok(tonic::server::Grpc::new(codec).unary(Sum, request).await)
        })
    }
}

struct Sum;

impl UnaryService<SumRequest> for Sum {
    type Response = SumReply;
    type Future = Ready<Result<tonic::Response<SumReply>, tonic::Status>>;

    fn call(&mut self, request: tonic::Request<SumRequest>) -> Self::Future {
        let sum = request.into_inner().numbers.iter().sum();
        ready(Ok(tonic::Response::new(SumReply { sum })))
    }
}
