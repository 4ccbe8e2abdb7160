//! What the doors share.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use actors::node::Node;

use crate::config::GatewaySettings;
use crate::meter::Meter;
use crate::ws::Sockets;

/// A handle to what the doors share.
#[derive(Clone)]
pub struct Gate(Arc<Shared>);

/// What the doors share.
pub struct Shared {
    /// What answers.
    pub node: Node,
    /// The open sockets.
    pub sockets: Sockets,
    /// The bounds.
    pub settings: GatewaySettings,
    /// The counters.
    pub meter: Meter,
    draining: AtomicBool,
}

impl Gate {
    /// Puts a gate in front of a node.
    #[must_use]
    pub fn new(node: Node, settings: GatewaySettings) -> Self {
        Self(Arc::new(Shared {
            node,
            sockets: Sockets::default(),
            settings,
            meter: Meter::new(),
            draining: AtomicBool::new(false),
        }))
    }

    /// Whether this node is going away and takes nobody new.
    #[must_use]
    pub fn draining(&self) -> bool {
        self.0.draining.load(Ordering::Acquire)
    }

    /// Takes nobody new from now on.
    pub fn begin_drain(&self) {
        self.0.draining.store(true, Ordering::Release);
    }
}

impl Deref for Gate {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}
