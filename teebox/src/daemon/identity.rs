//! Who a client is to a TA: login method and UUID, derived as Linux's TEE driver does.
//!
//! Source: Linux, `drivers/tee/tee_core.c` (`tee_session_calc_client_uuid`); the results are those
//! of libteec for the driver's errno (EPERM is GENERIC, EINVAL is BAD_PARAMETERS).

use ring::digest::{Context, SHA1_FOR_LEGACY_USE_ONLY};
use tee_abi::client::{CLIENT_UUID_NAMESPACE, LOGIN_REE_KERNEL_MAX, LOGIN_REE_KERNEL_MIN};
use tee_abi::param::{Identity, Login};
use tee_abi::{TeeResult, Uuid};
use tee_channel::Peer;

/// The identity that a client gets for a login method.
///
/// # Errors
/// What libteec answers, with origin COMMS: GENERIC for a group that the client is no member of and
/// for the kernel's own methods, BAD_PARAMETERS for methods that mainline Linux does not know.
pub fn identity(peer: &Peer, login: u32, group: u32) -> Result<Identity, TeeResult> {
    let login = Login(login);
    let uuid = match login {
        Login::PUBLIC => Uuid::NIL,
        Login::USER => client_uuid(&format!("uid={:x}", peer.uid)),
        Login::GROUP if is_member(peer, group) => client_uuid(&format!("gid={group:x}")),
        Login::GROUP => return Err(TeeResult::ERROR_GENERIC),
        Login(LOGIN_REE_KERNEL_MIN..=LOGIN_REE_KERNEL_MAX) => {
            return Err(TeeResult::ERROR_GENERIC);
        }
        _ => return Err(TeeResult::ERROR_BAD_PARAMETERS),
    };
    Ok(Identity { login, uuid })
}

fn is_member(peer: &Peer, group: u32) -> bool {
    group != u32::MAX && (group == peer.gid || peer.groups.contains(&group))
}

/// A version 5 UUID in Linux's name space for TEE clients.
fn client_uuid(name: &str) -> Uuid {
    let mut hash = Context::new(&SHA1_FOR_LEGACY_USE_ONLY);
    hash.update(&CLIENT_UUID_NAMESPACE.0);
    hash.update(name.as_bytes());
    let mut octets = [0; 16];
    for (octet, byte) in octets.iter_mut().zip(hash.finish().as_ref()) {
        *octet = *byte;
    }
    octets[6] = (octets[6] & 0x0f) | 0x50;
    octets[8] = (octets[8] & 0x3f) | 0x80;
    Uuid(octets)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer() -> Peer {
        Peer {
            pid: 1,
            uid: 1000,
            gid: 100,
            groups: vec![27, 0x20],
        }
    }

    #[test]
    fn users_and_groups_get_the_uuids_that_linux_gives_them() {
        // Python: uuid.uuid5(uuid.UUID("58ac9ca0-2086-4683-a1b8-ec4bc08e01b6"), "uid=3e8")
        let user = identity(&peer(), 1, 0).unwrap();
        assert_eq!(
            user.uuid.to_string(),
            "fc34275c-d8dd-5ba7-968b-504718363b87"
        );
        let group = identity(&peer(), 2, 0x20).unwrap();
        assert_eq!(
            group.uuid.to_string(),
            "91663775-ddc6-571e-9ae5-0581b1f33187"
        );
        assert_eq!(identity(&peer(), 2, 100).unwrap().login, Login::GROUP);
        assert_eq!(identity(&peer(), 0, 7), Ok(Identity::PUBLIC));
    }

    #[test]
    fn what_linux_refuses_is_refused_alike() {
        for (login, group, result) in [
            (2, 28, TeeResult::ERROR_GENERIC),
            (2, u32::MAX, TeeResult::ERROR_GENERIC),
            (0x8000_0000, 0, TeeResult::ERROR_GENERIC),
            (0xBFFF_FFFF, 0, TeeResult::ERROR_GENERIC),
            (0xF000_0000, 0, TeeResult::ERROR_BAD_PARAMETERS),
            (3, 0, TeeResult::ERROR_BAD_PARAMETERS),
            (4, 0, TeeResult::ERROR_BAD_PARAMETERS),
            (5, 0, TeeResult::ERROR_BAD_PARAMETERS),
            (6, 100, TeeResult::ERROR_BAD_PARAMETERS),
        ] {
            assert_eq!(identity(&peer(), login, group), Err(result), "{login:#x}");
        }
    }
}
