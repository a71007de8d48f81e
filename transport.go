package pylon

import (
	"context"
	"errors"
	"net"
	"net/http"
	"time"
)

// idleTime is how long a connection is kept that nobody uses. Services keep theirs longer, so that none is closed in the
// moment in which it is used.
const idleTime = 5 * time.Second

// newTransport returns a pool of connections.
func newTransport(config Config) *http.Transport {
	dialer := &net.Dialer{Timeout: config.Timeouts.Connect}
	return &http.Transport{
		Proxy: http.ProxyFromEnvironment,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := dialer.DialContext(ctx, network, address)
			if err != nil {
				return nil, &dialError{err}
			}
			return &patientConn{Conn: conn, patience: config.Timeouts.Write}, nil
		},
		TLSHandshakeTimeout: config.Timeouts.Connect,
		MaxIdleConnsPerHost: min(config.MaxConnections, 20),
		IdleConnTimeout:     idleTime,
		// More than the service ever sends.
		MaxResponseHeaderBytes: 64 << 10,
	}
}

// dialError marks errors of opening a connection.
type dialError struct{ error }

func (e *dialError) Unwrap() error { return e.error }

// Timeout is what net/http asks errors for.
func (e *dialError) Timeout() bool { return isTimeout(e.error) }

// patientConn bounds the time that each write may take.
type patientConn struct {
	net.Conn
	patience time.Duration
}

func (c *patientConn) Write(p []byte) (int, error) {
	if err := c.SetWriteDeadline(time.Now().Add(c.patience)); err != nil {
		return 0, err
	}
	n, err := c.Conn.Write(p)
	if err != nil {
		return n, &writeError{err}
	}
	return n, nil
}

// writeError marks errors of sending a request.
type writeError struct{ error }

func (e *writeError) Unwrap() error { return e.error }

// Timeout is what net/http asks errors for.
func (e *writeError) Timeout() bool { return isTimeout(e.error) }

func isTimeout(err error) bool {
	var network net.Error
	return errors.As(err, &network) && network.Timeout()
}
