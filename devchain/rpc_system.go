package devchain

import (
	"errors"

	"github.com/bittensor-pylon/pylon/internal/scale"
	"github.com/bittensor-pylon/pylon/ss58"
)

const (
	nodeName    = "Pylon development chain"
	nodeVersion = "1.0.0"
	chainName   = "Development"
	// peerID is a well-formed identity; nobody has the key.
	peerID = "12D3KooWEyoppNCUx8Yx66oV9fJnriXwCcXwDDUA2kj6vnc6iDEp"
)

// properties are those of Bittensor's networks.
var properties = map[string]any{"ss58Format": 42, "tokenDecimals": 9, "tokenSymbol": "TAO"}

// codeSystemError is the code of a failed system_accountNextIndex.
const codeSystemError = 1

func systemMethods() []method {
	return []method{
		{name: "rpc_methods", handle: methodNames},
		{name: "system_name", handle: constant(nodeName)},
		{name: "system_version", handle: constant(nodeVersion)},
		{name: "system_chain", handle: constant(chainName)},
		{name: "system_chainType", handle: constant("Development")},
		{name: "system_properties", handle: constant(properties)},
		{name: "system_health", handle: constant(map[string]any{"peers": 0, "isSyncing": false, "shouldHavePeers": false})},
		{name: "system_localPeerId", handle: constant(peerID)},
		{name: "system_localListenAddresses", handle: constant([]string{})},
		{name: "system_peers", handle: constant([]string{})},
		{name: "system_reservedPeers", handle: constant([]string{})},
		{name: "system_nodeRoles", handle: constant([]string{"Authority"})},
		{name: "system_syncState", handle: syncState},
		{name: "system_accountNextIndex", aliases: []string{"account_nextIndex"}, params: []string{"account"}, handle: accountNextIndex},
		{name: "chainSpec_v1_chainName", handle: constant(chainName)},
		{name: "chainSpec_v1_genesisHash", handle: func(c *invocation) (any, error) { return c.node.chain.Genesis().Hash, nil }},
		{name: "chainSpec_v1_properties", handle: constant(properties)},
	}
}

func syncState(c *invocation) (any, error) {
	best := c.node.header(nil).Number
	return map[string]any{"startingBlock": 0, "currentBlock": best, "highestBlock": best}, nil
}

// accountNextIndex asks the runtime for an account's nonce, and counts what is in
// the pool.
func accountNextIndex(c *invocation) (any, error) {
	var address string
	if err := c.decode(0, &address); err != nil {
		return nil, err
	}
	account, _, err := ss58.Decode(address)
	if err != nil {
		return nil, c.invalid(0, "%v", err)
	}
	output, err := c.node.call(nil, "AccountNonceApi_account_nonce", account[:])
	if err != nil {
		return nil, &RPCError{Code: codeSystemError, Message: "Unable to query nonce.", Data: err.Error()}
	}
	r := scale.NewReader(output)
	nonce := r.Uint32()
	if err := r.Close(); err != nil {
		return nil, errors.New("the runtime's nonce is not a u32")
	}
	return c.node.chain.pool.nextIndex(account, nonce), nil
}
