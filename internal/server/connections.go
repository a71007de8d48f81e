package server

import (
	"net"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Why a connection was turned away.
const (
	refusedForAll     = "too_many"
	refusedForAddress = "too_many_from_address"
	closedForOthers   = "silent"
)

// boundListener bounds how many connections there are, in all and from one address, so that a client that opens them
// without end neither uses up what the process has nor keeps others out.
type boundListener struct {
	net.Listener

	max        int
	open       *atomic.Int64
	turnedAway *prometheus.CounterVec

	mu        sync.Mutex // guards the rest
	conns     map[*clientConn]struct{}
	byAddress map[[16]byte]int
}

func (s *Server) bound(listener net.Listener) *boundListener {
	return &boundListener{
		Listener: listener, max: s.config.MaxConnections,
		open: &s.connections, turnedAway: s.instruments.turnedAway,
		conns: map[*clientConn]struct{}{}, byAddress: map[[16]byte]int{},
	}
}

// Accept returns the next connection that there is room for.
func (l *boundListener) Accept() (net.Conn, error) {
	for {
		accepted, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		conn := &clientConn{Conn: accepted, listener: l, accepted: time.Now()}
		if at, err := netip.ParseAddrPort(accepted.RemoteAddr().String()); err == nil {
			conn.network = networkOf(at.Addr())
		}
		switch reason, victim := l.admit(conn); {
		case reason != "":
			l.turnedAway.WithLabelValues(reason).Inc()
			turnAway(accepted)
			continue
		case victim != nil:
			l.turnedAway.WithLabelValues(closedForOthers).Inc()
			_ = victim.Close()
		}
		return conn, nil
	}
}

// admit takes a connection in, if need be in the place of another one, which the caller closes. A reason means that
// there is no room.
func (l *boundListener) admit(conn *clientConn) (reason string, victim *clientConn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.byAddress[conn.network] >= max(l.max/2, 1) {
		return refusedForAddress, nil
	}
	if len(l.conns) >= l.max {
		if victim = l.silent(); victim == nil {
			return refusedForAll, nil
		}
		l.forget(victim)
	}
	l.conns[conn] = struct{}{}
	l.byAddress[conn.network]++
	l.open.Add(1)
	return "", victim
}

// silent returns a connection that nobody is asking anything on: the oldest of those on which nothing has ever come,
// else one that is between requests.
func (l *boundListener) silent() (found *clientConn) {
	var idle *clientConn
	for conn := range l.conns {
		switch http.ConnState(conn.state.Load()) {
		case http.StateNew:
			if found == nil || conn.accepted.Before(found.accepted) {
				found = conn
			}
		case http.StateIdle:
			idle = conn
		}
	}
	if found == nil {
		return idle
	}
	return found
}

// forget takes a connection out of the books, once.
func (l *boundListener) forget(conn *clientConn) {
	if _, known := l.conns[conn]; !known {
		return
	}
	delete(l.conns, conn)
	l.open.Add(-1)
	if l.byAddress[conn.network]--; l.byAddress[conn.network] == 0 {
		delete(l.byAddress, conn.network)
	}
}

// turnAway answers a connection that there is no room for. It must not wait: nobody else is accepted meanwhile.
func turnAway(conn net.Conn) {
	_ = conn.SetWriteDeadline(time.Now().Add(10 * time.Millisecond))
	_, _ = conn.Write(overloaded)
	_ = conn.Close()
}

// clientConn is a connection in the books of its listener.
type clientConn struct {
	net.Conn

	listener *boundListener
	accepted time.Time
	network  [16]byte     // of the client
	state    atomic.Int32 // an http.ConnState
}

// noteState keeps what net/http says of a connection.
func noteState(conn net.Conn, state http.ConnState) {
	if c, ok := conn.(*clientConn); ok {
		c.state.Store(int32(state))
	}
}

// Close closes the connection and makes room for another.
func (c *clientConn) Close() error {
	c.listener.mu.Lock()
	c.listener.forget(c)
	c.listener.mu.Unlock()
	return c.Conn.Close()
}

// CloseWrite lets the other side read to the end before the connection is closed.
func (c *clientConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// A client has to take that many bytes of an answer within that time, or is cut off.
const (
	writePiece = 256 << 10
	pieceTime  = 30 * time.Second
)

// Write writes an answer piece by piece, each with its own time. What net/http itself refuses leaves it as JSON.
func (c *clientConn) Write(b []byte) (written int, err error) {
	if answer, ok := refusal(b); ok {
		if _, err := c.Conn.Write(answer); err != nil {
			return 0, err
		}
		return len(b), nil
	}
	for {
		piece := b[written:]
		if len(piece) > writePiece {
			piece = piece[:writePiece]
		}
		if len(b) >= smallWrite {
			_ = c.Conn.SetWriteDeadline(time.Now().Add(pieceTime))
		}
		n, err := c.Conn.Write(piece)
		written += n
		if err != nil || written == len(b) {
			return written, err
		}
	}
}

// smallWrite is what fits into the buffers of the system. To write it takes no time, unless the client has not taken
// what came before, which net/http's own deadline bounds.
const smallWrite = 16 << 10
