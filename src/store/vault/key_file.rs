//! The file that holds the keys: one a line, the first is current. Others stand
//! there only while a rotation is under way.

use std::ffi::OsString;
use std::fs::{File, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;
use zeroize::Zeroizing;

use super::{Key, KeyId};
use crate::store::{Result, StoreError};

/// No file of keys is longer.
const MAX_BYTES: u64 = 64 << 10;

/// A file of keys, for its owner alone.
#[derive(Debug, Clone)]
pub struct KeyFile {
    path: PathBuf,
    database: PathBuf,
}

impl KeyFile {
    /// The key file of the database at this path.
    #[must_use]
    pub fn beside(database: &Path) -> Self {
        let mut path = OsString::from(database);
        path.push(".key");
        Self { path: path.into(), database: database.to_owned() }
    }

    /// Where keys go that are out of use: backups from before need them.
    #[must_use]
    pub fn former(&self) -> Self {
        let mut path = self.path.clone().into_os_string();
        path.push(".former");
        Self { path: path.into(), database: self.database.clone() }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The keys in it; none, if there is no such file.
    pub(in crate::store) fn read(&self) -> Result<Vec<Key>> {
        let mut file = match File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(vec![]),
            Err(error) => return Err(self.unusable(&error)),
        };
        let mode = file.metadata().map_err(|e| self.unusable(&e))?.permissions().mode();
        if mode & 0o077 != 0 {
            return Err(self.refused(&format!(
                "others may use it (its mode is {:o}): `chmod 600` it, and if others have read it, run \
                 `nyala key rotate` then",
                mode & 0o777
            )));
        }
        let mut text = Zeroizing::new(String::new());
        Read::by_ref(&mut file).take(MAX_BYTES).read_to_string(&mut text).map_err(|e| self.unusable(&e))?;
        self.parse(&text)
    }

    fn parse(&self, text: &str) -> Result<Vec<Key>> {
        let lines = text.lines().filter(|line| !line.trim().is_empty());
        let keys: Vec<_> = lines.map(Key::parse).collect::<std::result::Result<_, _>>().unwrap_or_default();
        if keys.is_empty() {
            return Err(self.refused("it holds no key of 32 bytes a line: put it back from where you keep a copy"));
        }
        Ok(keys)
    }

    /// Makes the file with a new key in it, unless somebody else has meanwhile;
    /// answers the key that is on disk then.
    pub(super) fn make(&self) -> Result<Key> {
        let key = Key::random()?;
        let written = self.written(&[&key]).map_err(|e| self.unusable(&e))?;
        match written.persist_noclobber(&self.path) {
            Ok(_) => {
                self.sync_folder().map_err(|e| self.unusable(&e))?;
                Ok(key)
            }
            Err(failed) if failed.error.kind() == io::ErrorKind::AlreadyExists => {
                self.read()?.into_iter().next().ok_or_else(|| self.unusable(&failed.error))
            }
            Err(failed) => Err(self.unusable(&failed.error)),
        }
    }

    /// Puts these keys in place of those in the file. When this returns, they are
    /// on disk; a crash leaves either these or those.
    pub(in crate::store) fn replace(&self, keys: &[&Key]) -> Result<()> {
        let written = self.written(keys).map_err(|e| self.unusable(&e))?;
        written.persist(&self.path).map_err(|e| self.unusable(&e.error))?;
        self.sync_folder().map_err(|e| self.unusable(&e))
    }

    /// Adds keys to those in the file, each once.
    pub(in crate::store) fn add(&self, keys: &[Key]) -> Result<()> {
        let mut all = self.read()?;
        for key in keys {
            if all.iter().all(|other| other.id() != key.id()) {
                all.push(key.clone());
            }
        }
        self.replace(&all.iter().collect::<Vec<_>>())
    }

    /// Keeps others from changing the file for as long as what is returned lives:
    /// the lock is on the folder, because the file itself is replaced.
    pub(in crate::store) fn lock(&self) -> Result<File> {
        let folder = File::open(self.folder()).map_err(|e| self.unusable(&e))?;
        match folder.try_lock() {
            Ok(()) => Ok(folder),
            Err(TryLockError::WouldBlock) => Err(self.refused("another `nyala key rotate` is at it: wait for its end")),
            Err(TryLockError::Error(e)) => Err(self.unusable(&e)),
        }
    }

    /// A file beside it with these keys, on disk, for one user alone: whose the former
    /// one is, or the database. An administrator's command must not lock the server out.
    fn written(&self, keys: &[&Key]) -> io::Result<NamedTempFile> {
        let mut file = NamedTempFile::with_prefix_in(".nyala-key-", self.folder())?;
        for key in keys {
            writeln!(file, "{}", *key.text())?;
        }
        if let Ok(whose) = self.path.metadata().or_else(|_| self.database.metadata()) {
            fchown(&file, Some(whose.uid()), Some(whose.gid()))?;
        }
        file.as_file().sync_all()?;
        Ok(file)
    }

    fn sync_folder(&self) -> io::Result<()> {
        File::open(self.folder())?.sync_all()
    }

    fn folder(&self) -> &Path {
        self.path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
    }

    /// There is no file, but something that is sealed.
    pub(in crate::store) fn missing(&self, id: KeyId) -> StoreError {
        StoreError::Unusable(format!(
            "the secrets in {} are sealed with the key {id}, and the file with it is not there: put {} back from where \
             you keep a copy, or set NYALA_KEY",
            self.database.display(),
            self.path.display()
        ))
    }

    /// There is a file, but the key is not in it.
    pub(in crate::store) fn foreign(&self, id: KeyId) -> StoreError {
        StoreError::Unusable(format!(
            "the secrets in {} are sealed with the key {id}, which is not in {}: put back the key file that belongs to \
             this database, or set NYALA_KEY",
            self.database.display(),
            self.path.display()
        ))
    }

    fn refused(&self, why: &str) -> StoreError {
        StoreError::Unusable(format!("cannot use the key file {}: {why}", self.path.display()))
    }

    fn unusable(&self, error: &io::Error) -> StoreError {
        self.refused(&format!("{error}; check that this user may read it and write to its folder"))
    }
}
