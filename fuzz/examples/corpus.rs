//! Moves corpora between the folders in which cargo-fuzz works, `fuzz/corpus/`, and the repository.
//!
//! `corpus unpack` writes the seeds and earlier findings into the folders. `corpus pack` writes the
//! inputs in the folders that are not seeds to `fuzz/found/`. Run `cargo fuzz cmin` first: it
//! removes inputs that do not reach anything new.

use std::{collections::BTreeSet, env, fs, io, path::Path, process::ExitCode};

use nest_wire_fuzz::{TARGETS, corpus, pack, seeds};

/// Longer inputs are left out, to keep the files small.
const MAX_KEPT_BYTES: usize = 1024;

fn main() -> io::Result<ExitCode> {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR"));
    let step = match env::args().nth(1).as_deref() {
        Some("pack") => pack_target,
        Some("unpack") => unpack_target,
        _ => {
            eprintln!("usage: corpus pack|unpack");
            return Ok(ExitCode::FAILURE);
        }
    };
    for (target, _) in TARGETS {
        step(fuzz, target)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn pack_target(fuzz: &Path, target: &str) -> io::Result<()> {
    let seeds: BTreeSet<_> = seeds(target).into_iter().collect();
    let mut found = BTreeSet::new();
    for file in fs::read_dir(fuzz.join("corpus").join(target))? {
        let input = fs::read(file?.path())?;
        if input.len() <= MAX_KEPT_BYTES && !seeds.contains(&input) {
            found.insert(input);
        }
    }
    println!("{target}: {} inputs", found.len());
    fs::write(fuzz.join("found").join(target).with_extension("txt"), pack(found))
}

fn unpack_target(fuzz: &Path, target: &str) -> io::Result<()> {
    let folder = fuzz.join("corpus").join(target);
    fs::create_dir_all(&folder)?;
    for (number, input) in corpus(target).iter().enumerate() {
        fs::write(folder.join(format!("{number:05}")), input)?;
    }
    Ok(())
}
