package devchain

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
)

func chainMethods() []method {
	return []method{
		{name: "chain_getHeader", params: []string{"hash"}, handle: getHeader},
		{name: "chain_getBlock", params: []string{"hash"}, handle: getBlock},
		{name: "chain_getBlockHash", aliases: []string{"chain_getHead"}, params: []string{"hash"}, handle: getBlockHash},
		{name: "chain_getFinalizedHead", aliases: []string{"chain_getFinalisedHead"}, handle: getFinalizedHead},
		{name: "chain_subscribeNewHeads", aliases: []string{"subscribe_newHead", "chain_subscribeNewHead"}, handle: subscribeNewHeads},
		{name: "chain_unsubscribeNewHeads", aliases: []string{"unsubscribe_newHead", "chain_unsubscribeNewHead"}, params: []string{"subscription"}, handle: unsubscribe},
		{name: "chain_subscribeAllHeads", handle: subscribeAllHeads},
		{name: "chain_unsubscribeAllHeads", params: []string{"subscription"}, handle: unsubscribe},
		{name: "chain_subscribeFinalizedHeads", aliases: []string{"chain_subscribeFinalisedHeads"}, handle: subscribeFinalizedHeads},
		{name: "chain_unsubscribeFinalizedHeads", aliases: []string{"chain_unsubscribeFinalisedHeads"}, params: []string{"subscription"}, handle: unsubscribe},
	}
}

func getHeader(c *invocation) (any, error) {
	hash, err := c.hash(0)
	if err != nil {
		return nil, err
	}
	b := c.node.header(hash)
	if b == nil {
		return nil, nil
	}
	return headerJSON(b), nil
}

func getBlock(c *invocation) (any, error) {
	hash, err := c.hash(0)
	if err != nil {
		return nil, err
	}
	b := c.node.header(hash)
	if b == nil {
		return nil, nil
	}
	extrinsics := make([]hexBytes, len(b.Extrinsics))
	for i, extrinsic := range b.Extrinsics {
		extrinsics[i] = extrinsic
	}
	return map[string]any{
		"block":          map[string]any{"header": headerJSON(b), "extrinsics": extrinsics},
		"justifications": nil,
	}, nil
}

func getFinalizedHead(c *invocation) (any, error) {
	l := c.node.chain.ledger
	l.mu.RLock()
	defer l.mu.RUnlock()
	return c.node.finalized.Hash, nil
}

// getBlockHash takes nothing, a number, or a list of numbers.
func getBlockHash(c *invocation) (any, error) {
	arg := c.args[0]
	switch {
	case arg == nil:
		return c.node.header(nil).Hash, nil
	case arg[0] != '[':
		return c.blockHash(arg)
	}
	numbers, err := c.list(0)
	if err != nil {
		return nil, err
	}
	hashes := make([]any, len(numbers))
	for i, number := range numbers {
		hash, err := c.blockHash(number)
		if err != nil {
			return nil, err
		}
		hashes[i] = hash
	}
	return hashes, nil
}

// blockHash is the hash, or nil, of the block with a number given as a number or
// in hexadecimal.
func (c *invocation) blockHash(arg json.RawMessage) (any, error) {
	text := string(arg)
	number, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		if json.Unmarshal(arg, &text) != nil || !strings.HasPrefix(text, "0x") {
			return nil, c.invalid(0, "expected a block number")
		}
		if number, err = strconv.ParseUint(text[2:], 16, 64); err != nil {
			return nil, c.invalid(0, "expected a block number")
		}
	}
	if number > math.MaxUint32 {
		return nil, &RPCError{Code: 3001, Message: fmt.Sprintf("`%s` > u32::MAX, the max block number is u32.", arg)}
	}
	l := c.node.chain.ledger
	l.mu.RLock()
	defer l.mu.RUnlock()
	b := l.ancestor(c.node.best, number)
	if b == nil {
		return nil, nil
	}
	return b.Hash, nil
}
