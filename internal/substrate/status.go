package substrate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
)

// StatusKind is what has become of a watched extrinsic.
type StatusKind uint8

// The kinds, those of sc-transaction-pool's TransactionStatus and StatusLost, which is ours. Those from StatusFinalized
// on are the last of a watch.
const (
	StatusFuture          StatusKind = iota + 1 // in the pool, waiting for an earlier nonce
	StatusReady                                 // in the pool
	StatusBroadcast                             // told to other nodes
	StatusInBlock                               // in a block: Hash
	StatusRetracted                             // in no block any more: the one it was in, Hash, has left the best chain
	StatusFinalized                             // in a finalised block: Hash
	StatusFinalityTimeout                       // in a block, Hash, that was not finalised in time
	StatusUsurped                               // replaced in the pool by another extrinsic: Hash
	StatusDropped                               // thrown out of the full pool
	StatusInvalid                               // no longer valid
	StatusLost                                  // nothing more will be heard: Err
)

var statusNames = [...]string{
	StatusFuture:          "future",
	StatusReady:           "ready",
	StatusBroadcast:       "broadcast",
	StatusInBlock:         "inBlock",
	StatusRetracted:       "retracted",
	StatusFinalized:       "finalized",
	StatusFinalityTimeout: "finalityTimeout",
	StatusUsurped:         "usurped",
	StatusDropped:         "dropped",
	StatusInvalid:         "invalid",
	StatusLost:            "lost",
}

// String returns the kind as nodes write it.
func (k StatusKind) String() string {
	if k > 0 && int(k) < len(statusNames) {
		return statusNames[k]
	}
	return fmt.Sprintf("status%d", uint8(k))
}

// Last tells whether nothing follows.
func (k StatusKind) Last() bool { return k >= StatusFinalized }

// ExtrinsicStatus is what a node says about an extrinsic that it has taken.
type ExtrinsicStatus struct {
	Kind StatusKind
	// Hash is of a block, or for StatusUsurped of an extrinsic.
	Hash Hash
	// Node is the node's address without credentials.
	Node string
	// Err is why a StatusLost was lost.
	Err error
}

// decodeStatus decodes a status: a string, or an object of one member. False means one that is not known, which a newer
// node may have.
func decodeStatus(raw []byte) (ExtrinsicStatus, bool, error) {
	var name string
	if len(raw) > 0 && raw[0] == '"' {
		if err := json.Unmarshal(raw, &name); err != nil {
			return ExtrinsicStatus{}, false, err
		}
		kind := statusKind(name)
		known := kind == StatusFuture || kind == StatusReady || kind == StatusDropped || kind == StatusInvalid
		return ExtrinsicStatus{Kind: kind}, known, nil
	}
	var s ExtrinsicStatus
	known, members := false, 0
	err := scanObject(raw, func(key, value []byte) (err error) {
		members++
		s.Kind = statusKind(string(key))
		switch s.Kind {
		case StatusBroadcast, StatusFuture, StatusReady, StatusDropped, StatusInvalid:
			known = true // to whom it was told does not matter; chopsticks writes {"ready":null}
		case StatusInBlock, StatusRetracted, StatusFinalized, StatusFinalityTimeout, StatusUsurped:
			known = true
			s.Hash, err = decodeHash(value)
		}
		return err
	})
	if err == nil && members != 1 {
		err = fmt.Errorf("a status of %d members", members)
	}
	return s, known, err
}

// statusKind returns the kind of a node's word, or 0. That a watch is lost is not for nodes to say.
func statusKind(name string) StatusKind {
	for kind := StatusFuture; kind < StatusLost; kind++ {
		if statusNames[kind] == name {
			return kind
		}
	}
	return 0
}

// watch is a subscription to what becomes of an extrinsic. The connection's reader puts statuses into said; run passes
// them on and is the only one who ends the watch.
type watch struct {
	client *Client
	target target
	id     []byte // of the subscription, JSON
	out    chan ExtrinsicStatus
	said   chan ExtrinsicStatus

	// These belong to the connection's reader.
	last  ExtrinsicStatus
	count int
	ended bool
}

// notice takes a status out of a notification. It never blocks: there is room for all that it lets through.
func (w *watch) notice(n notice) {
	if w.ended {
		return
	}
	status, known, err := decodeStatus(n.result)
	switch {
	case n.err != nil:
		err = &Error{Kind: KindNode, Message: "the node ended the watch: " + clip(n.err)}
	case err != nil:
		err = &Error{Kind: KindMalformed, Message: "the status of an extrinsic: " + err.Error()}
	case !known || status == w.last:
		return
	case w.count == maxStatuses-1:
		err = &Error{Kind: KindMalformed, Message: fmt.Sprintf("the status of an extrinsic changed over %d times", w.count)}
	}
	if err != nil {
		status = ExtrinsicStatus{Kind: StatusLost, Err: err}
	}
	w.count++
	w.last, w.ended = status, status.Kind.Last()
	w.said <- status
}

// run passes statuses on until the last one, and ends the watch.
func (w *watch) run(ctx context.Context) {
	over := w.follow(ctx)
	close(w.out)
	w.target.on.unsubscribe(string(w.id))
	if over {
		return
	}
	// The node does not know that nobody listens. If it does not hear it now, it forgets the watch with the connection.
	_, _ = w.client.callOn(w.client.ctx, w.target.node, w.target.on, "author_unwatchExtrinsic", []any{json.RawMessage(w.id)}, w.client.config.CallTimeout)
}

// follow passes statuses on until the last one, ctx ends or the connection breaks, and tells whether the node thinks too
// that the watch is over.
func (w *watch) follow(ctx context.Context) (over bool) {
	for {
		select {
		case s := <-w.said:
			if w.pass(s); s.Kind.Last() {
				return s.Kind != StatusLost
			}
		case <-w.target.on.done:
			w.broke()
			return true
		case <-ctx.Done():
			return false
		}
	}
}

func (w *watch) pass(s ExtrinsicStatus) {
	s.Node = w.target.node.label
	if e, ok := errors.AsType[*Error](s.Err); ok {
		s.Err = &Error{Kind: e.Kind, Op: "author_extrinsicUpdate", Node: s.Node, Message: w.target.node.scrub(e.Message)}
	}
	w.out <- s
}

// broke passes on what came before the connection broke, and that it did.
func (w *watch) broke() {
	for {
		select {
		case s := <-w.said:
			if w.pass(s); s.Kind.Last() {
				return
			}
		default:
			reason := w.target.on.diedOf()
			if w.client.ctx.Err() != nil {
				reason = closedError("")
			}
			w.pass(ExtrinsicStatus{Kind: StatusLost, Err: reason})
			return
		}
	}
}
