package faulttest

import (
	"context"
	"io"
	"math/rand/v2"
	"net"
	"net/url"
	"sync"
	"testing"
	"time"
)

// Faults are what a Proxy does to connections. The zero value forwards everything.
type Faults struct {
	// Refuse resets new connections at once. Open ones go on.
	Refuse bool
	// Freeze forwards nothing in either direction and keeps connections open, new ones too.
	Freeze bool
	// Latency holds back what the server sends, piece by piece.
	Latency time.Duration
	// Jitter is added to Latency, a random part of it.
	Jitter time.Duration
	// Drip sends what comes from the server one byte at a time, with this pause between two. Defaults to all at once.
	Drip time.Duration
	// CutAfter resets all connections after so many more bytes from the server. Defaults to never.
	CutAfter int64
	// Before writes to one client just before the next bytes from the server, once.
	Before func(w io.Writer) error
}

// Proxy forwards TCP connections to a server and can misbehave. It is safe for concurrent use.
type Proxy struct {
	target   string
	listener net.Listener
	ctx      context.Context
	cancel   context.CancelFunc
	group    sync.WaitGroup

	mu       sync.Mutex
	faults   Faults
	changed  chan struct{} // closed and replaced by Set
	links    map[*link]struct{}
	accepted int
}

// link is one connection on both sides.
type link struct{ client, server net.Conn }

// NewProxy starts a proxy in front of a server, given as host:port or as a URL. It ends with the test.
func NewProxy(t testing.TB, target string) *Proxy {
	t.Helper()
	if u, err := url.Parse(target); err == nil && u.Host != "" {
		target = u.Host
	}
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{target: target, listener: listener, changed: make(chan struct{}), links: make(map[*link]struct{})}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	p.group.Go(p.accept)
	t.Cleanup(func() {
		p.cancel()
		listener.Close()
		p.Cut()
		p.group.Wait()
	})
	return p
}

// Addr returns the address of the proxy, host:port.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// URL returns the address of the proxy as a ws:// URL.
func (p *Proxy) URL() string { return "ws://" + p.Addr() }

// Set replaces the faults, for open connections too.
func (p *Proxy) Set(f Faults) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.faults = f
	close(p.changed)
	p.changed = make(chan struct{})
}

// Cut resets all open connections.
func (p *Proxy) Cut() { p.cut(nil) }

// cut resets all open connections but one.
func (p *Proxy) cut(spared *link) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for l := range p.links {
		if l != spared {
			l.reset()
		}
	}
}

// Open returns the number of open connections.
func (p *Proxy) Open() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.links)
}

// Accepted returns the number of connections made so far, refused ones too.
func (p *Proxy) Accepted() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.accepted
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.mu.Lock()
		p.accepted++
		refuse := p.faults.Refuse
		p.mu.Unlock()
		if refuse {
			reset(client)
			continue
		}
		server, err := (&net.Dialer{}).DialContext(p.ctx, "tcp", p.target)
		if err != nil {
			reset(client)
			continue
		}
		l := &link{client: client, server: server}
		p.mu.Lock()
		p.links[l] = struct{}{}
		p.mu.Unlock()
		if p.ctx.Err() != nil {
			l.reset() // the proxy ended meanwhile, and has cut what there was
		}
		p.group.Go(func() { p.forward(l) })
	}
}

func (l *link) reset() {
	reset(l.client)
	reset(l.server)
}

// reset closes a connection so that the peer sees an error, not an end.
func reset(c net.Conn) {
	if tcp, ok := c.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	c.Close()
}

// forward copies in both directions until one side ends.
func (p *Proxy) forward(l *link) {
	var up sync.WaitGroup
	up.Go(func() {
		p.copy(l, l.server, l.client, false)
		l.close()
	})
	p.copy(l, l.client, l.server, true)
	l.close()
	up.Wait()
	p.mu.Lock()
	delete(p.links, l)
	p.mu.Unlock()
}

func (l *link) close() {
	l.client.Close()
	l.server.Close()
}

func (p *Proxy) copy(l *link, to io.Writer, from io.Reader, down bool) {
	buf := make([]byte, 16<<10)
	for {
		n, err := from.Read(buf)
		if n > 0 && !p.pass(l, to, buf[:n], down) {
			return
		}
		if err != nil {
			return
		}
	}
}

// pass sends a piece on, as the faults say. It returns false when the link has come to an end.
func (p *Proxy) pass(l *link, to io.Writer, piece []byte, down bool) bool {
	f, ok := p.thawed()
	if !ok {
		return false
	}
	if !down {
		_, err := to.Write(piece)
		return err == nil
	}
	if f.Latency > 0 || f.Jitter > 0 {
		wait := f.Latency
		if f.Jitter > 0 {
			wait += rand.N(f.Jitter)
		}
		if !p.wait(wait) {
			return false
		}
		// It may have frozen meanwhile.
		if f, ok = p.thawed(); !ok {
			return false
		}
	}
	if before := p.takeBefore(); before != nil {
		if err := before(to); err != nil {
			return false
		}
	}
	piece, cut := p.spend(piece)
	if f.Drip > 0 {
		for i := range piece {
			if i > 0 && !p.wait(f.Drip) {
				return false
			}
			if _, err := to.Write(piece[i : i+1]); err != nil {
				return false
			}
		}
	} else if _, err := to.Write(piece); err != nil {
		return false
	}
	if cut {
		// What was written shall arrive, so this link is closed in the ordinary way: in the middle all the same. It is
		// the last to go: a client that has seen its end may make a new connection, which is not to be cut.
		p.cut(l)
		l.close()
		return false
	}
	return true
}

// thawed waits while the proxy is frozen and returns the faults.
func (p *Proxy) thawed() (Faults, bool) {
	for {
		p.mu.Lock()
		f, changed := p.faults, p.changed
		p.mu.Unlock()
		if !f.Freeze {
			return f, p.ctx.Err() == nil
		}
		select {
		case <-changed:
		case <-p.ctx.Done():
			return f, false
		}
	}
}

func (p *Proxy) wait(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-p.ctx.Done():
		return false
	}
}

func (p *Proxy) takeBefore() func(io.Writer) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	before := p.faults.Before
	p.faults.Before = nil
	return before
}

// spend takes a piece off what CutAfter allows and returns the part that may pass, and whether that was all.
func (p *Proxy) spend(piece []byte) ([]byte, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.faults.CutAfter <= 0 {
		return piece, false
	}
	if int64(len(piece)) < p.faults.CutAfter {
		p.faults.CutAfter -= int64(len(piece))
		return piece, false
	}
	piece = piece[:p.faults.CutAfter]
	p.faults.CutAfter = 0
	return piece, true
}
