//! Recordings of any size are read in constant memory.
#![cfg(target_os = "linux")]

use std::{fmt::Write as _, fs, process::Stdio};

use nest_wire::{Payload, Router, json::Value};
use tokio::{
    io::AsyncWriteExt,
    process::{Child, Command},
};

use crate::command::{nest_wire, service};

/// Maximum resident memory of a command, in kibibytes.
const MAX_MEMORY: u64 = 64 * 1024;
/// Number of calls in a block of a recording, and of blocks: 160 MB in all.
const CALLS: usize = 1000;
const BLOCKS: usize = 20;

/// Returns calls with 4,000 bytes of data, and their answers.
fn block() -> String {
    let data = "x".repeat(4000);
    let mut block = String::new();
    for call in 0..CALLS {
        let request = format!(r#"{{"pattern":"echo","data":"{data}","id":"{call}"}}"#);
        let reply = format!(r#"{{"response":"{data}","isDisposed":true,"id":"{call}"}}"#);
        for (from, text) in [("caller", request), ("service", reply)] {
            let frame = Value::from(format!("{}#{text}", text.len()));
            writeln!(block, r#"{{"at":0.5,"connection":1,"from":"{from}","text":{frame}}}"#).expect("memory");
        }
    }
    block
}

/// Feeds a command with a recording of 160 MB. Returns the command's peak memory, in kibibytes, and
/// what it printed.
async fn fed(mut command: Command) -> (u64, String) {
    let mut child = command.stdin(Stdio::piped()).spawn().expect("the binary runs");
    let mut stdin = child.stdin.take().expect("a pipe");
    let block = block();
    stdin.write_all(b"{\"format\":\"1\"}\n").await.expect("it reads");
    for _ in 0..BLOCKS {
        stdin.write_all(block.as_bytes()).await.expect("it reads");
    }
    // It has read all but what is in the pipe, and waits for more.
    let peak = peak_memory(&child);
    drop(stdin);
    let output = child.wait_with_output().await.expect("it ends");
    assert!(output.status.success(), "{output:?}");
    (peak, String::from_utf8(output.stdout).expect("text"))
}

fn peak_memory(child: &Child) -> u64 {
    let id = child.id().expect("it runs");
    let status = fs::read_to_string(format!("/proc/{id}/status")).expect("a status");
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .expect("a peak");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

#[tokio::test]
async fn inspecting_needs_less_than_64_mb() {
    let (peak, printed) = fed(nest_wire(["inspect", "--summary", "-"])).await;
    assert!(printed.starts_with("40000 packets on 1 connection\n"), "{printed}");
    assert!(peak < MAX_MEMORY, "{peak} kB");
}

#[tokio::test]
async fn replaying_needs_less_than_64_mb() {
    let echo = Router::new().message("echo", async |Payload(value): Payload<Value>| value);
    let address = service(echo).await;
    let (peak, printed) = fed(nest_wire(["replay", "-", "--to", &address])).await;
    assert!(
        printed.starts_with("20000 calls, 20000 as recorded, 0 differ"),
        "{printed}"
    );
    assert!(peak < MAX_MEMORY, "{peak} kB");
}
