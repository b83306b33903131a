//! Brings over the files `conversations/OWN-NAME/KEY.jsonl`, in which earlier builds kept private messages. All of them
//! go into the history in one transaction, and the files are removed when the transaction is safely on the disk. This
//! file owns the form of those files.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aws_lc_rs::digest;
use hobnob_protocol::ids::PairToken;
use hobnob_protocol::key::PublicKey;
use hobnob_protocol::name::UserName;
use hobnob_protocol::text::Text;
use rusqlite::{Connection, TransactionBehavior};
use serde::Deserialize;
use thiserror::Error;

use super::entry::{Entry, Side, Talk};
use super::file::told;
use super::rows::{self, Talks};
use crate::data::identities;

/// The folder of these files, which has one folder for each of this user's names.
const FOLDER: &str = "conversations";

/// The length of the longest line, in bytes: a text of the greatest length with every character escaped.
const MAX_LINE: u64 = 256 * 1024;

/// Why the files could not be brought over.
#[derive(Debug, Error)]
pub(super) enum NotBroughtOver {
    #[error("{}: {cause}", path.display())]
    Io { path: PathBuf, cause: io::Error },
    #[error("{}", told(.0))]
    Sqlite(#[from] rusqlite::Error),
}

/// One message in these files.
#[derive(Deserialize)]
struct Recorded {
    at: u64,
    from: UserName,
    text: Text,
}

/// Brings over all messages or none, and then removes the folder. If there is no such folder, nothing is done. If a
/// client is killed between the two steps, the next one repeats them, and no message is added twice.
///
/// # Errors
/// Returns what failed first. The files are unchanged, unless it was their removal that failed.
pub(super) fn bring_over(conn: &mut Connection, data_dir: &Path, share: i64) -> Result<(), NotBroughtOver> {
    let folder = data_dir.join(FOLDER);
    let failed = |path: &Path, cause| NotBroughtOver::Io { path: path.to_owned(), cause };
    if !folder.try_exists().map_err(|err| failed(&folder, err))? {
        return Ok(());
    }
    // The transaction must be on the disk before the files are removed.
    conn.pragma_update(None, "synchronous", "FULL")?;
    let transaction = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut talks = Talks::default();
    for own in entries(&folder).map_err(|err| failed(&folder, err))? {
        for file in entries(&own).map_err(|err| failed(&own, err))? {
            let said = read(data_dir, &own, &file).map_err(|err| failed(&file, err))?;
            rows::add(&transaction, &mut talks, &said, share)?;
        }
    }
    transaction.commit()?;
    conn.pragma_update(None, "synchronous", "NORMAL")?;
    std::fs::remove_dir_all(&folder).map_err(|err| failed(&folder, err))
}

/// Returns the paths of everything in a folder, sorted by name.
fn entries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let mut paths =
        std::fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    paths.sort();
    Ok(paths)
}

/// Reads the messages of a file. Files with other names are not hobnob's and count as empty. Incomplete lines are
/// skipped, as earlier builds did.
fn read(data_dir: &Path, own: &Path, file: &Path) -> io::Result<Vec<Entry>> {
    let stem = |path: &Path| path.file_stem().and_then(|it| it.to_str()).unwrap_or_default().to_owned();
    let own_name = own.file_name().and_then(|it| it.to_str()).and_then(|it| UserName::kept(it).ok());
    let (Some(own_name), Ok(other)) = (own_name, stem(file).parse::<PublicKey>()) else {
        return Ok(Vec::new());
    };
    let own_key = identities::known(data_dir, &own_name).unwrap_or(PublicKey::new([0; 32]));
    let (lines, token) = lines(file)?;
    let is_own = |name: &UserName| {
        let rest = name.folded().strip_prefix(own_name.folded());
        rest.is_some_and(|it| it.is_empty() || it.starts_with('_'))
    };
    let name = lines.iter().rev().map(|said| &said.from).find(|name| !is_own(name)).cloned();
    let name = name.unwrap_or_else(|| own_name.clone());
    let talk = Arc::new(Talk::Private { own: own_key, own_name: own_name.clone(), other, name, token });
    let entry = |(number, said): (usize, Recorded)| Entry {
        talk: Arc::clone(&talk),
        side: if is_own(&said.from) { Side::Own } else { Side::Other },
        number: number as u64,
        at: said.at,
        key: if is_own(&said.from) { own_key } else { other },
        from: said.from,
        text: said.text,
    };
    Ok(lines.into_iter().enumerate().map(entry).collect())
}

/// Returns the complete lines of a file, and a token that takes the place of a session's token, which these files do
/// not have. The token is computed from the first line. It is always the same for the same file, and another one for a
/// file that an older build begins later.
fn lines(file: &Path) -> io::Result<(Vec<Recorded>, PairToken)> {
    let mut reader = BufReader::new(File::open(file)?);
    let (mut said, mut line, mut first) = (Vec::new(), Vec::new(), None);
    while io::Read::take(&mut reader, MAX_LINE).read_until(b'\n', &mut line)? > 0 {
        if let Ok(recorded) = serde_json::from_slice::<Recorded>(&line) {
            first.get_or_insert_with(|| digest::digest(&digest::SHA256, &line));
            said.push(recorded);
        }
        line.clear();
    }
    let mut token = [0; 16];
    if let Some(first) = first {
        token.copy_from_slice(&first.as_ref()[..16]);
    }
    Ok((said, PairToken::new(token)))
}
