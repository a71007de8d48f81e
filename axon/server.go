package axon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

// server is what Start adds to an Axon.
type server struct {
	mu   sync.Mutex
	http *http.Server  // guarded by mu; nil while stopped
	addr net.Addr      // guarded by mu
	done chan struct{} // guarded by mu; closed when Serve has returned
	err  error         // of Serve; set before done is closed
}

// ErrStarted reports an axon that serves already.
var ErrStarted = errors.New("axon: already started")

// Start listens on the IP and port of the settings and serves until Stop. An
// axon may be started again after it was stopped.
func (a *Axon) Start() error {
	host := strings.Trim(a.config.IP, "[]")
	if host == "::" {
		host = "" // every address, of both kinds
	}
	listener, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(a.config.Port))) //nolint:noctx // it does not wait
	if err != nil {
		return fmt.Errorf("axon: %w", err)
	}
	if err := a.StartOn(listener); err != nil {
		listener.Close()
		return err
	}
	return nil
}

// StartOn is Start with a listener, which Stop closes.
func (a *Axon) StartOn(listener net.Listener) error {
	s := &a.server
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.http != nil {
		return ErrStarted
	}
	c := &a.config
	s.http = &http.Server{
		Handler:           a,
		ReadHeaderTimeout: c.HeaderTimeout,
		IdleTimeout:       c.IdleTimeout,
		MaxHeaderBytes:    c.MaxHeader,
		TLSConfig:         c.TLS,
		Protocols:         onlyHTTP1(),
		ErrorLog:          slog.NewLogLogger(c.Logger.Handler(), slog.LevelDebug),
	}
	s.addr = listener.Addr()
	s.done, s.err = make(chan struct{}), nil
	server, done := s.http, s.done
	listener = limit(listener, c.MaxConnections)
	go func() {
		defer close(done)
		var err error
		if c.TLS != nil {
			err = server.ServeTLS(listener, "", "")
		} else {
			err = server.Serve(listener)
		}
		if !errors.Is(err, http.ErrServerClosed) {
			c.Logger.Error("axon stopped serving", "error", err)
			s.err = err
		}
	}()
	return nil
}

// onlyHTTP1 is all that neurons speak.
func onlyHTTP1() *http.Protocols {
	p := new(http.Protocols)
	p.SetHTTP1(true)
	return p
}

// Started tells whether the axon serves.
func (a *Axon) Started() bool {
	a.server.mu.Lock()
	defer a.server.mu.Unlock()
	return a.server.http != nil
}

// Addr returns where the axon listens, or nil while it is stopped.
func (a *Axon) Addr() net.Addr {
	a.server.mu.Lock()
	defer a.server.mu.Unlock()
	return a.server.addr
}

// Stop takes no more messages and waits for those that are being served. When
// the context ends first, it breaks their connections and returns the context's
// error. Stopping a stopped axon does nothing.
func (a *Axon) Stop(ctx context.Context) error {
	s := &a.server
	s.mu.Lock()
	server, done := s.http, s.done
	s.http, s.addr, s.done = nil, nil, nil
	s.mu.Unlock()
	if server == nil {
		return nil
	}
	err := server.Shutdown(ctx)
	if err != nil {
		_ = server.Close()
	}
	<-done
	return err
}

// Run starts the axon and serves until the context ends, then stops within the
// longest time that a message may still take, or Config.WriteTimeout if that is
// shorter.
func (a *Axon) Run(ctx context.Context) error {
	if err := a.Start(); err != nil {
		return err
	}
	a.server.mu.Lock()
	done := a.server.done
	a.server.mu.Unlock()
	select {
	case <-ctx.Done():
	case <-done:
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), min(a.config.MaxTimeout, a.config.WriteTimeout))
	defer cancel()
	err := a.Stop(grace)
	return errors.Join(a.server.err, err)
}

// limit bounds the connections that a listener has open at once. Those beyond
// wait in the backlog of the system.
func limit(listener net.Listener, connections int) net.Listener {
	return &limitedListener{Listener: listener, slots: make(chan struct{}, connections), closed: make(chan struct{})}
}

type limitedListener struct {
	net.Listener
	slots  chan struct{}
	closed chan struct{}
	once   sync.Once
}

func (l *limitedListener) Accept() (net.Conn, error) {
	select {
	case l.slots <- struct{}{}:
	case <-l.closed:
		return nil, net.ErrClosed
	}
	conn, err := l.Listener.Accept()
	if err != nil {
		<-l.slots
		return nil, err
	}
	return &limitedConn{Conn: conn, release: sync.OnceFunc(func() { <-l.slots })}, nil
}

func (l *limitedListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Listener.Close()
}

// limitedConn also waits with a deadline until somebody reads. net/http and the
// axon set several for each message, and most are replaced before a read could
// miss them.
type limitedConn struct {
	net.Conn
	release func()

	mu       sync.Mutex
	deadline time.Time // guarded by mu; for reads
	applied  time.Time // guarded by mu; the one that Conn has
	reads    int       // guarded by mu; under way
}

func (c *limitedConn) Close() error {
	defer c.release()
	return c.Conn.Close()
}

func (c *limitedConn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.Conn.SetWriteDeadline(t))
}

func (c *limitedConn) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.deadline = t
	if c.reads > 0 {
		return c.apply()
	}
	return nil
}

// apply gives Conn the deadline for reads, which also counts for those under way.
func (c *limitedConn) apply() error {
	if c.deadline.Equal(c.applied) {
		return nil
	}
	c.applied = c.deadline
	return c.Conn.SetReadDeadline(c.deadline)
}

func (c *limitedConn) Read(p []byte) (int, error) {
	c.mu.Lock()
	// So net/http stops the read with which it watches for the end of a connection.
	if !c.deadline.Equal(c.applied) && !c.deadline.IsZero() && !time.Now().Before(c.deadline) {
		c.mu.Unlock()
		return 0, os.ErrDeadlineExceeded
	}
	if err := c.apply(); err != nil {
		c.mu.Unlock()
		return 0, err
	}
	c.reads++
	c.mu.Unlock()
	n, err := c.Conn.Read(p)
	c.mu.Lock()
	c.reads--
	c.mu.Unlock()
	return n, err
}
