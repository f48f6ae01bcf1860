//! Looks names up and keeps to the addresses that may be reached, so that what is connected to is what was looked at.

use crate::model::address::{Allowed, is_public};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

/// A host that may not be reached.
#[derive(Debug, thiserror::Error)]
#[error(
    "{0} is no address of the public internet: the operator of this server can admit it with --webhook-allow"
)]
pub(super) struct Refused(pub String);

/// The resolver of a client that reaches public addresses, and what the operator admits.
pub(super) struct Guard {
    pub allowed: Arc<[Allowed]>,
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let allowed = self.allowed.clone();
        Box::pin(async move {
            let host = name.as_str();
            let any = allowed.iter().any(|allowed| allowed.admits_host(host));
            let found: Vec<SocketAddr> = tokio::net::lookup_host((host, 0)).await?.collect();
            let admitted = |found: &SocketAddr| any || admits(&allowed, found.ip());
            let reachable: Vec<_> = found.into_iter().filter(admitted).collect();
            match reachable.is_empty() {
                true => Err(Refused(host.to_owned()).into()),
                false => Ok(Box::new(reachable.into_iter()) as Addrs),
            }
        })
    }
}

pub(super) fn admits(allowed: &[Allowed], address: IpAddr) -> bool {
    is_public(address) || allowed.iter().any(|allowed| allowed.admits_address(address))
}
