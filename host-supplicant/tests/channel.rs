//! The supplicant behind a socket: served, and never believed.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::thread;

use host_supplicant::{Config, ReeChannel, Supplicant, TaSource, serve};
use tee_abi::ree::{Ree, Reply, Request};
use tee_abi::{TeeResult, Uuid};

fn served(config: Config) -> (ReeChannel, thread::JoinHandle<()>) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let server = thread::spawn(move || {
        let mut supplicant = Supplicant::new(config).unwrap();
        serve(theirs, &mut supplicant).unwrap();
    });
    (ReeChannel::new(ours), server)
}

#[test]
fn requests_are_answered_until_the_world_ends() {
    let (mut ree, server) = served(Config::default());
    let create = Request::FileCreate { name: "0".into() };
    let Ok(Reply::File(file)) = ree.call(create) else {
        panic!()
    };
    let data = vec![7; 3 << 20];
    let write = Request::FileWrite {
        file,
        extents: vec![(5, data.clone())],
        sync: true,
    };
    assert_eq!(ree.call(write), Ok(Reply::Done));
    let read = Request::FileRead {
        file,
        extents: vec![(5, 3 << 20)],
    };
    assert_eq!(ree.call(read), Ok(Reply::Extents(vec![data])));
    let Ok(Reply::Time { seconds, .. }) = ree.call(Request::Time) else {
        panic!()
    };
    assert!(seconds > 1_600_000_000);
    drop(ree);
    server.join().unwrap();
}

#[test]
fn tas_are_found_on_the_path_in_order() {
    let dir = tempfile::TempDir::new().unwrap();
    let uuid = Uuid([0xab; 16]);
    let other = Uuid([0xcd; 16]);
    let single = dir.path().join("any-name.ta");
    std::fs::write(dir.path().join(format!("{uuid}.ta")), b"from the directory").unwrap();
    std::fs::write(&single, b"the file").unwrap();
    let (mut ree, _server) = served(Config {
        ta_path: vec![
            TaSource::Directory(dir.path().join("absent")),
            TaSource::File(other, single),
            TaSource::Directory(dir.path().to_owned()),
        ],
        ..Config::default()
    });
    let mut load = |uuid| ree.call(Request::LoadTa { uuid });
    assert_eq!(load(uuid), Ok(Reply::Data(b"from the directory".to_vec())));
    assert_eq!(load(other), Ok(Reply::Data(b"the file".to_vec())));
    assert_eq!(load(Uuid::NIL), Err(TeeResult::ERROR_ITEM_NOT_FOUND));
}

/// A supplicant that answers every request with these bytes.
fn hostile(answer: Vec<u8>) -> ReeChannel {
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    thread::spawn(move || {
        let mut request = [0; 64];
        let _ = theirs.read(&mut request);
        let _ = theirs.write_all(&answer);
    });
    ReeChannel::new(ours)
}

fn framed(body: &[u8]) -> Vec<u8> {
    [&(body.len() as u32).to_le_bytes()[..], body].concat()
}

#[test]
fn nonsense_ends_the_channel() {
    let lost = Err(TeeResult::ERROR_COMMUNICATION);
    let success_as_error: Result<Reply, TeeResult> = Err(TeeResult::SUCCESS);
    let answers = [
        Vec::new(),
        vec![1],
        vec![0xFF; 4],
        framed(b""),
        framed(&[0xFF; 16]),
        framed(&[0, 0, 0]),
        framed(&postcard::to_allocvec(&success_as_error).unwrap()),
        // A vector that claims more than the frame holds.
        framed(&[0, 2, 0xFF, 0xFF, 0xFF, 0x7F]),
        [9, 0, 0, 0, 1].to_vec(),
    ];
    for answer in answers {
        let mut ree = hostile(answer.clone());
        assert_eq!(ree.call(Request::Time), lost, "{answer:?}");
        assert_eq!(ree.call(Request::Time), lost, "again after {answer:?}");
    }
}
