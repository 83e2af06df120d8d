//! Connections: so many at once, none of them for ever, none that is slow to ask. Knows nothing of what is served.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, oneshot};
use tokio::time::{sleep, timeout};

/// Connections at once; more wait to be accepted.
const CONNECTIONS_MAX: usize = 256;
/// The longest a request may take to arrive, also the longest silence between two.
const ARRIVAL_MAX: Duration = Duration::from_secs(30);
/// The longest request, in bytes, headers included.
const REQUEST_BYTES_MAX: usize = 16 * 1_024;
/// After so long a connection takes no further request.
const AGE_MAX: Duration = Duration::from_secs(600);
/// And after so long again it is cut, whoever has not read its answer by then.
const FAREWELL: Duration = Duration::from_secs(30);
/// What to wait when no connection can be accepted: out of file descriptors, say.
const RETRY: Duration = Duration::from_millis(200);

/// Serves until `stopped`; whoever is still connected then is not waited for.
pub(super) async fn serve(listener: TcpListener, routes: Router, stopped: oneshot::Receiver<()>) {
    tokio::select! {
        () = accept(listener, routes) => {}
        _ = stopped => {}
    }
}

async fn accept(listener: TcpListener, routes: Router) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    // It is never closed.
    while let Ok(place) = places.clone().acquire_owned().await {
        match listener.accept().await {
            Ok((stream, _)) => {
                let routes = routes.clone();
                tokio::spawn(async move {
                    attend(stream, routes).await;
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!("no connection can be accepted: {error}");
                sleep(RETRY).await;
            }
        }
    }
}

/// Serves one connection. What goes wrong with it is the client's to notice.
async fn attend(stream: TcpStream, routes: Router) {
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(ARRIVAL_MAX)
        .max_buf_size(REQUEST_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(routes));
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        _ = connection.as_mut() => return,
        () = sleep(AGE_MAX) => {}
    }
    connection.as_mut().graceful_shutdown();
    let _ = timeout(FAREWELL, connection).await;
}
