//! Checks that the files of `src/` import one another in one direction: no two files import each
//! other, directly or through others.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

/// A path of names: a module, or an item in one.
type Names = Vec<String>;

#[test]
fn no_files_form_a_knot() {
    let knotted = Sources::of_the_library().knotted();
    assert!(knotted.is_empty(), "files that need each other: {knotted:#?}");
}

#[test]
fn a_knot_is_seen_through_what_a_folder_exports() {
    let sources = Sources::of(&[
        (&["a"], "pub use b::B; mod b; mod c;"),
        (&["a", "b"], "use crate::a::{c::C}; pub struct B;"),
        (&["a", "c"], "use super::B; pub struct C;"),
        (&["d"], "use crate::{a::B};"),
    ]);
    assert_eq!(sources.knotted().into_iter().collect::<Vec<_>>(), ["a::b", "a::c"]);
}

/// The text of each module, without comments and unit tests.
struct Sources(BTreeMap<Names, String>);

impl Sources {
    fn of_the_library() -> Self {
        let mut texts = BTreeMap::new();
        read(
            &Path::new(env!("CARGO_MANIFEST_DIR")).join("src"),
            &mut Vec::new(),
            &mut texts,
        );
        Self(texts)
    }

    fn of(modules: &[(&[&str], &str)]) -> Self {
        let module = |(names, text): &(&[&str], &str)| {
            (
                names.iter().map(|name| (*name).to_owned()).collect(),
                (*text).to_owned(),
            )
        };
        Self(modules.iter().map(module).collect())
    }

    /// Repeatedly removes the files that import none of the others, or that none of the others
    /// import. Returns the files that are left.
    fn knotted(&self) -> BTreeSet<String> {
        let mut imports: BTreeMap<&Names, BTreeSet<&Names>> = BTreeMap::new();
        for module in self.0.keys() {
            imports.insert(module, self.imported_by(module));
        }
        loop {
            let needed: BTreeSet<&Names> = imports.values().flatten().copied().collect();
            let before = imports.len();
            let remaining: BTreeSet<&Names> = imports.keys().copied().collect();
            imports.retain(|module, imported| {
                imported.retain(|other| remaining.contains(other));
                !imported.is_empty() && needed.contains(module)
            });
            if imports.len() == before {
                return imports.keys().map(|module| module.join("::")).collect();
            }
        }
    }

    /// Returns the files that define what `module` imports. A folder's exports are not imports of
    /// its file.
    fn imported_by(&self, module: &Names) -> BTreeSet<&Names> {
        let text = &self.0[module];
        let is_folder = self
            .0
            .keys()
            .any(|other| other.len() > module.len() && other.starts_with(module));
        let imported = uses(text).filter(|(is_public, _)| !(*is_public && is_folder));
        let mut files: BTreeSet<&Names> = imported
            .flat_map(|(_, tree)| paths(tree))
            .filter_map(|path| self.defining_file(&self.absolute(module, &path)?))
            .collect();
        files.remove(module);
        files
    }

    /// Returns the names from the crate's root on, or `None` for another crate's.
    fn absolute(&self, module: &[String], path: &[String]) -> Option<Names> {
        let supers = path.iter().take_while(|name| *name == "super").count();
        let rest = &path[supers..];
        match path.first()?.as_str() {
            "crate" => Some(path[1..].to_vec()),
            "self" => Some([module, &path[1..]].concat()),
            "super" => Some([&module[..module.len() - supers], rest].concat()),
            child => {
                let inner = [module, &[child.to_owned()]].concat();
                self.0.contains_key(&inner).then(|| [module, path].concat())
            }
        }
    }

    /// Follows the exports of folders to the file that defines the item.
    fn defining_file(&self, path: &[String]) -> Option<&Names> {
        let depth = (0..=path.len())
            .rev()
            .find(|depth| self.0.contains_key(&path[..*depth]))?;
        let (module, text) = self.0.get_key_value(&path[..depth])?;
        let exported = path.get(depth).and_then(|name| {
            uses(text)
                .filter(|(is_public, _)| *is_public)
                .flat_map(|(_, tree)| paths(tree))
                .find(|export| export.last() == Some(name))
        });
        match exported.and_then(|export| self.absolute(module, &export)) {
            Some(export) => self.defining_file(&[&export[..], &path[depth + 1..]].concat()),
            None => Some(module),
        }
    }
}

fn read(folder: &Path, module: &mut Names, texts: &mut BTreeMap<Names, String>) {
    for entry in fs::read_dir(folder).expect("a folder of sources") {
        let path = entry.expect("an entry").path();
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        if path.is_dir() {
            module.push(name);
            read(&path, module, texts);
            module.pop();
            continue;
        }
        let text = code(&fs::read_to_string(&path).expect("a source"));
        let own = (name != "mod" && name != "lib").then_some(name);
        texts.insert(module.iter().cloned().chain(own).collect(), text);
    }
}

/// Returns the text without comments and without the unit tests at its end.
fn code(text: &str) -> String {
    let (code, _) = text.split_once("\nmod tests {").unwrap_or((text, ""));
    let lines = code.lines().map(|line| line.split("//").next().unwrap_or_default());
    lines.collect::<Vec<_>>().join("\n")
}

/// Returns each `use`: whether it exports, and its names.
fn uses(text: &str) -> impl Iterator<Item = (bool, &str)> {
    text.split(';').filter_map(|statement| {
        let (before, tree) = statement.rsplit_once("use ")?;
        let line = before.rsplit('\n').next().unwrap_or_default().trim();
        let is_use = line.is_empty() || line.starts_with("pub");
        is_use.then(|| (line.starts_with("pub"), tree.trim()))
    })
}

/// Returns the paths of a `use`, with its groups expanded.
fn paths(tree: &str) -> Vec<Names> {
    let Some((before, group)) = tree.split_once('{') else {
        let path = tree.split(" as ").next().unwrap_or_default();
        return vec![path.split("::").map(|name| name.trim().to_owned()).collect()];
    };
    let members = members(group.trim_end().strip_suffix('}').unwrap_or(group));
    let members = members.into_iter().filter(|member| !member.trim().is_empty());
    members
        .flat_map(|member| paths(&format!("{before}{}", member.trim())))
        .collect()
}

/// Returns the parts between the outermost commas.
fn members(group: &str) -> Vec<&str> {
    let mut depth = 0;
    group
        .split(|c| {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                _ => {}
            }
            c == ',' && depth == 0
        })
        .collect()
}
