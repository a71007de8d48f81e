package substrate

import (
	"context"
	"errors"
	"slices"
	"time"
)

// reply is what one node said to a question that all were asked.
type reply[T any] struct {
	value T
	err   *Error
}

// target is a node that can be asked, and its connection.
type target struct {
	node *node
	on   *conn
}

// targets returns the healthy nodes, or all that are connected when none is healthy. It waits for the first, at most
// ConnectWait.
func (c *Client) targets(ctx context.Context, op string) ([]target, error) {
	var found []target
	err := c.await(ctx, op, func() bool {
		found = c.targetsLocked()
		return len(found) > 0
	})
	return found, err
}

func (c *Client) targetsLocked() []target {
	var healthy, rest []target
	for _, n := range c.nodes {
		switch {
		case n.conn == nil || n.conn.diedOf() != nil:
		case n.verdict == verdictGood:
			healthy = append(healthy, target{n, n.conn})
		default:
			rest = append(rest, target{n, n.conn})
		}
	}
	if len(healthy) > 0 {
		return healthy
	}
	return rest
}

// askEverybody puts a question to all healthy nodes at once. Each has CallTimeout, whatever the others do, and is asked a
// second time when its connection breaks under the question. The channel has room for all replies, so nobody has to
// read it to the end; the calls end with ctx, or when the client is closed.
func askEverybody[T any](ctx context.Context, c *Client, q query, decode func(result []byte) (T, error)) (replies <-chan reply[T], count int, err error) {
	targets, err := c.targets(ctx, q.method)
	if err != nil {
		return nil, 0, err
	}
	all := make(chan reply[T], len(targets))
	for _, t := range targets {
		started := c.spawn(func(context.Context) {
			var r reply[T]
			r.value, r.err = askTwice(ctx, c, t, q, decode)
			all <- r
		})
		if !started {
			return nil, 0, closedError(q.method)
		}
	}
	return all, len(targets), nil
}

// askTwice asks one node, and once more when the connection breaks, within CallTimeout for both.
func askTwice[T any](ctx context.Context, c *Client, t target, q query, decode func(result []byte) (T, error)) (T, *Error) {
	limited, cancel := context.WithTimeout(ctx, c.config.CallTimeout)
	defer cancel()
	value, failed := askOn(ctx, c, t, q, c.config.CallTimeout, decode)
	if failed == nil || failed.Kind != KindTransport {
		return value, failed
	}
	again := target{node: t.node}
	err := c.await(limited, q.method, func() bool {
		if on := t.node.conn; on != nil && on != t.on && on.diedOf() == nil {
			again.on = on
		}
		return again.on != nil
	})
	if err != nil {
		return value, failed
	}
	deadline, _ := limited.Deadline()
	value, failed = askOn(ctx, c, again, q, time.Until(deadline), decode)
	if failed != nil {
		failed = new(*failed)
		failed.earlier = true
	}
	return value, failed
}

// askOn asks one node once.
func askOn[T any](ctx context.Context, c *Client, t target, q query, limit time.Duration, decode func(result []byte) (T, error)) (T, *Error) {
	var value T
	result, err := c.callOn(ctx, t.node, t.on, q.method, q.params, limit)
	if err == nil {
		value, err = decode(result)
		err = t.node.decodeError(q.method, err)
	}
	c.report(t.node, t.on, q, err)
	if err == nil {
		return value, nil
	}
	e, _ := errors.AsType[*Error](err)
	return value, e
}

// byRank returns the connected nodes in the order in which they are to be asked.
func (c *Client) byRank(q query) []target {
	c.mu.Lock()
	defer c.mu.Unlock()
	var found []target
	for _, n := range c.nodes {
		if n.conn != nil && n.conn.diedOf() == nil {
			found = append(found, target{n, n.conn})
		}
	}
	slices.SortStableFunc(found, func(a, b target) int { return a.node.rank(q) - b.node.rank(q) })
	return found
}
