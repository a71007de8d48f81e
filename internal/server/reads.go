package server

import (
	"context"
	"net/http"
	"slices"

	pylon "github.com/bittensor-pylon/pylon"
	"github.com/bittensor-pylon/pylon/internal/problem"
)

func (x *exchange) answerIdentities() error {
	return x.writeRendered(bodyKey{question: askIdentities}, x.server.identityList.AppendJSON)
}

func (x *exchange) answerLatestBlock() error {
	block, err := x.server.config.Chain.LatestBlock(x.ctx)
	if err != nil {
		return err
	}
	x.writeJSON(http.StatusOK, block.AppendJSON(make([]byte, 0, 160)))
	return nil
}

// readSubnet reads what is known of the subnet that the path names, at the block that it names.
func readSubnet[T any](
	x *exchange,
	latest func(ChainReader, context.Context, pylon.Netuid) (T, error),
	at func(ChainReader, context.Context, uint64, pylon.Netuid) (T, error),
) (value T, netuid pylon.Netuid, err error) {
	if netuid, err = x.netuid(); err != nil {
		return value, 0, err
	}
	number, newest, err := x.blockNumber()
	switch {
	case err != nil:
	case newest:
		value, err = latest(x.server.config.Chain, x.ctx, netuid)
	default:
		value, err = at(x.server.config.Chain, x.ctx, number, netuid)
	}
	return value, netuid, err
}

// readHotkey reads what is known at the newest block of the hotkey that the path names.
func readHotkey[T any](
	x *exchange, read func(ChainReader, context.Context, pylon.Netuid, pylon.Hotkey) (T, error),
) (value T, err error) {
	netuid, err := x.netuid()
	if err != nil {
		return value, err
	}
	hotkey, err := x.hotkey()
	if err != nil {
		return value, err
	}
	return read(x.server.config.Chain, x.ctx, netuid, hotkey)
}

// netuid returns the subnet that the path names. No subnet has a number outside of the type.
func (x *exchange) netuid() (pylon.Netuid, error) {
	if x.identity != nil {
		return x.identity.Netuid, nil // the path has been compared with it
	}
	n := x.integer("netuid")
	value, ok := n.uint(16)
	if !ok {
		return 0, problem.New(problem.NotFound, "Subnet "+n.String()+" not found.")
	}
	return pylon.Netuid(value), nil
}

// blockNumber returns the block that the path names. A path without a number means the newest one, and so does -1, as
// it happens to do in the Python service.
func (x *exchange) blockNumber() (number uint64, newest bool, err error) {
	if !slices.Contains(x.route.params, "block_number") {
		return 0, true, nil
	}
	n := x.integer("block_number")
	if n.negative && n.digits == "1" {
		return 0, true, nil
	}
	number, ok := n.uint(64)
	if !ok {
		return 0, false, problem.New(problem.NotFound, "Block "+n.String()+" not found.")
	}
	return number, false, nil
}

// knownBlockNumber returns the number of the block that the path names, also of the newest one.
func (x *exchange) knownBlockNumber() (uint64, error) {
	number, newest, err := x.blockNumber()
	if err != nil || !newest {
		return number, err
	}
	block, err := x.server.config.Chain.LatestBlock(x.ctx)
	if err != nil {
		return 0, err
	}
	return block.Number, nil
}

// hotkey returns the hotkey that the path names. A path that ends in self, where the route is one of its own, means
// that of the identity.
func (x *exchange) hotkey() (pylon.Hotkey, error) {
	if slices.Contains(x.route.params, "hotkey") {
		return pylon.Hotkey(x.param("hotkey")), nil
	}
	if x.identity.Hotkey == "" {
		return "", problem.New(problem.NotReady, "The hotkey of identity '"+x.identity.Name+"' is not known: its file could not be read.")
	}
	return x.identity.Hotkey, nil
}
