//! The endpoint that Prometheus reads: `/metrics`, and `/health` for whoever keeps the server running.
//! Plain HTTP on an address of its own; it changes nothing.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

use crate::metrics::Metrics;

/// Readers at once; the next waits in the system's queue.
const MAX_READERS: usize = 8;

/// How long one reader may take in all.
const READER_TIMEOUT: Duration = Duration::from_secs(10);

/// How long no reader is taken when the system has no room for one.
const BACK_OFF: Duration = Duration::from_millis(500);

/// What OpenMetrics text is called.
const METRICS_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Answers readers; the caller stops it by dropping the future.
pub(crate) async fn serve(listener: TcpListener, metrics: Arc<Metrics>) {
    let readers = Arc::new(Semaphore::new(MAX_READERS));
    loop {
        let Ok(place) = Arc::clone(&readers).acquire_owned().await else { return };
        let stream = match listener.accept().await {
            Ok((stream, _remote)) => stream,
            Err(err) => {
                tracing::warn!(%err, "no reader of metrics can be taken now");
                sleep(BACK_OFF).await;
                continue;
            }
        };
        let metrics = Arc::clone(&metrics);
        tokio::spawn(async move {
            let answer = service_fn(move |request| {
                let response = answer(&request, &metrics);
                async move { Ok::<_, Infallible>(response) }
            });
            let connection = hyper::server::conn::http1::Builder::new()
                .timer(TokioTimer::new())
                .keep_alive(false)
                .serve_connection(TokioIo::new(stream), answer);
            if let Ok(Err(err)) = timeout(READER_TIMEOUT, connection).await {
                tracing::debug!(%err, "a reader of metrics failed");
            }
            drop(place);
        });
    }
}

fn answer(request: &Request<Incoming>, metrics: &Metrics) -> Response<Full<Bytes>> {
    let (status, body, kind) = match (request.method(), request.uri().path()) {
        (&Method::GET | &Method::HEAD, "/metrics") => (StatusCode::OK, metrics.text(), METRICS_TYPE),
        (&Method::GET | &Method::HEAD, "/health") => (StatusCode::OK, "ok\n".to_owned(), "text/plain"),
        _ => (StatusCode::NOT_FOUND, "there are /metrics and /health\n".to_owned(), "text/plain"),
    };
    let mut response = Response::new(Full::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}
