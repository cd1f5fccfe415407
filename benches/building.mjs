// Prints what it costs to build the same small service, `sum`, with this crate and with what one could take instead:
// the time of a first release build, the number of crates, and the size of the program.
//
//     node benches/building.mjs [ROUNDS]
//
// The builds take turns, from empty folders, with everything downloaded before. The times are those of this machine:
// look at the ratios.

import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const ROUNDS = Number(process.argv[2] ?? 3);
const crate = new URL('..', import.meta.url).pathname;
const tokio = 'tokio = { version = "1", features = ["macros", "rt"] }';

const projects = {
  'nest-wire': {
    dependencies: [`nest-wire = { path = "${crate}" }`, tokio],
    main: `use nest_wire::{Payload, Router, server::{HostListener, serve}};

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    let sum = async |Payload(numbers): Payload<Vec<f64>>| -> f64 { numbers.iter().sum() };
    serve(HostListener::bind("127.0.0.1:8888").await?, Router::new().message("sum", sum)).await;
    Ok(())
}
`,
  },
  'tonic': {
    dependencies: [
      'futures-util = { version = "0.3", default-features = false }',
      'prost = "0.14"',
      'tonic = { version = "0.14", default-features = false, features = ["codegen", "router", "transport"] }',
      'tonic-prost = "0.14"',
      'tower-service = "0.3"',
      tokio,
    ],
    main: `mod grpc;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    tonic::transport::Server::builder().add_service(grpc::Sums).serve("127.0.0.1:8888".parse()?).await?;
    Ok(())
}
`,
    files: { 'src/grpc.rs': grpc() },
  },
  'async-nats': {
    dependencies: [
      'async-nats = { version = "0.51", default-features = false, features = ["nuid", "ring"] }',
      'futures-util = { version = "0.3", default-features = false }',
      'serde = { version = "1", features = ["derive"] }',
      'serde_json = "1"',
      tokio,
    ],
    main: `use futures_util::StreamExt;

#[derive(serde::Deserialize)]
struct Request { data: Vec<f64>, id: String }
#[derive(serde::Serialize)]
struct Reply { response: f64, #[serde(rename = "isDisposed")] is_disposed: bool, id: String }

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let nats = async_nats::connect("127.0.0.1:4222").await?;
    let mut messages = nats.subscribe("sum").await?;
    while let Some(message) = messages.next().await {
        let Request { data, id } = serde_json::from_slice(&message.payload)?;
        let reply = Reply { response: data.iter().sum(), is_disposed: true, id };
        if let Some(inbox) = message.reply {
            nats.publish(inbox, serde_json::to_vec(&reply)?.into()).await?;
        }
    }
    Ok(())
}
`,
  },
};

const folder = mkdtempSync(join(tmpdir(), 'building-'));
const results = Object.entries(projects).map(([name, project]) => ({ name, path: made(name, project), seconds: [] }));
for (let round = 0; round < ROUNDS; round += 1) {
  results.forEach(({ path, seconds }) => seconds.push(built(path)));
}
const first = results[0];
console.log('| service | crates | first release build | times ours | program |');
console.log('| --- | ---: | ---: | ---: | ---: |');
for (const { name, path, seconds } of results) {
  const ratios = seconds.map((time, round) => time / first.seconds[round]);
  const size = statSync(join(path, 'target/release/service')).size;
  console.log(`| ${name} | ${crates(path)} | ${median(seconds).toFixed(1)} s | ${median(ratios).toFixed(2)} | ${(size / 1e6).toFixed(2)} MB |`);
}
rmSync(folder, { recursive: true });

function made(name, { dependencies, main, files = {} }) {
  const path = join(folder, name);
  mkdirSync(join(path, 'src'), { recursive: true });
  const manifest = `[package]\nname = "service"\nedition = "2024"\n[dependencies]\n${dependencies.join('\n')}\n[profile.release]\nstrip = true\n[workspace]\n`;
  Object.entries({ 'Cargo.toml': manifest, 'src/main.rs': main, ...files }).forEach(([file, text]) => writeFileSync(join(path, file), text));
  cargo(path, 'fetch', '--quiet');
  return path;
}

/** Builds from nothing, and returns how many seconds that took. */
function built(path) {
  rmSync(join(path, 'target'), { recursive: true, force: true });
  const start = performance.now();
  cargo(path, 'build', '--release', '--quiet', '--offline');
  return (performance.now() - start) / 1000;
}

/** The number of crates that are compiled for this system, without the service itself. */
function crates(path) {
  const tree = cargo(path, 'tree', '--prefix', 'none', '--edges', 'normal,build', '--format', '{p}');
  return new Set(tree.split('\n').filter(Boolean).map((line) => line.split(' ').slice(0, 2).join(' '))).size - 1;
}

function cargo(path, ...words) {
  const environment = { ...process.env, CARGO_TARGET_DIR: join(path, 'target') };
  const { status, stdout, stderr } = spawnSync('cargo', words, { cwd: path, env: environment, encoding: 'utf8' });
  if (status !== 0) {
    throw new Error(`cargo ${words.join(' ')}: ${stderr}`);
  }
  return stdout;
}

function median(values) {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
}

/** What tonic's generator writes for `sums.proto`, as short as it can be. */
function grpc() {
  return `use std::{convert::Infallible, future::{Future, Ready, ready}, pin::Pin, task::{Context, Poll}};
use tonic::{body::Body, codegen::http, server::{Grpc, NamedService, UnaryService}};
use tonic_prost::ProstCodec;
use tower_service::Service;

#[derive(Clone, PartialEq, prost::Message)]
pub struct SumRequest { #[prost(double, repeated, tag = "1")] pub numbers: Vec<f64> }
#[derive(Clone, PartialEq, prost::Message)]
pub struct SumReply { #[prost(double, tag = "1")] pub sum: f64 }

#[derive(Clone)]
pub struct Sums;
impl NamedService for Sums { const NAME: &'static str = "bench.Sums"; }
impl Service<http::Request<Body>> for Sums {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> { Poll::Ready(Ok(())) }
    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        Box::pin(async {
            let codec: ProstCodec<SumReply, SumRequest> = ProstCodec::default();
            Ok(Grpc::new(codec).unary(Sum, request).await)
        })
    }
}
struct Sum;
impl UnaryService<SumRequest> for Sum {
    type Response = SumReply;
    type Future = Ready<Result<tonic::Response<SumReply>, tonic::Status>>;
    fn call(&mut self, request: tonic::Request<SumRequest>) -> Self::Future {
        ready(Ok(tonic::Response::new(SumReply { sum: request.into_inner().numbers.iter().sum() })))
    }
}
`;
}
