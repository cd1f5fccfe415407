//! `nest-wire completions` and `nest-wire man`: what is made from the definition of the commands.

use std::{fs, process::Command};

use crate::command::{fresh_directory, run};

#[tokio::test]
async fn every_shell_has_completions_of_every_command() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let ended = run(&["completions", shell]).await;
        assert_eq!((ended.status, ended.stderr.as_str()), (Some(0), ""), "{shell}");
        for command in [
            "send",
            "emit",
            "check",
            "route",
            "tap",
            "record",
            "inspect",
            "replay",
            "serve",
            "demo",
            "completions",
            "man",
        ] {
            assert!(ended.stdout.contains(command), "{command} of {shell}");
        }
    }
}

#[tokio::test]
async fn completions_are_what_the_shell_reads() {
    let file = fresh_directory("completions").join("nest-wire.bash");
    fs::write(&file, run(&["completions", "bash"]).await.stdout).expect("a file");
    match Command::new("bash").arg("-n").arg(&file).output() {
        Ok(output) => assert!(output.status.success(), "{output:?}"),
        Err(error) => eprintln!("no bash on this machine: {error}"),
    }
}

#[tokio::test]
async fn a_shell_that_is_not_known_is_refused() {
    let ended = run(&["completions", "csh"]).await;
    assert_eq!(ended.status, Some(2));
    assert!(
        ended.stderr.contains("bash, elvish, fish, powershell, zsh"),
        "{ended:?}"
    );
}

#[tokio::test]
async fn every_command_has_a_manual_page() {
    let folder = fresh_directory("man").join("man1");
    let ended = run(&["man", &folder.display().to_string()]).await;
    assert_eq!((ended.status, ended.stderr.as_str()), (Some(0), ""));
    for command in [
        "",
        "-send",
        "-emit",
        "-check",
        "-route",
        "-tap",
        "-record",
        "-inspect",
        "-replay",
        "-serve",
        "-demo",
        "-completions",
        "-man",
    ] {
        let page = fs::read_to_string(folder.join(format!("nest-wire{command}.1"))).expect("a page");
        assert!(page.contains(&format!(".TH nest-wire{command} 1")), "{command}");
    }
    assert!(!folder.join("nest-wire-demo-service.1").exists(), "it is hidden");
    let pages = folder.join("nest-wire-send.1");
    // A minimal system has a `man` that shows nothing.
    match Command::new("groff").args(["-man", "-ww", "-z"]).arg(&pages).output() {
        Ok(output) => assert!(output.status.success() && output.stderr.is_empty(), "{output:?}"),
        Err(error) => eprintln!("no groff on this machine: {error}"),
    }
}

#[tokio::test]
async fn one_page_is_printed() {
    let ended = run(&["man"]).await;
    assert_eq!((ended.status, ended.stderr.as_str()), (Some(0), ""));
    assert!(ended.stdout.contains(".TH nest-wire 1"));
}

#[tokio::test]
async fn a_folder_that_cannot_be_made_is_named() {
    let file = fresh_directory("man-file").join("file");
    fs::write(&file, "").expect("a file");
    let ended = run(&["man", &file.join("man1").display().to_string()]).await;
    assert_eq!(ended.status, Some(5), "{ended:?}");
    assert!(
        ended.stderr.starts_with(&format!("error: {}", file.display())),
        "{ended:?}"
    );
}
