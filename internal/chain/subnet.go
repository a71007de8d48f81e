package chain

import (
	"context"
	"fmt"

	"golang.org/x/sync/errgroup"

	pylon "github.com/bittensor-pylon/pylon"
	"github.com/bittensor-pylon/pylon/internal/scale"
)

// latestSubnet returns a subnet at the newest block for which it is ready.
func (c *Chain) latestSubnet(ctx context.Context, netuid pylon.Netuid) (*subnet, error) {
	asked := c.latestOf(netuid)
	asked.touch()
	head, err := c.newest(ctx)
	if err != nil {
		return nil, err
	}
	ready, newest := asked.near(head)
	if ready == nil {
		return asked.at(ctx, head)
	}
	if !newest {
		readAhead(c, asked, head)
	}
	return ready.value, nil
}

// latestOf returns the question for a subnet's latest neurons.
func (c *Chain) latestOf(netuid pylon.Netuid) *latest[*subnet] {
	if known, ok := c.subnets.Load(netuid); ok {
		return known.(*latest[*subnet])
	}
	known, _ := c.subnets.LoadOrStore(netuid, &latest[*subnet]{
		read: func(ctx context.Context, head *sighting) (*subnet, error) {
			return c.subnetAt(ctx, head.block(), netuid)
		},
	})
	return known.(*latest[*subnet])
}

func (c *Chain) subnetAtNumber(ctx context.Context, number uint64, netuid pylon.Netuid) (*subnet, error) {
	at, err := c.blockAt(ctx, number)
	if err != nil {
		return nil, err
	}
	return c.subnetAt(ctx, at, netuid)
}

// subnetAt returns a subnet at a block. That there is no such subnet is an answer like another, and kept like another.
func (c *Chain) subnetAt(ctx context.Context, at block, netuid pylon.Netuid) (*subnet, error) {
	q := question{topic: aboutNeurons, netuid: netuid, hash: at.Hash}
	return ask[*subnet](ctx, c.flights, q, func(ctx context.Context) (fetched, error) {
		neurons, err := read(ctx, c, getNeurons, at, netuidLabel(netuid), func(ctx context.Context, v *visit) (*pylon.Neurons, error) {
			return v.neurons(ctx, netuid)
		})
		if err != nil {
			return fetched{}, err
		}
		answer := newSubnet(neurons)
		return fetched{value: answer, bytes: answer.bytes()}, nil
	})
}

// neurons reads the neurons of a subnet and the state that their stakes are in, both at once, and nil when there is no
// such subnet.
func (v *visit) neurons(ctx context.Context, netuid pylon.Netuid) (*pylon.Neurons, error) {
	layout, err := v.layout(ctx)
	if err != nil {
		return nil, err
	}
	lists, err := layout.neurons()
	if err != nil {
		return nil, err
	}
	states, err := layout.subnetState()
	hasState := !lacksMethod(err) // else the runtime is from before there were subnet states
	if err != nil && hasState {
		return nil, err
	}

	// Only the waiting is done side by side. What is decoded may be anything, and is decoded where a panic is caught.
	args := scale.AppendUint16(nil, uint16(netuid))
	var list, state []byte
	group, groupCtx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		list, err = v.measuredCall(groupCtx, getNeuronsList, lists.method, args)
		return err
	})
	if hasState {
		group.Go(func() (err error) {
			state, err = v.measuredCall(groupCtx, getSubnetState, states.method, args)
			if lacksMethod(err) && states.wrapped {
				hasState = false // metadata of version 14 does not tell before the call
				return nil
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}

	decoded, err := lists.decode(list)
	if err != nil {
		return nil, err
	}
	var records []neuronRecord
	if decoded != nil {
		records = *decoded
	}
	if !hasState {
		return v.neuronsWithoutState(ctx, netuid, records)
	}
	stakes, err := states.decode(state)
	switch {
	case err != nil:
		return nil, err
	case stakes == nil && len(records) > 0:
		return nil, fmt.Errorf("%d neurons of a subnet without a state", len(records))
	case stakes == nil:
		return nil, nil
	}
	return neuronsOf(v.block, netuid, records, stakes, v.chain.bookOf(netuid))
}

// neuronsWithoutState makes the neurons of a runtime that has no subnet states. A list of no neurons is what such a
// runtime says of a subnet without neurons, and of no subnet.
func (v *visit) neuronsWithoutState(ctx context.Context, netuid pylon.Netuid, records []neuronRecord) (*pylon.Neurons, error) {
	if len(records) == 0 {
		exists, err := v.exists(ctx, netuid)
		if err != nil || !exists {
			return nil, err
		}
	}
	return neuronsOf(v.block, netuid, records, nil, v.chain.bookOf(netuid))
}

// measuredCall asks a runtime API as a part of an operation.
func (v *visit) measuredCall(ctx context.Context, op operation, method string, args []byte) ([]byte, error) {
	return measure(ctx, v, op, func(ctx context.Context, v *visit) ([]byte, error) { return v.call(ctx, method, args) })
}

func (c *Chain) bookOf(netuid pylon.Netuid) *addressBook {
	if known, ok := c.books.Load(netuid); ok {
		return known.(*addressBook)
	}
	known, _ := c.books.LoadOrStore(netuid, new(addressBook))
	return known.(*addressBook)
}

// existsAt tells whether there was such a subnet at a block.
func (c *Chain) existsAt(ctx context.Context, at block, netuid pylon.Netuid) (bool, error) {
	q := question{topic: aboutExistence, netuid: netuid, hash: at.Hash}
	return ask[bool](ctx, c.flights, q, func(ctx context.Context) (fetched, error) {
		exists, err := read(ctx, c, getSubnetExists, at, netuidLabel(netuid), func(ctx context.Context, v *visit) (bool, error) {
			return v.exists(ctx, netuid)
		})
		return fetched{value: exists}, err
	})
}

func (v *visit) exists(ctx context.Context, netuid pylon.Netuid) (bool, error) {
	layout, err := v.layout(ctx)
	if err != nil {
		return false, err
	}
	return stored(ctx, v, layout.networks, uint16(netuid))
}
