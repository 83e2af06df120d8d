//! The HTTP server: metrics, probes, the API, the page. It shows what is there. What it can change: the policy, by reading the
//! configuration again, and what people said of alerts. It never changes a judgement.
//!
//! It runs on threads of its own and takes no lock that the judgement waits for longer than it takes to copy a pointer.
//! Everything about a path is in its line of `routes`: who may ask, what is answered, how it is described.

mod alerts;
mod answer;
mod api;
mod connections;
mod guard;
mod openapi;
mod page;
mod probes;
mod remarks;
mod routes;
mod session;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;

use tokio::sync::oneshot;

pub use guard::Access;

use crate::clock::wall_clock;
use crate::config::{Changes, Problems};
use crate::engine::time::Timestamp;
use crate::service::View;

/// Threads that make answers, so that a long list never holds up a probe.
const ANSWERING_THREADS: usize = 2;

/// Reads the configuration again: what holds from now on, or what is wrong with it.
pub type Reloading = Arc<dyn Fn() -> Result<Changes, Problems> + Send + Sync>;

/// What everything that is served is made from.
struct Site {
    view: View,
    access: Access,
    /// Whether nobody but this machine can reach the server.
    is_local: bool,
    reloading: Option<Reloading>,
    /// The time of the wall clock: alerts are in event time, people are not.
    clock: fn() -> Timestamp,
}

/// A running server. It stops when it is dropped.
pub struct Server {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Listens at `listen` (`host:port`) and serves what `view` shows, without a token and without reloads.
    ///
    /// # Errors
    /// The address cannot be listened at.
    pub fn start(listen: &str, view: View) -> io::Result<Self> {
        Self::start_with(listen, view, Access::default(), None)
    }

    /// The same for those who have `access`. `reloading` is called to read the configuration again.
    ///
    /// # Errors
    /// The address cannot be listened at.
    pub fn start_with(listen: &str, view: View, access: Access, reloading: Option<Reloading>) -> io::Result<Self> {
        Self::start_at(listen, view, access, reloading, wall_clock)
    }

    /// The same by another clock.
    fn start_at(
        listen: &str,
        view: View,
        access: Access,
        reloading: Option<Reloading>,
        clock: fn() -> Timestamp,
    ) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .max_blocking_threads(ANSWERING_THREADS)
            .build()?;
        let listener = runtime.block_on(tokio::net::TcpListener::bind(listen))?;
        let address = listener.local_addr()?;
        let is_local = address.ip().to_canonical().is_loopback();
        let routes = routes::router(Arc::new(Site { view, access, is_local, reloading, clock }));
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = std::thread::Builder::new().name("http".into()).spawn(move || {
            runtime.block_on(connections::serve(listener, routes, stopped));
            // Whoever is still being answered is not waited for.
            runtime.shutdown_background();
        })?;
        Ok(Self { address, stop: Some(stop), thread: Some(thread) })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic in there has been printed already.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests;
