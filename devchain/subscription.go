package devchain

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"slices"
	"sync"

	"github.com/bittensor-pylon/pylon/devchain/internal/trie"
	"github.com/bittensor-pylon/pylon/devchain/runtime"
)

// storageKeysPerConnection bounds what each block makes the node look up for one
// client.
const storageKeysPerConnection = 20_000

// subscription is one client's wish to be told.
type subscription struct {
	id           string
	notification string // the method of its notifications
	session      *session
	storageKeys  int
	// initial and update return what to send at first and after a change. They run
	// with the ledger's lock held.
	initial func() []any
	update  func(*update) []any
	watch   *watch // of an extrinsic

	pending int // notifications in the outbox, whose lock guards it
}

// update is a change of heads, with the headers that it needs rendered once.
type update struct {
	heads
	rendered map[*block]json.RawMessage
}

func (u *update) header(b *block) json.RawMessage {
	if _, ok := u.rendered[b]; !ok {
		u.rendered[b] = headerJSON(b)
	}
	return u.rendered[b]
}

func headerJSON(b *block) json.RawMessage {
	body, _ := b.MarshalJSON() // cannot fail: hashes, numbers and hexadecimal digits
	return body
}

// subscriptions are those of all connections of a node.
type subscriptions struct {
	mu      sync.Mutex
	all     []*subscription
	dropped int
}

// publish tells everybody of a change. The caller holds the ledger's lock.
func (s *subscriptions) publish(changed heads) {
	s.mu.Lock()
	defer s.mu.Unlock()
	u := &update{heads: changed, rendered: make(map[*block]json.RawMessage)}
	s.remain(func(sub *subscription) bool { return s.deliver(sub, sub.update(u)) })
}

// remain removes the subscriptions that are over. The caller holds mu.
func (s *subscriptions) remain(over func(*subscription) bool) { s.all = slices.DeleteFunc(s.all, over) }

// deliver sends notifications, and reports whether the subscription is over: the
// client does not read them, or there will be no more. The caller holds mu.
func (s *subscriptions) deliver(sub *subscription, results []any) (over bool) {
	for _, result := range results {
		if !sub.send(result) {
			sub.session.remove(sub.id)
			s.dropped++
			return true
		}
	}
	if sub.watch != nil && sub.watch.over && sub.watch.begun {
		sub.session.remove(sub.id)
		return true
	}
	return false
}

// begin tells the client of a new subscription what is, and then what changes.
func (n *Node) begin(sub *subscription) {
	l := n.chain.ledger
	l.mu.RLock()
	defer l.mu.RUnlock()
	n.subscriptions.mu.Lock()
	defer n.subscriptions.mu.Unlock()
	if !sub.session.has(sub.id) {
		return // the connection is gone already
	}
	for _, result := range sub.initial() {
		sub.send(result)
	}
	n.subscriptions.all = append(n.subscriptions.all, sub)
}

func (s *subscriptions) remove(gone func(*subscription) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = slices.DeleteFunc(s.all, gone)
}

func (s *subscriptions) removeSession(gone *session) {
	gone.mu.Lock()
	gone.subscriptions = nil
	gone.mu.Unlock()
	s.remove(func(sub *subscription) bool { return sub.session == gone })
}

// DroppedSubscriptions is how many subscriptions were ended because their clients
// did not read what they were sent.
func (n *Node) DroppedSubscriptions() int {
	n.subscriptions.mu.Lock()
	defer n.subscriptions.mu.Unlock()
	return n.subscriptions.dropped
}

// send queues a notification and reports whether there was room for it.
func (sub *subscription) send(result any) bool {
	body, err := json.Marshal(result)
	if err != nil {
		return true
	}
	out := make([]byte, 0, len(body)+160)
	out = append(out, `{"jsonrpc":"2.0","method":"`...)
	out = append(out, sub.notification...)
	out = append(out, `","params":{"subscription":"`...)
	out = append(out, sub.id...)
	out = append(out, `","result":`...)
	out = append(out, body...)
	return sub.session.out.notify(message{body: append(out, `}}`...), subscription: sub})
}

// subscribe makes a subscription of the session's, which begins when the client
// has its id.
func (c *invocation) subscribe(sub *subscription) (any, error) {
	if err := c.register(sub); err != nil {
		return nil, err
	}
	c.then = func() { c.node.begin(sub) }
	return sub.id, nil
}

// register gives a subscription an id.
func (c *invocation) register(sub *subscription) error {
	s := c.session
	if s == nil {
		// jsonrpsee's answer to a subscription over HTTP.
		return &RPCError{Code: codeInternalError, Message: "Internal error"}
	}
	var id [16]byte
	_, _ = rand.Read(id[:])
	sub.id, sub.session = "0x"+hex.EncodeToString(id[:]), s
	s.mu.Lock()
	defer s.mu.Unlock()
	switch limit := s.node.config.Limits.Subscriptions; {
	case len(s.subscriptions) >= limit:
		return errLimit(codeTooManySubscriptions, "Too many subscriptions on the connection", limit)
	case s.storageKeys+sub.storageKeys > storageKeysPerConnection:
		return errLimit(codeTooManySubscriptions, "Too many storage keys on the connection", storageKeysPerConnection)
	case s.subscriptions == nil:
		return errClosed
	}
	s.subscriptions[sub.id] = sub
	s.storageKeys += sub.storageKeys
	return nil
}

func (s *session) has(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.subscriptions[id] != nil
}

// remove ends a subscription of the session and reports whether there was one.
func (s *session) remove(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	sub := s.subscriptions[id]
	if sub == nil {
		return false
	}
	delete(s.subscriptions, id)
	s.storageKeys -= sub.storageKeys
	return true
}

// unsubscribe is the method that ends any kind of subscription.
func unsubscribe(c *invocation) (any, error) {
	var id string
	if err := c.decode(0, &id); err != nil {
		return nil, err
	}
	if c.session == nil || !c.session.remove(id) {
		return false, nil
	}
	c.node.subscriptions.remove(func(sub *subscription) bool { return sub.session == c.session && sub.id == id })
	return true, nil
}

func subscribeNewHeads(c *invocation) (any, error) {
	n := c.node
	return c.subscribe(&subscription{
		notification: "chain_newHead",
		initial:      func() []any { return []any{headerJSON(n.best)} },
		update: func(u *update) []any {
			if u.best == nil {
				return nil
			}
			return []any{u.header(u.best)}
		},
	})
}

func subscribeFinalizedHeads(c *invocation) (any, error) {
	n := c.node
	return c.subscribe(&subscription{
		notification: "chain_finalizedHead",
		initial:      func() []any { return []any{headerJSON(n.finalized)} },
		update: func(u *update) []any {
			if u.finalized == nil {
				return nil
			}
			return []any{u.header(u.finalized)}
		},
	})
}

func subscribeAllHeads(c *invocation) (any, error) {
	n := c.node
	return c.subscribe(&subscription{
		notification: "chain_allHead",
		initial:      func() []any { return []any{headerJSON(n.best)} },
		update: func(u *update) []any {
			// A node that was away hears of the last blocks only, as one that syncs.
			var all []any
			for _, b := range u.imported[max(0, len(u.imported)-pendingNotifications/4):] {
				all = append(all, u.header(b))
			}
			return all
		},
	})
}

func subscribeRuntimeVersion(c *invocation) (any, error) {
	n := c.node
	var last runtime.Runtime
	report := func(rt runtime.Runtime) []any {
		if last != nil && sameVersion(last.Version(), rt.Version()) {
			return nil
		}
		last = rt
		return []any{versionJSON(rt.Version())}
	}
	return c.subscribe(&subscription{
		notification: "state_runtimeVersion",
		initial:      func() []any { return report(n.best.runtime) },
		update: func(u *update) []any {
			if u.best == nil {
				return nil
			}
			return report(u.best.runtime)
		},
	})
}

func subscribeStorage(c *invocation) (any, error) {
	keys, err := c.keys(0)
	if err != nil {
		return nil, err
	}
	if keys == nil {
		// A real node refuses to watch everything, unless told that it is safe.
		return nil, &RPCError{Code: codeMethodNotFound, Message: "RPC call is unsafe to be called externally"}
	}
	n := c.node
	var last trie.Trie
	return c.subscribe(&subscription{
		notification: "state_storage",
		storageKeys:  len(keys),
		initial: func() []any {
			last = n.best.state
			return []any{changeSet(n.best.Hash, keys, last, nil)}
		},
		update: func(u *update) []any {
			if u.best == nil {
				return nil
			}
			before := last
			last = u.best.state
			set := changeSet(u.best.Hash, keys, last, &before)
			if len(set.Changes) == 0 {
				return nil
			}
			return []any{set}
		},
	})
}

// storageChanges is sp-core's StorageChangeSet.
type storageChanges struct {
	Block   Hash     `json:"block"`
	Changes [][2]any `json:"changes"`
}

// changeSet lists the keys whose values differ from those before, or all keys.
func changeSet(at Hash, keys [][]byte, now trie.Trie, before *trie.Trie) storageChanges {
	set := storageChanges{Block: at, Changes: [][2]any{}}
	for _, key := range keys {
		value, ok := now.Get(key)
		if before != nil {
			if old, had := before.Get(key); had == ok && bytes.Equal(old, value) {
				continue
			}
		}
		set.Changes = append(set.Changes, [2]any{hexBytes(key), optionalHex(value, ok)})
	}
	return set
}

func optionalHex(value []byte, ok bool) any {
	if !ok {
		return nil
	}
	return hexBytes(value)
}
