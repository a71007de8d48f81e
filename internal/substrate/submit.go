package substrate

import (
	"context"
	"errors"
	"fmt"

	"github.com/bittensor-pylon/pylon/internal/scale"
)

// Submit sends an extrinsic to all healthy nodes at once and returns as soon as one has taken it, or has it already. The
// other nodes still get it: what has been sent cannot be called back, so the sending goes on when ctx ends, for at most
// CallTimeout. The error is a *SubmitError. The same bytes may be submitted as often as wanted.
func (c *Client) Submit(ctx context.Context, extrinsic []byte) error {
	const method = "author_submitExtrinsic"
	hash := Hash(scale.ExtrinsicHash(extrinsic))
	q := query{method: method, params: []any{hexBytes(extrinsic)}}
	// It waits for a connection as long as the caller does.
	if _, err := c.targets(ctx, method); err != nil {
		return &SubmitError{Kind: SubmitUnreachable, Errors: []error{err}}
	}
	replies, count, err := askEverybody(context.WithoutCancel(ctx), c, q, func(raw []byte) (Hash, error) {
		taken, err := decodeHash(raw)
		if err == nil && taken != hash {
			err = fmt.Errorf("it took another extrinsic than the one sent: %s, not %s", taken, hash)
		}
		return taken, err
	})
	if err != nil {
		return &SubmitError{Kind: SubmitUnreachable, Errors: []error{err}}
	}
	var failed []*Error
	for range count {
		select {
		case r := <-replies:
			if r.err == nil {
				return nil
			}
			if kind, _ := classifyRefusal(r.err); kind == SubmitAlreadyImported {
				return nil
			}
			failed = append(failed, r.err)
		case <-ctx.Done():
			return c.submitError(ctx, append(failed, contextError(ctx, method)))
		}
	}
	return c.submitError(ctx, failed)
}

// submitError makes one error of those of several nodes.
func (c *Client) submitError(ctx context.Context, failed []*Error) *SubmitError {
	s := &SubmitError{Kind: SubmitUnknown, Errors: make([]error, len(failed))}
	for i, e := range failed {
		s.Errors[i] = e
		kind, code := classifyRefusal(e)
		if i == 0 || kind.rank() < s.Kind.rank() {
			s.Kind, s.Code = kind, code
		}
		if kind == SubmitUnreachable || e.earlier {
			s.MayBeTaken = true
		}
	}
	if s.Kind == SubmitCustom {
		s.Name = customName(c.knownSpec(ctx), s.Code)
	}
	return s
}

// knownSpec returns the spec version in force at the newest block, or 0.
func (c *Client) knownSpec(ctx context.Context) uint32 {
	head, ok := c.KnownHead()
	if !ok {
		return 0
	}
	version, err := c.version(ctx, head.Hash)
	if err != nil {
		return 0
	}
	return version.specVersion
}

// maxStatuses is how often the state of a watched extrinsic may change. Each node and each fork of a healthy chain adds
// a few.
const maxStatuses = 64

// WatchExtrinsic hands an extrinsic to one node after the other until one takes it, and tells what that node says
// becomes of it. The channel is closed after the last status, when ctx ends (without a last status), or with a StatusLost
// when nothing more will be heard: the connection broke, the node ended the subscription or says too much, the client
// was closed, or all nodes have the extrinsic already and so let nobody watch it. Lost means that blocks have to be
// looked at: see [Client.FindExtrinsic]. No status proves anything; a node may err or lie.
//
// The channel has room for all that will be sent, so nobody is held up by a slow reader. Equal statuses in a row are
// told once. A node that says nothing is not lost: ctx should end when the extrinsic can no longer be included. The error
// is a *SubmitError.
func (c *Client) WatchExtrinsic(ctx context.Context, extrinsic []byte) (<-chan ExtrinsicStatus, error) {
	const method = "author_submitAndWatchExtrinsic"
	q := query{method: method, params: []any{hexBytes(extrinsic)}}
	if _, err := c.targets(ctx, method); err != nil {
		return nil, &SubmitError{Kind: SubmitUnreachable, Errors: []error{err}}
	}
	var failed []*Error
	nodes := c.byRank(q)
	for i, t := range nodes {
		w, err := c.startWatch(ctx, t, q, len(nodes)-i)
		if err == nil {
			return w, nil
		}
		failed = append(failed, err)
		if ctx.Err() != nil {
			break
		}
	}
	s := c.submitError(ctx, failed)
	for _, e := range failed {
		if kind, _ := classifyRefusal(e); kind == SubmitAlreadyImported {
			lost := make(chan ExtrinsicStatus, 1)
			lost <- ExtrinsicStatus{Kind: StatusLost, Err: s}
			close(lost)
			return lost, nil
		}
	}
	return nil, s
}

// startWatch hands the extrinsic to one node.
func (c *Client) startWatch(ctx context.Context, t target, q query, left int) (<-chan ExtrinsicStatus, *Error) {
	w := &watch{client: c, target: t, out: make(chan ExtrinsicStatus, maxStatuses+1), said: make(chan ExtrinsicStatus, maxStatuses)}
	id, err := c.subscribeOn(ctx, t.node, t.on, q, share(ctx, c.config.CallTimeout, left), w.notice)
	c.report(t.node, t.on, q, err)
	if err != nil {
		e, _ := errors.AsType[*Error](err)
		return nil, e
	}
	w.id = id
	if !c.spawn(func(context.Context) { w.run(ctx) }) {
		return nil, closedError(q.method)
	}
	return w.out, nil
}
