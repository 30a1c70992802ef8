//! A TCP listener whose connections can be cut while a request is open.
//!
//! A client learns nothing worse than a connection reset after its request was carried out, so the sandbox must be
//! able to produce a real one. Each connection carries a switch; once it is thrown, the next write fails and the
//! socket is closed with a zero linger time, which the kernel turns into RST. An own accept loop over hyper would do
//! as well, at the price of doing again what `axum::serve` does; a body that errors before its first byte would not:
//! the status line may already have left.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

/// The listener.
pub(crate) struct Wire(pub(crate) TcpListener);

/// One connection with its switch.
pub(crate) struct Line {
    stream: TcpStream,
    cut: Arc<AtomicBool>,
}

/// What a handler knows of its connection.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    cut: Arc<AtomicBool>,
}

impl Caller {
    /// The connection is reset at its next write; whatever the handler answers never leaves.
    pub(crate) fn cut(&self) {
        self.cut.store(true, Ordering::Release);
    }
}

impl Listener for Wire {
    type Io = Line;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Line, SocketAddr) {
        let (stream, addr) = Listener::accept(&mut self.0).await;
        // Nagle's delay would dominate every small answer; failing to switch it off only costs time.
        stream.set_nodelay(true).ok();
        (
            Line {
                stream,
                cut: Arc::default(),
            },
            addr,
        )
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

impl Connected<IncomingStream<'_, Wire>> for Caller {
    fn connect_info(stream: IncomingStream<'_, Wire>) -> Self {
        Self {
            cut: Arc::clone(&stream.io().cut),
        }
    }
}

impl Line {
    fn check(&self) -> io::Result<()> {
        if self.cut.load(Ordering::Acquire) {
            self.stream.set_zero_linger().ok();
            return Err(io::Error::from(io::ErrorKind::ConnectionReset));
        }
        Ok(())
    }
}

impl AsyncRead for Line {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.check()?;
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Line {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.check()?;
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check()?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check()?;
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.check()?;
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
