package pylon

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
)

// chainV1 is what version 1 tells about the chain. All of it is public.
type chainV1 struct{ client *Client }

// chainUnstable is what the unstable version tells about the chain. It asks for open access.
type chainUnstable struct{ client *Client }

// Identities returns the identities that the service keeps. They are public.
func (v chainV1) Identities(ctx context.Context) (Identities, error) {
	return identities(ctx, v.client, v1)
}

// Identities returns the identities that the service keeps. They are public.
func (v chainUnstable) Identities(ctx context.Context) (Identities, error) {
	return identities(ctx, v.client, unstable)
}

func identities(ctx context.Context, c *Client, v version) (Identities, error) {
	all, err := ask[Identities](ctx, c, request{method: http.MethodGet, path: v.path("/identities")}, nil)
	if err != nil {
		return nil, err
	}
	return *all, nil
}

// LatestBlock returns the newest block.
func (v chainV1) LatestBlock(ctx context.Context) (*BlockInfo, error) {
	return publicV1(ctx, v.client, "/block/latest", checkBlockInfo)
}

// LatestBlock returns the newest block.
func (v chainUnstable) LatestBlock(ctx context.Context) (*BlockInfo, error) {
	return openUnstable(ctx, v.client, request{method: http.MethodGet, path: "/block/latest"}, checkBlockInfo)
}

// Extrinsic returns an extrinsic of a block by its place in it. Is there none, it is an ErrNotFound.
func (v chainV1) Extrinsic(ctx context.Context, block uint64, index uint32) (*Extrinsic, error) {
	return publicV1(ctx, v.client, extrinsicPath(block, index), checkExtrinsic)
}

// Extrinsic returns an extrinsic of a block by its place in it. Is there none, it is an ErrNotFound.
func (v chainUnstable) Extrinsic(ctx context.Context, block uint64, index uint32) (*Extrinsic, error) {
	return openUnstable(ctx, v.client, request{method: http.MethodGet, path: extrinsicPath(block, index)}, checkExtrinsic)
}

func checkExtrinsic(e *Extrinsic) error {
	if e.Call.Function == "" {
		return missing("call")
	}
	return nil
}

func extrinsicPath(block uint64, index uint32) string {
	return blockPath(block, "/extrinsic/"+strconv.FormatUint(uint64(index), 10))
}

// LastStoredRound returns the newest round of the drand beacon that the chain knows.
func (v chainUnstable) LastStoredRound(ctx context.Context) (uint64, error) {
	type round struct {
		LastStoredRound *uint64 `json:"last_stored_round"`
	}
	check := func(r *round) error {
		if r.LastStoredRound == nil {
			return missing("last_stored_round")
		}
		return nil
	}
	read, err := openUnstable(ctx, v.client, request{method: http.MethodGet, path: "/block/latest/drand/last_stored_round"}, check)
	if err != nil {
		return 0, err
	}
	return *read.LastStoredRound, nil
}

// LatestPrices returns what alpha costs on each subnet at the newest block.
func (v chainUnstable) LatestPrices(ctx context.Context) (*Prices, error) {
	return openUnstable[Prices](ctx, v.client, request{method: http.MethodGet, path: "/block/latest/prices"}, nil)
}

// Prices returns what alpha costs on each subnet at a block. Blocks before the chain knew prices are a ResponseError with
// status 501.
func (v chainUnstable) Prices(ctx context.Context, block uint64) (*Prices, error) {
	return openUnstable[Prices](ctx, v.client, request{method: http.MethodGet, path: blockPath(block, "/prices")}, nil)
}

// EVMLogs returns the events that an EVM contract emitted between two blocks, both included, as far as its ABI has them.
// The contract's address is 0x and 40 hexadecimal digits.
func (v chainUnstable) EVMLogs(ctx context.Context, contract string, from, to uint64, abi []ABIEntry) (*EVMLogs, error) {
	address, err := pathPart("contract", contract)
	if err != nil {
		return nil, err
	}
	if abi == nil {
		abi = []ABIEntry{}
	}
	check := func(logs *EVMLogs) error {
		if logs.Logs == nil {
			return missing("logs")
		}
		return nil
	}
	return openUnstable(ctx, v.client, request{
		method: http.MethodPost,
		path:   "/evm/contracts/" + address + "/logs",
		query:  url.Values{"from_block": {strconv.FormatUint(from, 10)}, "to_block": {strconv.FormatUint(to, 10)}},
		body:   map[string][]ABIEntry{"abi": abi},
	}, check)
}

// publicV1 reads what anybody may read. The service does not look at the token, others in its place may.
func publicV1[T any](ctx context.Context, c *Client, path string, check func(*T) error) (*T, error) {
	return ask(ctx, c, request{method: http.MethodGet, path: v1.path(path), token: c.config.OpenAccessToken}, check)
}

// openUnstable asks with open access.
func openUnstable[T any](ctx context.Context, c *Client, r request, check func(*T) error) (*T, error) {
	token, err := c.openAccess()
	if err != nil {
		return nil, err
	}
	r.path, r.token = unstable.path("/openaccess"+r.path), token
	return ask(ctx, c, r, check)
}

func checkBlockInfo(b *BlockInfo) error { return checkHash(b.Hash) }

// checkHash tells whether an answer names its block, which types with methods of their own look for themselves.
func checkHash(hash string) error {
	if hash == "" {
		return missing("block")
	}
	return nil
}

func missing(member string) error { return errors.New(`"` + member + `" is missing`) }
