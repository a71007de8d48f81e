package pylon

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
)

// Client talks to one service. It is safe for concurrent use, and meant to be shared: it keeps connections, and what it
// has learnt of the service's identities. The API's versions are V1 and Unstable.
type Client struct {
	config  Config
	base    string // address without a slash at its end
	netuids [2]netuids
	neurons neuronClients

	mu      sync.Mutex // guards the opening and closing
	session atomic.Pointer[session]
}

// String returns the client's configuration without its secrets.
func (c *Client) String() string { return "pylon.Client" + c.config.String() }

// GoString returns what String returns.
func (c *Client) GoString() string { return c.String() }

// LogValue returns what String returns.
func (c *Client) LogValue() slog.Value { return slog.StringValue(c.String()) }

// session is what a client has between Open and Close.
type session struct {
	http  *http.Client
	slots chan struct{} // a request takes a place
	life  context.Context
	end   context.CancelFunc
	close func() // of the transport
}

// New returns an open client. It makes no request.
func New(config Config) (*Client, error) {
	base, err := config.validate()
	if err != nil {
		return nil, err
	}
	c := &Client{config: config.withDefaults(), base: base}
	if err := c.neurons.prepare(c.config); err != nil {
		return nil, err
	}
	return c, c.Open()
}

// Open opens a client again that was closed. An open one is an ErrOpen.
func (c *Client) Open() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.session.Load() != nil:
		return ErrOpen
	case c.base == "":
		return ErrClosed // it was not made by New
	}
	s := &session{slots: make(chan struct{}, c.config.MaxConnections)}
	s.life, s.end = context.WithCancel(context.Background())
	transport := c.config.Transport
	s.close = func() {}
	if transport == nil {
		pool := newTransport(c.config)
		transport, s.close = pool, pool.CloseIdleConnections
	}
	s.http = &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	c.session.Store(s)
	return nil
}

// Close ends the requests that are under way, which fail with ErrClosed, and closes all connections. A closed client is
// an ErrClosed.
func (c *Client) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.session.Swap(nil)
	if s == nil {
		return ErrClosed
	}
	s.end()
	s.close()
	c.neurons.closeAll()
	return nil
}

// opened returns the session of an open client.
func (c *Client) opened() (*session, error) {
	s := c.session.Load()
	if s == nil {
		return nil, ErrClosed
	}
	return s, nil
}
