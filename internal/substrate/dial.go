package substrate

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"
)

// lastRead tells when something last came in, as the time since it was made, and whether anything can still come.
type lastRead struct {
	start time.Time
	at    atomic.Int64
	ended atomic.Bool
}

func (l *lastRead) since(t time.Time) bool { return l.at.Load() > int64(t.Sub(l.start)) }

// watchedConn notes every read: a large answer that is still arriving is a sign of life, though the pong is behind it.
type watchedConn struct {
	net.Conn
	last *lastRead
}

func (w watchedConn) Read(p []byte) (int, error) {
	n, err := w.Conn.Read(p)
	if n > 0 {
		w.last.at.Store(int64(time.Since(w.last.start)))
	}
	if err != nil {
		w.last.ended.Store(true)
	}
	return n, err
}

// dialer opens WebSockets.
type dialer struct {
	// tcp opens a TCP connection. Tests put a pipe in its place.
	tcp func(ctx context.Context, network, address string) (net.Conn, error)
	tls *tls.Config
}

func newDialer() dialer {
	return dialer{tcp: new(net.Dialer).DialContext, tls: &tls.Config{MinVersion: tls.VersionTLS12}}
}

// dial opens a WebSocket.
//
// permessage-deflate is not offered: the nodes' servers (jsonrpsee) do not have it, hexadecimal digits would gain little
// on a link worth having, and a compressed frame lets a peer make us unpack a thousand times of what it sent.
func (d *dialer) dial(ctx context.Context, e *endpoint, last *lastRead) (*websocket.Conn, error) {
	transport := &http.Transport{
		Proxy: http.ProxyFromEnvironment,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			c, err := d.tcp(ctx, network, address)
			if err != nil {
				return nil, err
			}
			return watchedConn{c, last}, nil
		},
		TLSClientConfig:        d.tls.Clone(),
		MaxResponseHeaderBytes: 64 << 10,
		// Of what was dialled, only a WebSocket stays open, and that is no longer the transport's.
		DisableKeepAlives: true,
	}
	ws, _, err := websocket.Dial(ctx, e.url, &websocket.DialOptions{ //nolint:bodyclose // Dial has replaced the body
		HTTPClient: &http.Client{
			Transport: transport,
			// A redirect could carry credentials elsewhere.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		CompressionMode: websocket.CompressionDisabled,
	})
	if err != nil {
		// The text of a url.Error holds the whole address.
		if u, ok := errors.AsType[*url.Error](err); ok {
			err = u.Err
		}
		return nil, err
	}
	return ws, nil
}
