//! Storage files in a host directory: names stay within it, one world at a time, the host's errors.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;

use host_supplicant::{Config, Durability, OpenError, StoragePlace, Supplicant};
use tee_abi::TeeResult;
use tee_abi::ree::{Ree, ReeFile, Reply, Request};
use tempfile::TempDir;

fn supplicant(dir: &Path) -> Result<Supplicant, OpenError> {
    let storage = StoragePlace::Directory(dir.to_owned(), Durability::Synced);
    Supplicant::new(Config {
        storage,
        ..Config::default()
    })
}

fn file(reply: Result<Reply, TeeResult>) -> ReeFile {
    match reply {
        Ok(Reply::File(file)) => file,
        other => panic!("{other:?}"),
    }
}

fn named(name: &str) -> Request {
    Request::FileCreate {
        name: name.to_owned(),
    }
}

fn open(name: &str) -> Request {
    Request::FileOpen {
        name: name.to_owned(),
    }
}

fn write(file: ReeFile, at: u64, data: &[u8]) -> Request {
    Request::FileWrite {
        file,
        extents: vec![(at, data.to_vec())],
        sync: true,
    }
}

#[test]
fn what_is_written_is_there_and_for_the_owner_only() {
    let dir = TempDir::new().unwrap();
    let storage = dir.path().join("deep/storage");
    let mut ree = supplicant(&storage).unwrap();
    let created = file(ree.call(named("1f")));
    ree.call(write(created, 4, b"text")).unwrap();
    let read = Request::FileRead {
        file: created,
        extents: vec![(0, 6), (6, 100), (100, 1)],
    };
    let expected = vec![b"\0\0\0\0te".to_vec(), b"xt".to_vec(), Vec::new()];
    assert_eq!(ree.call(read), Ok(Reply::Extents(expected)));
    let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o777;
    assert_eq!(mode(&storage), 0o700);
    assert_eq!(mode(&storage.join("1f")), 0o600);
}

#[test]
fn names_do_not_leave_the_directory() {
    let dir = TempDir::new().unwrap();
    let storage = dir.path().join("storage");
    let mut ree = supplicant(&storage).unwrap();
    fs::write(dir.path().join("outside"), b"mine").unwrap();
    symlink("../outside", storage.join("link")).unwrap();
    for name in [
        "",
        ".",
        "..",
        ".hidden",
        "../outside",
        "/etc/passwd",
        "a/b",
        "a\0b",
    ] {
        let refused = Err(TeeResult::ERROR_BAD_PARAMETERS);
        assert_eq!(ree.call(open(name)), refused, "{name:?}");
        assert_eq!(ree.call(named(name)), refused, "{name:?}");
    }
    let denied = Err(TeeResult::ERROR_ACCESS_DENIED);
    assert_eq!(ree.call(open("link")), denied);
    assert_eq!(ree.call(named("link")), denied);
    assert_eq!(fs::read(dir.path().join("outside")).unwrap(), b"mine");
}

#[test]
fn only_regular_files_are_opened() {
    let dir = TempDir::new().unwrap();
    let mut ree = supplicant(dir.path()).unwrap();
    fs::create_dir(dir.path().join("sub")).unwrap();
    assert!(ree.call(open("sub")).is_err());
}

#[test]
fn a_second_world_on_the_directory_is_refused() {
    let dir = TempDir::new().unwrap();
    let first = supplicant(dir.path()).unwrap();
    let error = supplicant(dir.path()).unwrap_err();
    assert!(matches!(error, OpenError::InUse(_)));
    let message = error.to_string();
    assert!(message.contains("in use by another world"), "{message}");
    assert!(message.contains(dir.path().to_str().unwrap()), "{message}");
    drop(first);
    supplicant(dir.path()).unwrap();
}

#[test]
fn what_is_no_directory_is_refused_with_its_name() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("file");
    fs::write(&path, b"").unwrap();
    let message = supplicant(&path).unwrap_err().to_string();
    assert!(message.contains(path.to_str().unwrap()), "{message}");
}

#[test]
fn removing_and_renaming_are_by_name() {
    let dir = TempDir::new().unwrap();
    let mut ree = supplicant(dir.path()).unwrap();
    for name in ["a", "b"] {
        let created = file(ree.call(named(name)));
        ree.call(write(created, 0, name.as_bytes())).unwrap();
        ree.call(Request::FileClose { file: created }).unwrap();
    }
    let rename = Request::FileRename {
        from: "a".into(),
        to: "b".into(),
    };
    ree.call(rename).unwrap();
    ree.call(Request::DirSync).unwrap();
    assert_eq!(fs::read(dir.path().join("b")).unwrap(), b"a");
    assert_eq!(
        ree.call(Request::DirList),
        Ok(Reply::Names(vec!["b".into()]))
    );
    let remove = Request::FileRemove { name: "b".into() };
    ree.call(remove.clone()).unwrap();
    assert_eq!(ree.call(remove), Err(TeeResult::ERROR_ITEM_NOT_FOUND));
}

#[test]
fn a_file_that_cannot_be_written_to_can_be_read() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("0");
    fs::write(&path, b"read me").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).unwrap();
    let mut ree = supplicant(dir.path()).unwrap();
    let opened = file(ree.call(open("0")));
    let extents = vec![(0, 7)];
    let read = Request::FileRead {
        file: opened,
        extents,
    };
    assert_eq!(
        ree.call(read),
        Ok(Reply::Extents(vec![b"read me".to_vec()]))
    );
}

#[test]
fn a_closed_file_is_unknown() {
    let dir = TempDir::new().unwrap();
    let mut ree = supplicant(dir.path()).unwrap();
    let created = file(ree.call(named("x")));
    ree.call(Request::FileClose { file: created }).unwrap();
    let unknown = Err(TeeResult::ERROR_BAD_PARAMETERS);
    assert_eq!(ree.call(write(created, 0, b"")), unknown);
    assert_eq!(ree.call(Request::FileClose { file: created }), unknown);
}
