package devchain

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/crypto/blake2b"

	"github.com/bittensor-pylon/pylon/devchain/internal/trie"
	"github.com/bittensor-pylon/pylon/devchain/runtime"
)

// Errors of the state methods, sc-rpc-api's state::Error.
const (
	codeInvalidBlockRange = 4001
	codeInvalidCount      = 4002
	codeClientError       = 4003
)

const (
	maxKeysPaged = 1000
	// maxQueryRange bounds state_queryStorage, whose cost is blocks times keys.
	maxQueryRange = 10_000
)

func stateMethods() []method {
	return []method{
		{name: "state_call", aliases: []string{"state_callAt"}, params: []string{"name", "bytes", "hash"}, handle: stateCall},
		{name: "state_getKeys", params: []string{"prefix", "hash"}, handle: getKeys},
		{name: "state_getPairs", params: []string{"prefix", "hash"}, handle: getPairs},
		{name: "state_getKeysPaged", aliases: []string{"state_getKeysPagedAt"}, params: []string{"prefix", "count", "start_key", "hash"}, handle: getKeysPaged},
		{name: "state_getStorage", aliases: []string{"state_getStorageAt"}, params: []string{"key", "hash"}, handle: getStorage},
		{name: "state_getStorageHash", aliases: []string{"state_getStorageHashAt"}, params: []string{"key", "hash"}, handle: getStorageHash},
		{name: "state_getStorageSize", aliases: []string{"state_getStorageSizeAt"}, params: []string{"key", "hash"}, handle: getStorageSize},
		{name: "state_getMetadata", params: []string{"hash"}, handle: getMetadata},
		{name: "state_getRuntimeVersion", aliases: []string{"chain_getRuntimeVersion"}, params: []string{"hash"}, handle: getRuntimeVersion},
		{name: "state_queryStorage", params: []string{"keys", "block", "hash"}, handle: queryStorage},
		{name: "state_queryStorageAt", params: []string{"keys", "at"}, handle: queryStorageAt},
		{name: "state_subscribeRuntimeVersion", aliases: []string{"chain_subscribeRuntimeVersion"}, handle: subscribeRuntimeVersion},
		{name: "state_unsubscribeRuntimeVersion", aliases: []string{"chain_unsubscribeRuntimeVersion"}, params: []string{"subscription"}, handle: unsubscribe},
		{name: "state_subscribeStorage", params: []string{"keys"}, handle: subscribeStorage},
		{name: "state_unsubscribeStorage", params: []string{"subscription"}, handle: unsubscribe},
	}
}

func errClient(format string, args ...any) *RPCError {
	return &RPCError{Code: codeClientError, Message: "Client error: " + fmt.Sprintf(format, args...)}
}

// errRuntimeAPI is how the methods that go through a runtime API word an unknown
// block; the others use the words of blockError.
func errRuntimeAPI(err *blockError) *RPCError {
	return errClient("Api called for an unknown Block: %s", err.detail())
}

// stateAt reads argument i as a block hash and finds the state.
func (c *invocation) stateAt(i int) (trie.Trie, error) {
	hash, err := c.hash(i)
	if err != nil {
		return trie.Trie{}, err
	}
	_, state, unknown := c.node.state(hash)
	if unknown != nil {
		return trie.Trie{}, errClient("%v", unknown)
	}
	return state, nil
}

// runtimeAt reads argument i as a block hash and finds the runtime of its state.
func (c *invocation) runtimeAt(i int) (runtime.Runtime, error) {
	hash, err := c.hash(i)
	if err != nil {
		return nil, err
	}
	b, _, unknown := c.node.state(hash)
	if unknown != nil {
		return nil, errRuntimeAPI(unknown)
	}
	return b.runtime, nil
}

// hashOrBest reads argument i as a block hash. Without one it is that of the best block.
func (c *invocation) hashOrBest(i int) (Hash, error) {
	hash, err := c.hash(i)
	if err != nil {
		return Hash{}, err
	}
	if hash == nil {
		return c.node.header(nil).Hash, nil
	}
	return *hash, nil
}

func stateCall(c *invocation) (any, error) {
	var name string
	if err := c.decode(0, &name); err != nil {
		return nil, err
	}
	args, err := c.requiredBytes(1)
	if err != nil {
		return nil, err
	}
	hash, err := c.hash(2)
	if err != nil {
		return nil, err
	}
	output, err := c.node.call(hash, name, args)
	if err != nil {
		return nil, errClient("%v", err)
	}
	return hexBytes(output), nil
}

func getKeys(c *invocation) (any, error) {
	prefix, err := c.requiredBytes(0)
	if err != nil {
		return nil, err
	}
	state, err := c.stateAt(1)
	if err != nil {
		return nil, err
	}
	keys := []hexBytes{}
	for key := range state.All(prefix, nil) {
		keys = append(keys, key)
	}
	return keys, nil
}

func getPairs(c *invocation) (any, error) {
	prefix, err := c.requiredBytes(0)
	if err != nil {
		return nil, err
	}
	state, err := c.stateAt(1)
	if err != nil {
		return nil, err
	}
	pairs := [][2]hexBytes{}
	for key, value := range state.All(prefix, nil) {
		pairs = append(pairs, [2]hexBytes{key, value})
	}
	return pairs, nil
}

func getKeysPaged(c *invocation) (any, error) {
	prefix, err := c.bytes(0)
	if err != nil {
		return nil, err
	}
	var count uint32
	if err := c.decode(1, &count); err != nil {
		return nil, err
	}
	after, err := c.bytes(2)
	if err != nil {
		return nil, err
	}
	if count > maxKeysPaged {
		return nil, &RPCError{
			Code:    codeInvalidCount,
			Message: fmt.Sprintf("count exceeds maximum value. value: %d, max: %d", count, maxKeysPaged),
		}
	}
	state, err := c.stateAt(3)
	if err != nil {
		return nil, err
	}
	keys := []hexBytes{}
	if count == 0 {
		return keys, nil
	}
	for key := range state.All(prefix, after) {
		keys = append(keys, key)
		if len(keys) == int(count) {
			break
		}
	}
	return keys, nil
}

// value reads arguments as a key and a block hash and looks the key up.
func (c *invocation) value() (value []byte, ok bool, err error) {
	key, err := c.requiredBytes(0)
	if err != nil {
		return nil, false, err
	}
	state, err := c.stateAt(1)
	if err != nil {
		return nil, false, err
	}
	value, ok = state.Get(key)
	return value, ok, nil
}

func getStorage(c *invocation) (any, error) {
	value, ok, err := c.value()
	if err != nil || !ok {
		return nil, err
	}
	return hexBytes(value), nil
}

func getStorageHash(c *invocation) (any, error) {
	value, ok, err := c.value()
	if err != nil || !ok {
		return nil, err
	}
	return Hash(blake2b.Sum256(value)), nil
}

// getStorageSize is the length of a value, or of all values below a prefix.
func getStorageSize(c *invocation) (any, error) {
	value, ok, err := c.value()
	if err != nil || ok {
		return len(value), err
	}
	prefix, _ := c.bytes(0)
	state, err := c.stateAt(1)
	if err != nil {
		return nil, err
	}
	sum := 0
	for _, value := range state.All(prefix, nil) {
		sum += len(value)
	}
	if sum == 0 {
		return nil, nil
	}
	return sum, nil
}

func getMetadata(c *invocation) (any, error) {
	at, err := c.runtimeAt(0)
	if err != nil {
		return nil, err
	}
	metadata, ok := at.Metadata(14)
	if !ok {
		return nil, errClient("Execution failed: the runtime has no metadata of version 14")
	}
	return hexBytes(metadata), nil
}

func getRuntimeVersion(c *invocation) (any, error) {
	at, err := c.runtimeAt(0)
	if err != nil {
		return nil, err
	}
	return versionJSON(at.Version()), nil
}

// versionJSON is sp-version's RuntimeVersion, with the state version under the
// name that it had and the one that it has.
func versionJSON(v runtime.Version) any {
	apis := make([][2]any, len(v.APIs))
	for i, api := range v.APIs {
		apis[i] = [2]any{hexBytes(api.ID[:]), api.Version}
	}
	return struct {
		SpecName           string   `json:"specName"`
		ImplName           string   `json:"implName"`
		AuthoringVersion   uint32   `json:"authoringVersion"`
		SpecVersion        uint32   `json:"specVersion"`
		ImplVersion        uint32   `json:"implVersion"`
		APIs               [][2]any `json:"apis"`
		TransactionVersion uint32   `json:"transactionVersion"`
		SystemVersion      uint8    `json:"systemVersion"`
		StateVersion       uint8    `json:"stateVersion"`
	}{v.SpecName, v.ImplName, v.AuthoringVersion, v.SpecVersion, v.ImplVersion, apis, v.TransactionVersion, v.StateVersion, v.StateVersion}
}

func sameVersion(a, b runtime.Version) bool {
	return a.SpecName == b.SpecName && a.ImplName == b.ImplName && a.AuthoringVersion == b.AuthoringVersion &&
		a.SpecVersion == b.SpecVersion && a.ImplVersion == b.ImplVersion && a.TransactionVersion == b.TransactionVersion &&
		a.StateVersion == b.StateVersion && slices.Equal(a.APIs, b.APIs)
}

func queryStorageAt(c *invocation) (any, error) {
	keys, err := c.keys(0)
	if err != nil {
		return nil, err
	}
	at, err := c.hashOrBest(1)
	if err != nil {
		return nil, err
	}
	return c.queryRange(keys, at, at)
}

func queryStorage(c *invocation) (any, error) {
	keys, err := c.keys(0)
	if err != nil {
		return nil, err
	}
	from, err := c.hash(1)
	if err != nil {
		return nil, err
	}
	if from == nil {
		return nil, c.invalid(1, "missing")
	}
	to, err := c.hashOrBest(2)
	if err != nil {
		return nil, err
	}
	return c.queryRange(keys, *from, to)
}

// queryRange lists all keys at the first block, and at each later one up to the
// last what changed.
func (c *invocation) queryRange(keys [][]byte, from, to Hash) (any, error) {
	path, err := c.node.path(from, to)
	if err != nil {
		return nil, err
	}
	sets := []storageChanges{}
	var before *trie.Trie
	for _, b := range path {
		_, state, unknown := c.node.state(&b.Hash)
		if unknown != nil {
			return nil, errClient("%v", unknown)
		}
		if set := changeSet(b.Hash, keys, state, before); len(set.Changes) > 0 {
			sets = append(sets, set)
		}
		before = &state
	}
	return sets, nil
}

// path is the blocks between two, both included.
func (n *Node) path(from, to Hash) ([]*block, error) {
	first, last := n.header(&from), n.header(&to)
	for _, end := range []struct {
		hash Hash
		b    *block
	}{{from, first}, {to, last}} {
		if end.b == nil {
			return nil, errBlockRange(from.String(), fmt.Sprintf("Some(%v)", to), (&blockError{hash: end.hash}).Error())
		}
	}
	name := func(b *block) string { return fmt.Sprintf("%d (%v)", b.Number, b.Hash) }
	switch {
	case first.Number > last.Number:
		return nil, errBlockRange(name(first), name(last), "from number > to number")
	case last.Number-first.Number >= maxQueryRange:
		return nil, errBlockRange(name(first), name(last), fmt.Sprintf("more than %d blocks", maxQueryRange))
	case !first.isAncestorOf(last):
		return nil, errBlockRange(name(first), name(last), "from and to are on different forks")
	}
	path := []*block{last}
	for path[len(path)-1] != first {
		path = append(path, path[len(path)-1].parent)
	}
	slices.Reverse(path)
	return path, nil
}

func errBlockRange(from, to, details string) *RPCError {
	return &RPCError{Code: codeInvalidBlockRange, Message: fmt.Sprintf("Cannot resolve a block range ['%q' ... '%q]. %s", from, to, details)}
}

// call runs a runtime API on the state of a block. Errors are worded as the
// client of a node words them.
func (n *Node) call(at *Hash, name string, args []byte) ([]byte, error) {
	b, state, unknown := n.state(at)
	if unknown != nil {
		return nil, unknown
	}
	if output, ok := n.builtin(b.runtime, name, args); ok {
		return output, nil
	}
	output, err := b.runtime.Call(state.Edit(), name, args)
	if errors.Is(err, runtime.ErrNoMethod) {
		return nil, fmt.Errorf("Execution failed: Other: Exported method %s is not found", name) //nolint:staticcheck // a node's words
	}
	if err != nil {
		return nil, fmt.Errorf("Execution failed: %w", err) //nolint:staticcheck // a node's words
	}
	return bytes.Clone(output), nil
}
