package substrate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
)

// BlockHash returns the hash of the block at a height of the best chain, or a KindUnknownBlock error.
func (c *Client) BlockHash(ctx context.Context, number uint64) (Hash, error) {
	if number > math.MaxUint32 {
		// Blocks are numbered with 32 bits, and nodes answer anything else with an error instead of null.
		return Hash{}, &Error{Kind: KindUnknownBlock, Op: "chain_getBlockHash", Message: fmt.Sprintf("there is no block %d", number)}
	}
	return ask(ctx, c, query{method: "chain_getBlockHash", params: []any{number}}, func(raw []byte) (Hash, error) {
		if isNull(raw) {
			return Hash{}, &Error{Kind: KindUnknownBlock, Message: fmt.Sprintf("there is no block %d", number)}
		}
		return decodeHash(raw)
	})
}

// Header returns the header with a hash, or a KindUnknownBlock error. The latest thousand or so are kept.
func (c *Client) Header(ctx context.Context, hash Hash) (Header, error) {
	if h, ok := c.knownHeader(hash); ok {
		return h, nil
	}
	h, err := ask(ctx, c, query{method: "chain_getHeader", params: []any{hash}, at: &hash}, func(raw []byte) (Header, error) {
		if isNull(raw) {
			return Header{}, unknownBlock(hash)
		}
		h, err := decodeHeader(raw)
		return h, checkHash(hash, h, err)
	})
	if err == nil {
		c.mu.Lock()
		c.headers.put(hash, h)
		c.mu.Unlock()
	}
	return h, err
}

func (c *Client) knownHeader(hash Hash) (Header, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.headers.get(hash)
}

// Block returns the block with a hash, or a KindUnknownBlock error. That the extrinsics are those of the header is not
// checked.
func (c *Client) Block(ctx context.Context, hash Hash) (*Block, error) {
	return ask(ctx, c, query{method: "chain_getBlock", params: []any{hash}, at: &hash}, func(raw []byte) (*Block, error) {
		if isNull(raw) {
			return nil, unknownBlock(hash)
		}
		var w struct {
			Block *struct {
				Header     wireHeader `json:"header"`
				Extrinsics []hexBytes `json:"extrinsics"`
			} `json:"block"`
		}
		if err := json.Unmarshal(raw, &w); err != nil {
			return nil, fmt.Errorf("block: %w", err)
		}
		if w.Block == nil {
			return nil, errors.New("block: the member block is missing")
		}
		h, err := w.Block.Header.header()
		if err := checkHash(hash, h, err); err != nil {
			return nil, err
		}
		b := &Block{Header: h, Extrinsics: make([][]byte, len(w.Block.Extrinsics))}
		for i, x := range w.Block.Extrinsics {
			b.Extrinsics[i] = x
		}
		return b, nil
	})
}

func unknownBlock(hash Hash) *Error {
	return &Error{Kind: KindUnknownBlock, Message: "there is no block " + hash.String()}
}

// checkHash refuses a header that is not the one asked for.
func checkHash(asked Hash, h Header, err error) error {
	if err == nil && h.Hash != asked {
		err = fmt.Errorf("the header has another hash than the one asked for: %s, not %s", h.Hash, asked)
	}
	return err
}
