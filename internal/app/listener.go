package app

import (
	"context"
	"fmt"
	"net"
	"sync/atomic"

	"github.com/bittensor-pylon/pylon/internal/server"
)

// listener is the stage that answers requests.
type listener struct {
	server  *server.Server
	address string

	bound atomic.Pointer[net.TCPAddr] // set by start
	drain context.CancelFunc          // set by start
	// ended is closed when the server has ended, which err says why. An end that nobody asked for is a failure.
	ended chan struct{}
	err   error
}

// start binds the address, so that a port in use is noticed at once, and serves in the background.
func (l *listener) start(ctx context.Context) error {
	socket, err := new(net.ListenConfig).Listen(ctx, "tcp", l.address)
	if err != nil {
		return fmt.Errorf("%s and %s: %w", hostName, portName, err)
	}
	bound, ok := socket.Addr().(*net.TCPAddr)
	if !ok {
		return fmt.Errorf("%v is not a TCP address", socket.Addr())
	}
	l.bound.Store(bound)
	// It lives until stop, whatever happens to the context of the start.
	var serving context.Context
	serving, l.drain = context.WithCancel(context.WithoutCancel(ctx))
	go func() {
		defer close(l.ended)
		l.err = l.server.Serve(serving, socket)
	}()
	return nil
}

// stop takes no new requests and waits for those in flight, for which the server has a bound of its own.
func (l *listener) stop(ctx context.Context) error {
	if l.drain == nil {
		return nil
	}
	l.drain()
	select {
	case <-l.ended:
		return l.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// url is the address as a client on this machine would write it.
func (l *listener) url() string {
	bound := l.bound.Load()
	if bound == nil {
		return ""
	}
	if bound.IP.IsUnspecified() {
		return fmt.Sprintf("http://127.0.0.1:%d", bound.Port)
	}
	return "http://" + bound.String()
}
