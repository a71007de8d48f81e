package pylon

import (
	"context"
	"errors"
	"net/http"
	"sync"
)

// netuids knows which subnet an identity works on, in one version of the API. The service is asked once, however many
// calls want to know, and again after it has said that the identity works on another subnet.
type netuids struct {
	mu         sync.Mutex // guards the rest
	known      bool
	netuid     Netuid
	generation int     // counts what became known
	flight     *lookup // under way, or nil
}

// lookup is one question to the service. Its result may be read once done is closed.
type lookup struct {
	session *session // that asks
	done    chan struct{}
	netuid  Netuid
	err     error
}

// resolve returns the netuid, and the generation of that knowledge. What is older than the wanted generation will not do.
func (n *netuids) resolve(ctx context.Context, c *Client, v version, wanted int) (Netuid, int, error) {
	s, err := c.opened()
	if err != nil {
		return 0, 0, err
	}
	n.mu.Lock()
	if n.known && n.generation >= wanted {
		defer n.mu.Unlock()
		return n.netuid, n.generation, nil
	}
	flight := n.flight
	if flight == nil || flight.session != s {
		flight = &lookup{session: s, done: make(chan struct{})}
		n.flight = flight
		// It belongs to nobody who waits for it: it ends with the client, or when its attempts are used up.
		go n.look(s.life, c, v, flight)
	}
	n.mu.Unlock()
	select {
	case <-flight.done:
		if flight.err != nil && s.life.Err() != nil {
			return 0, 0, ErrClosed
		}
		n.mu.Lock()
		defer n.mu.Unlock()
		return flight.netuid, n.generation, flight.err
	case <-ctx.Done():
		return 0, 0, &RequestError{Op: http.MethodGet + " " + v.path("/identities"), Err: context.Cause(ctx)}
	}
}

func (n *netuids) look(ctx context.Context, c *Client, v version, flight *lookup) {
	flight.netuid, flight.err = c.lookUp(ctx, v)
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.flight == flight {
		n.flight = nil
	}
	if flight.err == nil {
		n.known, n.netuid = true, flight.netuid
		n.generation++
	}
	close(flight.done)
}

// lookUp asks the service for the netuid of the identity.
func (c *Client) lookUp(ctx context.Context, v version) (Netuid, error) {
	all, err := ask[Identities](ctx, c, request{method: http.MethodGet, path: v.path("/identities")}, nil)
	if err != nil {
		return 0, err
	}
	for _, identity := range *all {
		if identity.Name == c.config.IdentityName {
			return identity.Netuid, nil
		}
	}
	return 0, &ConfigError{Detail: "Identity '" + c.config.IdentityName + "' is not configured on the server."}
}

// identity calls use with the netuid of the identity. Has the service meanwhile given it another subnet, it is asked which,
// and use is called once more.
func (c *Client) identity(ctx context.Context, v version, use func(Netuid) error) error {
	if c.config.IdentityName == "" {
		return errNoIdentity
	}
	n := &c.netuids[v]
	netuid, generation, err := n.resolve(ctx, c, v, 0)
	if err != nil {
		return err
	}
	if err = use(netuid); !errors.Is(err, ErrNetuidMismatch) {
		return err
	}
	if netuid, _, err = n.resolve(ctx, c, v, generation+1); err != nil {
		return err
	}
	return use(netuid)
}

var errNoIdentity = &ConfigError{
	Field:  "IdentityName",
	Detail: "Can not use identity api - no identity name or token provided in config.",
}
