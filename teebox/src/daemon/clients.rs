//! The daemon's side of a context: who the client is, and the sessions it asks for.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::rc::Rc;
use std::time::Duration;

use tee_abi::Origin;
use tee_abi::wire::{ClientReply, ClientRequest, VERSION};
use tee_channel::{Packet, Peer, ReceiveError, Socket};
use tokio::io::unix::AsyncFd;

use super::World;
use super::identity::identity;
use super::readiness::watched;

/// A pause after the host had no descriptor left for a new client.
const PAUSE: Duration = Duration::from_millis(20);

/// Takes clients for as long as the world lives.
pub(super) async fn accept(world: Rc<World>, listener: Socket) {
    let Ok(listener) = watched(listener) else {
        return;
    };
    loop {
        let Ok(mut guard) = listener.readable().await else {
            return;
        };
        match guard.try_io(|listener| listener.get_ref().accept()) {
            Ok(Ok(client)) => {
                tokio::task::spawn_local(serve(Rc::clone(&world), client));
            }
            Ok(Err(_)) => tokio::time::sleep(PAUSE).await,
            Err(_would_block) => {}
        }
    }
}

/// Serves one client until it is gone or breaks the rules.
async fn serve(world: Rc<World>, client: Socket) {
    let Ok(peer) = client.peer() else {
        return;
    };
    let Ok(client) = watched(client) else {
        return;
    };
    while let Some(packet) = receive(&client).await {
        let (reply, fds) = answer(&world, &peer, packet.message).await;
        let fds: Vec<_> = fds.iter().map(OwnedFd::as_fd).collect();
        // A client that does not take its answers is not worth waiting for.
        if client.get_ref().try_send(&reply, &fds).is_err() {
            return;
        }
    }
}

async fn receive(client: &AsyncFd<Socket>) -> Option<Packet<ClientRequest>> {
    loop {
        let mut guard = client.readable().await.ok()?;
        let received = guard.try_io(|client| match client.get_ref().try_receive() {
            Err(ReceiveError::Empty) => Err(io::ErrorKind::WouldBlock.into()),
            other => Ok(other),
        });
        if let Ok(received) = received {
            return received.ok()?.ok();
        }
    }
}

async fn answer(
    world: &Rc<World>,
    peer: &Peer,
    request: ClientRequest,
) -> (ClientReply, Vec<OwnedFd>) {
    match request {
        ClientRequest::Hello { .. } => (ClientReply::Welcome { version: VERSION }, Vec::new()),
        ClientRequest::Open { uuid, login, group } => {
            let identity = match identity(peer, login, group) {
                Ok(identity) => identity,
                Err(result) => {
                    let origin = Origin::Comms;
                    return (ClientReply::Refused { result, origin }, Vec::new());
                }
            };
            match world.open(uuid, identity).await {
                Ok(opened) => {
                    let session = opened.session;
                    (ClientReply::Opened { session }, opened.fds)
                }
                Err(result) => {
                    let origin = Origin::Tee;
                    (ClientReply::Refused { result, origin }, Vec::new())
                }
            }
        }
    }
}
