package devchain

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// NodeConfig is how to make a Node.
type NodeConfig struct {
	// Listen is the TCP address. Defaults to "127.0.0.1:0", a free port of this
	// machine.
	Listen string
	// KeepStates is how many of the newest blocks have a state for the clients of
	// this node; AllStates makes it an archive node, for blocks that had a state
	// when it was added. Defaults to 4096.
	KeepStates int
	// Limits bound what its clients can take. Defaults to the limits of a
	// Substrate node.
	Limits Limits
}

func (c NodeConfig) withDefaults() NodeConfig {
	if c.Listen == "" {
		c.Listen = defaultListen
	}
	if c.KeepStates == 0 {
		c.KeepStates = defaultKeepStates
	}
	c.Limits = c.Limits.withDefaults()
	return c
}

// Node is one address at which a Chain is served. What it does wrong (Freeze,
// Hold, Prune, Hook …) it does to its own clients only.
type Node struct {
	chain  *Chain
	config NodeConfig

	view          // guarded by the ledger's lock
	subscriptions subscriptions
	hooks         hooks
	faults        faults

	server  *http.Server
	addr    atomic.Value    // string, once the node listens
	running sync.WaitGroup  // the server and its requests, WebSocket connections included
	ctx     context.Context // done when the node closes
	cancel  context.CancelFunc
}

func (c *Chain) newNode(config NodeConfig) *Node {
	n := &Node{chain: c, config: config}
	n.ctx, n.cancel = context.WithCancel(context.Background())
	n.faults.conns = make(map[*conn]struct{})
	n.server = &http.Server{
		Handler:           http.HandlerFunc(n.serve),
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(c.log.Handler(), slog.LevelDebug),
		BaseContext:       func(net.Listener) context.Context { return n.ctx },
		ConnContext:       func(ctx context.Context, c net.Conn) context.Context { return context.WithValue(ctx, connKey{}, c) },
	}
	l := c.ledger
	l.mu.Lock()
	defer l.mu.Unlock()
	l.nodes = append(l.nodes, n)
	n.catchUp(l)
	return n
}

// listen opens the socket and serves it.
func (n *Node) listen(ctx context.Context) error {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", n.config.Listen)
	if err != nil {
		return fmt.Errorf("devchain: listen for RPC: %w", err)
	}
	n.addr.Store(listener.Addr().String())
	n.running.Go(func() {
		if err := n.server.Serve(&faultyListener{listener, n}); !errors.Is(err, http.ErrServerClosed) {
			n.chain.log.Error("the RPC server stopped", "error", err)
		}
	})
	return nil
}

// close ends all connections and waits for what they were doing.
func (n *Node) close() error {
	n.cancel()
	n.faults.close()
	err := n.server.Close()
	done := make(chan struct{})
	go func() {
		n.running.Wait()
		close(done)
	}()
	select {
	case <-done:
		return err
	case <-time.After(closeTimeout):
		return errors.Join(err, errors.New("devchain: an RPC call is still running, in a hook or in the runtime"))
	}
}

const closeTimeout = 10 * time.Second

// URL is the node's address for WebSocket connections, ws://host:port. It is
// empty before the chain was started.
func (n *Node) URL() string { return n.address("ws") }

// HTTPURL is the node's address for JSON-RPC over HTTP POST, http://host:port. It
// is empty before the chain was started.
func (n *Node) HTTPURL() string { return n.address("http") }

func (n *Node) address(scheme string) string {
	addr, ok := n.addr.Load().(string)
	if !ok {
		return ""
	}
	return scheme + "://" + addr
}
