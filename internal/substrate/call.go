package substrate

import (
	"context"
	"errors"
	"slices"
	"time"
)

// query is a question that any node can answer.
type query struct {
	method string
	params []any
	// at is the block that it is about, nil when it is about none: nodes that know the block are asked first.
	at *Hash
}

// ask puts a question to one node after the other until one gives an answer that decodes. Decode's errors are an *Error
// with the kind to return, or anything else for an answer that is not what it should be.
func ask[T any](ctx context.Context, c *Client, q query, decode func(result []byte) (T, error)) (T, error) {
	var zero T
	if err := c.open(); err != nil {
		return zero, err
	}
	tries := make([]try, len(c.nodes))
	var failed *Error
	for {
		n, on, left := c.next(q, tries)
		if on == nil {
			if failed != nil && !slices.ContainsFunc(tries, try.open) {
				return zero, failed
			}
			// Either nothing has been asked yet, or a connection broke under the question: it is asked once more.
			err := c.await(ctx, q.method, func() bool {
				n, on, left = c.nextLocked(q, tries)
				return on != nil
			})
			if err != nil {
				if failed != nil && KindOf(err) == KindTransport {
					err = failed
				}
				return zero, err
			}
		}
		result, err := c.callOn(ctx, n, on, q.method, q.params, share(ctx, c.config.CallTimeout, left))
		var value T
		if err == nil {
			value, err = decode(result)
			err = n.decodeError(q.method, err)
		}
		c.report(n, on, q, err)
		if err == nil {
			c.blameTrapped(tries)
			return value, nil
		}
		if ctx.Err() != nil {
			return zero, err
		}
		e, _ := errors.AsType[*Error](err)
		tries[n.index].note(on, e)
		failed = worse(failed, e)
		if final(e.Kind) {
			return zero, failed
		}
	}
}

// try is what a question has been through at one node.
type try struct {
	on    *conn
	count int
	again bool // the connection broke, which says nothing about the question
	// trapped is whether the node said that the runtime had failed.
	trapped bool
}

func (t *try) note(on *conn, e *Error) {
	t.on, t.again, t.trapped = on, e.Kind == KindTransport, e.trapped
	t.count++
}

// blameTrapped speaks against the nodes whose runtime failed at a question that another node has answered: it was not the
// question then.
func (c *Client) blameTrapped(tries []try) {
	for i := range tries {
		if tries[i].trapped {
			c.mu.Lock()
			c.nodes[i].blame(tries[i].on)
			c.mu.Unlock()
		}
	}
}

// open tells whether the node may be asked again, on another connection.
func (t try) open() bool { return t.count == 1 && t.again }

// allows tells whether the node may be asked on a connection.
func (t try) allows(on *conn) bool { return t.count == 0 || t.open() && t.on != on }

// final tells whether an error ends a question, because every node would say the same.
func final(kind Kind) bool {
	switch kind {
	case KindClosed, KindMethodMissing:
		return true
	}
	return false
}

// worse chooses the error to return of those of several nodes. That a state has been discarded is certain whoever says
// it; that a block is unknown holds only when every node that was asked says so; otherwise the latest counts.
func worse(before, now *Error) *Error {
	switch {
	case before == nil, final(now.Kind), now.Kind == KindStateDiscarded:
		return now
	case before.Kind == KindStateDiscarded, now.Kind == KindUnknownBlock:
		return before
	}
	return now
}

// share is the time for one node: the caller's, divided by the nodes that may have to be asked, and at most limit.
func share(ctx context.Context, limit time.Duration, nodes int) time.Duration {
	if deadline, ok := ctx.Deadline(); ok && nodes > 1 {
		limit = min(limit, time.Until(deadline)/time.Duration(nodes))
	}
	return limit
}

// next returns the node to ask and its connection, and how many nodes are left to ask, with it. The connection is nil
// when there is none.
func (c *Client) next(q query, tries []try) (*node, *conn, int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.nextLocked(q, tries)
}

func (c *Client) nextLocked(q query, tries []try) (*node, *conn, int) {
	var best *node
	left := 0
	for i, n := range c.nodes {
		if n.conn == nil || n.conn.diedOf() != nil || !tries[i].allows(n.conn) {
			continue
		}
		left++
		if best == nil || n.rank(q) < best.rank(q) {
			best = n
		}
	}
	if best == nil {
		return nil, nil, 0
	}
	return best, best.conn, left
}

// rank is the order in which connected nodes are asked; equal ones go by their place in the configuration. The caller
// holds mu.
func (n *node) rank(q query) int {
	rank := 0
	switch n.verdict {
	case verdictUnknown:
		rank = 2
	case verdictBehind, verdictStale, verdictAhead:
		rank = 4
	case verdictFailing:
		rank = 6
	}
	if q.at == nil {
		return rank
	}
	if _, pruned := n.discarded.items[*q.at]; pruned {
		return rank + 10
	}
	if _, told := n.seen.items[*q.at]; !told {
		rank++
	}
	return rank
}

// callOn asks one node, for at most limit.
func (c *Client) callOn(ctx context.Context, n *node, on *conn, method string, params []any, limit time.Duration) ([]byte, error) {
	return c.subscribeOn(ctx, n, on, query{method: method, params: params}, limit, nil)
}

// subscribeOn is callOn for a subscription, if onNotice is not nil: see pendingCall.
func (c *Client) subscribeOn(ctx context.Context, n *node, on *conn, q query, limit time.Duration, onNotice func(notice)) ([]byte, error) {
	method := q.method
	began := time.Now()
	limited, cancel := context.WithTimeout(ctx, limit)
	result, err := on.call(limited, method, q.params, onNotice)
	cancel()
	if err != nil {
		err = c.callError(ctx, n, method, limit, err)
	}
	c.config.Observe(ctx, Call{Role: c.config.Role, Node: n.label, Method: method, Duration: time.Since(began), Bytes: len(result), Err: err})
	return result, err
}

// callError turns a connection's error into the caller's.
func (c *Client) callError(ctx context.Context, n *node, method string, limit time.Duration, err error) *Error {
	e, ok := errors.AsType[*Error](err)
	switch {
	case c.ctx.Err() != nil:
		e = closedError("")
	case ok:
		e = new(*e) // the same one goes to every call that waited
	case ctx.Err() != nil:
		e = contextError(ctx, method)
	default:
		e = &Error{Kind: KindTimeout, Message: "no answer within " + limit.Round(time.Millisecond).String()}
	}
	e.Op, e.Node, e.Message = method, n.label, n.scrub(e.Message)
	return e
}

// decodeError names the node and the method in the error of an answer that did not decode.
func (n *node) decodeError(method string, err error) error {
	if err == nil {
		return nil
	}
	e, ok := errors.AsType[*Error](err)
	if ok {
		e = new(*e)
	} else {
		e = &Error{Kind: KindMalformed, Message: n.scrub(err.Error())}
	}
	e.Op, e.Node = method, n.label
	return e
}

// blames tells whether an error speaks against the node. What it says about a block or a method is an answer like any
// other; a connection that broke is dealt with by the loop that makes the next one. A runtime that failed would mostly fail
// on every node: see blameTrapped.
func blames(kind Kind) bool {
	switch kind {
	case KindTimeout, KindMalformed, KindNode, KindUnknown:
		return true
	}
	return false
}

// patience is how many calls in a row may fail before a node is asked last.
const patience = 3

// report notes how a call at a node went.
func (c *Client) report(n *node, on *conn, q query, err error) {
	kind := KindOf(err)
	if err != nil && (kind == KindClosed || errors.Unwrap(err) != nil) {
		return // ours or the caller's doing, not the node's
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil {
		n.lastError, _ = errors.AsType[*Error](err)
	}
	if n.conn != on {
		return // there is a new connection already
	}
	switch {
	case kind == KindStateDiscarded && q.at != nil && err != nil:
		n.discarded.put(*q.at, struct{}{})
	case err == nil && (n.failures > 0 || n.failing || n.probation):
		n.failures, n.probation = 0, false
		n.probeAfter.reset()
		if n.failing {
			n.failing = false
			c.refresh()
		}
	case err != nil && blames(kind) && !n.lastError.trapped:
		n.blame(on)
	}
}

// blame notes that a call failed and that the node is to blame. The caller holds mu.
func (n *node) blame(on *conn) {
	if n.conn != on {
		return // there is a new connection already
	}
	n.failures++
	if !n.failing && (n.failures >= patience || n.probation) {
		n.startFailing()
	}
}

// startFailing makes the node the last to be asked until a probe succeeds. The caller holds mu.
func (n *node) startFailing() {
	n.failing = true
	n.probeAt = time.Now().Add(n.probeAfter.next())
	n.client.refresh()
	n.rouse()
}
