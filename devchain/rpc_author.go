package devchain

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/bittensor-pylon/pylon/devchain/internal/txpool"
	"github.com/bittensor-pylon/pylon/devchain/runtime"
	"github.com/bittensor-pylon/pylon/internal/scale"
)

// Errors of the author methods, sc-rpc-api's author::Error.
const (
	codeBadFormat          = 1001
	codeVerification       = 1002
	codeInvalid            = 1010
	codeUnknownValidity    = 1011
	codeBanned             = 1012
	codeAlreadyImported    = 1013
	codeTooLowPriority     = 1014
	codeImmediatelyDropped = 1016
	codeNoTags             = 1019
)

func authorMethods() []method {
	methods := []method{
		{name: "author_submitExtrinsic", params: []string{"bytes"}, handle: submitExtrinsic},
		{name: "author_submitAndWatchExtrinsic", params: []string{"bytes"}, handle: submitAndWatch},
		{name: "author_unwatchExtrinsic", params: []string{"subscription"}, handle: unsubscribe},
		{name: "author_pendingExtrinsics", handle: func(c *invocation) (any, error) { return c.node.chain.pool.readyExtrinsics(), nil }},
		{name: "author_removeExtrinsic", params: []string{"bytes_or_hash"}, handle: removeExtrinsic},
	}
	// A node refuses these on a port that is open to others.
	for _, name := range []string{"author_hasKey", "author_hasSessionKeys", "author_insertKey", "author_rotateKeys", "system_dryRun"} {
		methods = append(methods, method{name: name, handle: func(*invocation) (any, error) {
			return nil, &RPCError{Code: codeMethodNotFound, Message: "RPC call is unsafe to be called externally"}
		}})
	}
	return methods
}

// poolError is how a node tells a client why an extrinsic is not in the pool.
func poolError(hash Hash, err error) error {
	switch {
	case errors.Is(err, txpool.ErrBanned):
		return &RPCError{Code: codeBanned, Message: "Transaction is temporarily banned"}
	case errors.Is(err, txpool.ErrImported):
		return &RPCError{Code: codeAlreadyImported, Message: "Transaction Already Imported", Data: hash.String()}
	case errors.Is(err, txpool.ErrFull):
		return &RPCError{
			Code: codeImmediatelyDropped, Message: "Immediately Dropped",
			Data: "The transaction couldn't enter the pool because of the limit",
		}
	case errors.Is(err, txpool.ErrNoTags):
		return &RPCError{
			Code: codeNoTags, Message: "No tags provided",
			Data: "Transaction does not provide any tags, so the pool can't identify it",
		}
	}
	if low, ok := errors.AsType[*txpool.PriorityError](err); ok {
		return &RPCError{
			Code: codeTooLowPriority, Message: fmt.Sprintf("Priority is too low: (%d vs %d)", low.Old, low.New),
			Data: "The transaction has too low priority to replace another transaction already in the pool.",
		}
	}
	if invalid, ok := errors.AsType[*runtime.InvalidError](err); ok {
		if invalid.Unknown() {
			return &RPCError{Code: codeUnknownValidity, Message: "Unknown Transaction Validity", Data: invalid.Text()}
		}
		return &RPCError{Code: codeInvalid, Message: "Invalid Transaction", Data: invalid.Text()}
	}
	return &RPCError{
		Code: codeVerification, Message: "Verification Error: Runtime error: Execution failed: " + err.Error(),
		Data: fmt.Sprintf("RuntimeApi(%q)", "Execution failed: "+err.Error()),
	}
}

func submitExtrinsic(c *invocation) (any, error) {
	extrinsic, err := c.requiredBytes(0)
	if err != nil {
		return nil, err
	}
	hash, err := c.node.submit(extrinsic)
	if err != nil {
		return nil, err
	}
	return hash, nil
}

// submitAndWatch subscribes before the pool has the extrinsic, so that no status
// is missed.
func submitAndWatch(c *invocation) (any, error) {
	extrinsic, err := c.requiredBytes(0)
	if err != nil {
		return nil, err
	}
	w := &watch{hash: scale.ExtrinsicHash(extrinsic), limit: uint64(c.node.chain.config.Pool.FinalityTimeout)}
	sub := &subscription{notification: "author_extrinsicUpdate", watch: w, update: w.update}
	if err := c.register(sub); err != nil {
		return nil, err
	}
	all := &c.node.subscriptions
	c.node.chain.ledger.mu.RLock()
	w.seen = c.node.best
	all.mu.Lock()
	open := sub.session.has(sub.id) // else nobody would remove it any more
	if open {
		all.all = append(all.all, sub)
	}
	all.mu.Unlock()
	c.node.chain.ledger.mu.RUnlock()
	if !open {
		return nil, errClosed
	}
	if _, err := c.node.submit(extrinsic); err != nil {
		sub.session.remove(sub.id)
		all.remove(func(other *subscription) bool { return other == sub })
		return nil, err
	}
	c.then = func() { c.node.subscriptions.beginWatch(sub) }
	return sub.id, nil
}

// beginWatch sends what has happened since the extrinsic came.
func (s *subscriptions) beginWatch(sub *subscription) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.remain(func(other *subscription) bool {
		if other != sub {
			return false
		}
		backlog := sub.watch.backlog
		sub.watch.begun, sub.watch.backlog = true, nil
		return s.deliver(sub, backlog)
	})
}

// removeExtrinsic takes extrinsics or their hashes out of the pool.
func removeExtrinsic(c *invocation) (any, error) {
	if c.args[0] == nil {
		return nil, c.invalid(0, "missing")
	}
	values, err := c.list(0)
	if err != nil {
		return nil, err
	}
	var hashes []Hash
	for _, value := range values {
		var one struct {
			Hash      *Hash   `json:"hash"`
			Extrinsic *string `json:"extrinsic"`
		}
		err := json.Unmarshal(value, &one)
		switch {
		case err == nil && one.Hash != nil:
			hashes = append(hashes, *one.Hash)
		case err == nil && one.Extrinsic != nil:
			extrinsic, err := c.unhex(0, *one.Extrinsic)
			if err != nil {
				return nil, err
			}
			hashes = append(hashes, scale.ExtrinsicHash(extrinsic))
		default:
			return nil, c.invalid(0, "expected objects with a hash or an extrinsic")
		}
	}
	return c.node.chain.pool.removeExtrinsics(hashes), nil
}
