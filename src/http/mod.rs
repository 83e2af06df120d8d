//! The HTTP server: metrics and probes. It shows what is there and changes nothing.
//!
//! It runs on a thread of its own and takes no lock that the judgement waits for longer than a scrape lasts.

use std::future::IntoFuture;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::sync::oneshot;

use crate::service::View;
use crate::service::health::{SILENCE_MAX, Stage};

/// What Prometheus expects of its text format.
const METRICS_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// A running server. It stops when it is dropped.
pub struct Server {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Listens at `listen` (`host:port`) and serves what `view` shows.
    ///
    /// # Errors
    /// The address cannot be listened at.
    pub fn start(listen: &str, view: View) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
        let listener = runtime.block_on(tokio::net::TcpListener::bind(listen))?;
        let address = listener.local_addr()?;
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = std::thread::Builder::new().name("http".into()).spawn(move || {
            let served = runtime.block_on(serve(listener, routes(view), stopped));
            if let Err(error) = served {
                tracing::error!("the HTTP server ended: {error}");
            }
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

/// Serves until `stopped`; whoever is still connected then is not waited for.
async fn serve(listener: tokio::net::TcpListener, routes: Router, stopped: oneshot::Receiver<()>) -> io::Result<()> {
    tokio::select! {
        served = axum::serve(listener, routes).into_future() => served,
        _ = stopped => Ok(()),
    }
}

fn routes(view: View) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
        .route("/-/healthy", get(healthy))
        .route("/-/ready", get(ready))
        .with_state(Arc::new(view))
}

async fn metrics(State(view): State<Arc<View>>) -> Response {
    match view.metrics.render() {
        Ok(text) => ([(header::CONTENT_TYPE, METRICS_TYPE)], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response(),
    }
}

/// Whether the main loop moves. If not, only a restart helps.
async fn healthy(State(view): State<Arc<View>>) -> Response {
    let silence = view.health.silence();
    // Waiting for a broker at the start has a limit of its own.
    if silence <= SILENCE_MAX || view.health.stage() == Stage::Connecting {
        return "healthy\n".into_response();
    }
    (StatusCode::SERVICE_UNAVAILABLE, format!("the main loop has stood still for {} s\n", silence.as_secs())).into_response()
}

/// Whether records are judged. How far behind it is does not count: that is what metrics are for.
async fn ready(State(view): State<Arc<View>>) -> Response {
    match view.health.stage() {
        Stage::Running => "ready\n".into_response(),
        stage => (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {}\n", stage.as_str())).into_response(),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpStream;

    use super::*;

    fn ask(address: SocketAddr, path: &str) -> String {
        let mut stream = TcpStream::connect(address).expect("listening");
        write!(stream, "GET {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n").expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("answered");
        answer
    }

    #[test]
    fn probes_follow_the_service() {
        let view = View::new().expect("valid metrics");
        let server = Server::start("127.0.0.1:0", view.clone()).expect("a free port");
        assert!(ask(server.address(), "/-/healthy").starts_with("HTTP/1.1 200 "));
        let answer = ask(server.address(), "/-/ready");
        assert!(answer.starts_with("HTTP/1.1 503 ") && answer.ends_with("not ready: connecting to the brokers\n"), "{answer}");
        view.health.enter(Stage::Running);
        assert!(ask(server.address(), "/-/ready").starts_with("HTTP/1.1 200 "));
        assert!(ask(server.address(), "/nothing").starts_with("HTTP/1.1 404 "));
        let answer = ask(server.address(), "/metrics");
        assert!(answer.contains("content-type: text/plain; version=0.0.4"), "{answer}");
        assert!(answer.contains("dialwatch_records_total{result=\"applied\",stream=\"calls\"} 0"), "{answer}");

        let address = server.address();
        drop(server);
        assert!(TcpStream::connect(address).is_err(), "a dropped server listens no more");
    }

    #[test]
    fn an_address_that_is_taken_is_an_error() {
        let view = View::new().expect("valid metrics");
        let server = Server::start("127.0.0.1:0", view.clone()).expect("a free port");
        assert!(Server::start(&server.address().to_string(), view).is_err());
    }
}
