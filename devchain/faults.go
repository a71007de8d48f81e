package devchain

import (
	"net"
	"sync"
	"time"
)

// faults is what is wrong with a node's sockets.
type faults struct {
	mu     sync.Mutex
	conns  map[*conn]struct{}
	thaw   chan struct{} // closed by Unfreeze; nil when not frozen
	refuse bool
	closed bool
}

// Freeze makes the node behave as a process that was stopped: the operating
// system still accepts connections and data, the node reads and answers nothing,
// not even pings, and sees no new blocks.
func (n *Node) Freeze() {
	n.chain.ledger.mu.Lock()
	n.frozen = true
	n.chain.ledger.mu.Unlock()
	n.faults.mu.Lock()
	defer n.faults.mu.Unlock()
	if n.faults.thaw == nil {
		n.faults.thaw = make(chan struct{})
	}
}

// Unfreeze ends Freeze: what was sent meanwhile is read and answered now, and
// subscribers hear of the newest heads.
func (n *Node) Unfreeze() {
	n.faults.mu.Lock()
	if n.faults.thaw != nil {
		close(n.faults.thaw)
		n.faults.thaw = nil
	}
	n.faults.mu.Unlock()
	n.chain.ledger.mu.Lock()
	defer n.chain.ledger.mu.Unlock()
	n.frozen = false
	n.advance()
}

// Refuse makes the node reset new connections at once, as if nobody listened;
// the port stays taken, so that Accept can undo it. Open connections stay.
func (n *Node) Refuse() { n.setRefuse(true) }

// Accept ends Refuse.
func (n *Node) Accept() { n.setRefuse(false) }

func (n *Node) setRefuse(refuse bool) {
	n.faults.mu.Lock()
	defer n.faults.mu.Unlock()
	n.faults.refuse = refuse
}

// DropConnections resets all open connections and returns how many there were.
func (n *Node) DropConnections() int { return n.faults.drop() }

// Connections is how many connections are open.
func (n *Node) Connections() int {
	n.faults.mu.Lock()
	defer n.faults.mu.Unlock()
	return len(n.faults.conns)
}

func (f *faults) drop() int {
	f.mu.Lock()
	conns := make([]*conn, 0, len(f.conns))
	for c := range f.conns {
		conns = append(conns, c)
	}
	f.mu.Unlock()
	for _, c := range conns {
		c.reset()
	}
	return len(conns)
}

func (f *faults) close() {
	f.mu.Lock()
	f.closed = true
	f.mu.Unlock()
	f.drop()
}

// admit registers a connection, unless it is to be refused.
func (f *faults) admit(c *conn, limit int) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.refuse || f.closed || len(f.conns) >= limit {
		return false
	}
	f.conns[c] = struct{}{}
	return true
}

// enter counts a request in, unless the node is closing.
func (f *faults) enter(running *sync.WaitGroup) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.closed {
		running.Add(1)
	}
	return !f.closed
}

func (f *faults) forget(c *conn) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.conns, c)
}

// wait returns when the node is not frozen, or when gone is closed.
func (f *faults) wait(gone <-chan struct{}) {
	f.mu.Lock()
	thaw := f.thaw
	f.mu.Unlock()
	if thaw == nil {
		return
	}
	select {
	case <-thaw:
	case <-gone:
	}
}

// faultyListener hands out connections that obey the node's faults.
type faultyListener struct {
	net.Listener
	node *Node
}

func (l *faultyListener) Accept() (net.Conn, error) {
	for {
		raw, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		c := &conn{Conn: raw, faults: &l.node.faults, gone: make(chan struct{}), left: -1}
		if l.node.faults.admit(c, l.node.config.Limits.Connections) {
			return c, nil
		}
		c.reset()
	}
}

// connKey is under which a request's context has its *conn.
type connKey struct{}

// conn is a socket that stands still while the node is frozen and that can be
// cut in the middle of a message.
type conn struct {
	net.Conn
	faults *faults
	gone   chan struct{}
	once   sync.Once

	mu   sync.Mutex
	left int // bytes to write before the connection is cut; negative: no end
}

func (c *conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.faults.wait(c.gone)
	return n, err
}

func (c *conn) Write(p []byte) (int, error) {
	c.faults.wait(c.gone)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.left < 0 {
		return c.Conn.Write(p)
	}
	n, err := c.Conn.Write(p[:min(len(p), c.left)])
	c.left -= n
	if err == nil && c.left == 0 {
		_ = c.Close()
		err = net.ErrClosed
	}
	return n, err
}

// cutAfter closes the connection after n more bytes were written.
func (c *conn) cutAfter(n int) {
	c.mu.Lock()
	c.left = n
	c.mu.Unlock()
	if n == 0 {
		_ = c.Close()
	}
}

func (c *conn) Close() error {
	c.once.Do(func() {
		close(c.gone)
		c.faults.forget(c)
	})
	return c.Conn.Close()
}

// reset closes the connection so that the peer sees an error, not an end.
func (c *conn) reset() {
	if tcp, ok := c.Conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = c.SetDeadline(time.Now())
	_ = c.Close()
}
