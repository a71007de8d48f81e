package substrate

import (
	"context"
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
// checked: see [Client.FindExtrinsic].
func (c *Client) Block(ctx context.Context, hash Hash) (*Block, error) {
	return ask(ctx, c, query{method: "chain_getBlock", params: []any{hash}, at: &hash}, func(raw []byte) (*Block, error) {
		return decodeBlockOf(hash, raw)
	})
}

// decodeBlockOf decodes the answer of chain_getBlock to the question for one block.
func decodeBlockOf(hash Hash, raw []byte) (*Block, error) {
	if isNull(raw) {
		return nil, unknownBlock(hash)
	}
	b, err := decodeBlock(raw)
	if err != nil {
		return nil, fmt.Errorf("block: %w", err)
	}
	return b, checkHash(hash, b.Header, nil)
}

// decodeBlock decodes the answer of chain_getBlock: a block and what justifies it.
func decodeBlock(raw []byte) (*Block, error) {
	var header, extrinsics []byte
	err := scanObject(raw, func(key, value []byte) error {
		if string(key) != "block" {
			return nil
		}
		return scanObject(value, func(key, value []byte) error {
			switch string(key) {
			case "header":
				header = value
			case "extrinsics":
				extrinsics = value
			}
			return nil
		})
	})
	if err != nil {
		return nil, err
	}
	b := new(Block)
	if b.Header, b.root, err = decodeHeaderAndRoot(header); err != nil {
		return nil, err
	}
	count := 0
	if err := scanArray(extrinsics, func([]byte) error { count++; return nil }); err != nil {
		return nil, fmt.Errorf("extrinsics: %w", err)
	}
	b.Extrinsics = make([][]byte, 0, count)
	all := make([]byte, 0, len(extrinsics)/2)
	err = scanArray(extrinsics, func(value []byte) (err error) {
		start := len(all)
		if all, err = appendHex(all, value); err != nil {
			return err
		}
		if len(all) == start {
			return errors.New("an empty extrinsic")
		}
		b.Extrinsics = append(b.Extrinsics, all[start:len(all):len(all)])
		return nil
	})
	return b, err
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
