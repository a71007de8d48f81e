package axon

import (
	"net"
	"testing"

	"golang.org/x/net/nettest"
)

// A connection that an axon accepts keeps the rules of net.Conn, those of
// deadlines among them.
func TestLimitedConn(t *testing.T) {
	nettest.TestConn(t, func() (ours, theirs net.Conn, stop func(), err error) {
		inner, err := nettest.NewLocalListener("tcp")
		if err != nil {
			return nil, nil, nil, err
		}
		listener := limit(inner, 1)
		defer listener.Close()
		if theirs, err = net.Dial("tcp", inner.Addr().String()); err != nil {
			return nil, nil, nil, err
		}
		if ours, err = listener.Accept(); err != nil {
			return nil, nil, nil, err
		}
		return ours, theirs, func() { ours.Close(); theirs.Close() }, nil
	})
}
