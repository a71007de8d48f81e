package chain

import (
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"

	pylon "github.com/bittensor-pylon/pylon"
	"github.com/bittensor-pylon/pylon/internal/scale"
)

// priceRecord is the chain's SubnetPrice: rao of TAO for one alpha.
type priceRecord struct {
	Netuid uint16 `scale:"netuid"`
	Price  uint64 `scale:"price"`
}

// LatestPrices returns the prices of all subnets at the newest known block.
func (c *Chain) LatestPrices(ctx context.Context) (*pylon.Prices, error) {
	at, err := c.newestBlock(ctx)
	if err != nil {
		return nil, err
	}
	return c.pricesAt(ctx, at)
}

// Prices returns the prices of all subnets at the block with the number.
func (c *Chain) Prices(ctx context.Context, number uint64) (*pylon.Prices, error) {
	at, err := c.blockAt(ctx, number)
	if err != nil {
		return nil, err
	}
	return c.pricesAt(ctx, at)
}

func (c *Chain) pricesAt(ctx context.Context, at block) (*pylon.Prices, error) {
	return lookUp(ctx, c, question{topic: aboutPrices}, getAlphaPrices, at, notApplicable,
		func(p *pylon.Prices) int64 { return 128 + 16*int64(len(p.Prices)) },
		func(ctx context.Context, v *visit) (*pylon.Prices, error) { return v.prices(ctx) })
}

// prices asks for all prices at once, or subnet by subnet where the runtime can not do that: it can since spec 380, but
// for the specs 385 to 390. None has prices before spec 283.
func (v *visit) prices(ctx context.Context) (*pylon.Prices, error) {
	layout, err := v.layout(ctx)
	if err != nil {
		return nil, err
	}
	records, err := answerOf(ctx, v, layout.priceAll, nil)
	if lacksMethod(err) {
		records, err = v.eachPrice(ctx, layout)
	}
	if err != nil {
		return nil, err
	}
	prices := make([]pylon.SubnetPrice, len(*records))
	for i, record := range *records {
		prices[i] = pylon.SubnetPrice{Netuid: pylon.Netuid(record.Netuid), Value: pylon.Rao(record.Price)}
	}
	slices.SortStableFunc(prices, func(a, b pylon.SubnetPrice) int { return cmp.Compare(a.Netuid, b.Netuid) })
	return &pylon.Prices{Block: v.block.public(), Prices: prices}, nil
}

// priceReads is how many prices are asked for at the same time.
const priceReads = 16

func (v *visit) eachPrice(ctx context.Context, layout *layout) (*[]priceRecord, error) {
	price, err := layout.price()
	if err != nil {
		return nil, err
	}
	netuids, err := v.netuids(ctx, layout)
	if err != nil {
		return nil, err
	}
	answers := make([][]byte, len(netuids))
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(priceReads)
	for i, netuid := range netuids {
		group.Go(func() (err error) {
			answers[i], err = v.call(groupCtx, price.method, scale.AppendUint16(nil, netuid))
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	records := make([]priceRecord, len(netuids))
	for i, netuid := range netuids {
		value, err := price.decode(answers[i])
		if err != nil {
			return nil, err
		}
		records[i] = priceRecord{Netuid: netuid, Price: *value}
	}
	return &records, nil
}

// netuids returns the numbers of all subnets, root included.
func (v *visit) netuids(ctx context.Context, layout *layout) ([]uint16, error) {
	networks, err := layout.networks()
	if err != nil {
		return nil, err
	}
	pairs, err := v.pairs(ctx, networks.item)
	if err != nil {
		return nil, err
	}
	netuids := make([]uint16, 0, len(pairs))
	for _, pair := range pairs {
		parts, err := networks.item.SplitKey(pair.key)
		if err != nil {
			return nil, err
		}
		exists, err := networks.decode(pair.value)
		if err != nil {
			return nil, err
		}
		if len(parts) != 1 || len(parts[0]) != 2 {
			return nil, fmt.Errorf("%s.%s: key %x does not end with a netuid", networks.item.Pallet, networks.item.Name, pair.key)
		}
		if exists {
			netuids = append(netuids, binary.LittleEndian.Uint16(parts[0]))
		}
	}
	return netuids, nil
}

// LatestPrice returns the price of a subnet at the newest known block. A subnet that does not exist has the price that
// the runtime gives by default.
func (c *Chain) LatestPrice(ctx context.Context, netuid pylon.Netuid) (*pylon.Price, error) {
	at, err := c.newestBlock(ctx)
	if err != nil {
		return nil, err
	}
	return c.priceAt(ctx, at, netuid)
}

// Price returns the price of a subnet at the block with the number.
func (c *Chain) Price(ctx context.Context, number uint64, netuid pylon.Netuid) (*pylon.Price, error) {
	at, err := c.blockAt(ctx, number)
	if err != nil {
		return nil, err
	}
	return c.priceAt(ctx, at, netuid)
}

func (c *Chain) priceAt(ctx context.Context, at block, netuid pylon.Netuid) (*pylon.Price, error) {
	q := question{topic: aboutPrice, netuid: netuid}
	return lookUp(ctx, c, q, getAlphaPrice, at, netuidLabel(netuid), sizeOfOne[*pylon.Price],
		func(ctx context.Context, v *visit) (*pylon.Price, error) {
			layout, err := v.layout(ctx)
			if err != nil {
				return nil, err
			}
			value, err := answerOf(ctx, v, layout.price, scale.AppendUint16(nil, uint16(netuid)))
			if err != nil {
				return nil, err
			}
			return &pylon.Price{Block: v.block.public(), Netuid: netuid, Value: pylon.Rao(*value)}, nil
		})
}
