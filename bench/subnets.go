package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/bittensor-pylon/pylon/bench/internal/measure"
	"github.com/bittensor-pylon/pylon/devchain"
)

const (
	hotSubnets    = 128
	hotNeuronsOf  = 256
	hotBlockTime  = 12 * time.Second
	hotBlocks     = 5
	mostOfOneCore = 0.25
)

// manySubnets measures what it costs the service to keep 128 subnets of 256 neurons ready on every block, while each is
// asked for every three seconds.
func manySubnets(b *bench) ([]row, error) {
	url, stop, err := startManySubnets(b.ctx)
	if err != nil {
		return nil, err
	}
	defer stop()
	s, err := b.startService(url, "PYLON_METRICS_TOKEN="+token)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(b.ctx)
	defer cancel()
	var body []byte
	for netuid := 1; netuid <= hotSubnets; netuid++ {
		if body, err = s.wait(latestOf(netuid)); err != nil {
			return nil, err
		}
	}
	failed := make(chan error, 1)
	go func() { failed <- askAround(ctx, s) }()
	before, err := measure.CPU(s.process.Process.Pid)
	if err != nil {
		return nil, err
	}
	began := time.Now()
	select {
	case <-time.After(hotBlocks * hotBlockTime):
	case err := <-failed:
		return nil, err
	}
	after, err := measure.CPU(s.process.Process.Pid)
	if err != nil {
		return nil, err
	}
	if err := s.advanced(body); err != nil {
		return nil, err
	}
	share := (after - before).Seconds() / time.Since(began).Seconds()
	resident, err := measure.Memory(s.process.Process.Pid, measure.Resident)
	if err != nil {
		return nil, err
	}
	return []row{{
		what:  fmt.Sprintf("%d hot subnets of %d neurons (%d bytes each), read anew on every 12 s block, %d requests a second", hotSubnets, hotNeuronsOf, len(body), hotSubnets/3),
		value: fmt.Sprintf("%.2f of one core, %.0f MiB", share, resident), beside: "—",
		bar: fmt.Sprintf("< %.2f of one core", mostOfOneCore), met: share < mostOfOneCore,
	}}, nil
}

// advanced checks that every subnet has been read anew since the first answer.
func (s *service) advanced(first []byte) error {
	numberOf := func(body []byte) (uint64, error) {
		var answer struct{ Block struct{ Number uint64 } }
		err := json.Unmarshal(body, &answer)
		return answer.Block.Number, err
	}
	from, err := numberOf(first)
	if err != nil {
		return err
	}
	for netuid := 1; netuid <= hotSubnets; netuid++ {
		body, err := fetch(s.url+latestOf(netuid), nil)
		if err != nil {
			return err
		}
		now, err := numberOf(body)
		if err != nil {
			return err
		}
		if now < from+hotBlocks-1 {
			return fmt.Errorf("subnet %d is answered at block %d, %d blocks after %d", netuid, now, hotBlocks, from)
		}
	}
	return nil
}

func latestOf(netuid int) string {
	return "/api/v1/subnet/" + strconv.Itoa(netuid) + "/block/latest/neurons"
}

// askAround asks for one subnet after the other, each once in three seconds, and for the metrics now and then.
func askAround(ctx context.Context, s *service) error {
	tick := time.NewTicker(3 * time.Second / hotSubnets)
	defer tick.Stop()
	for i := 0; ; i++ {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if _, err := fetch(s.url+latestOf(1+i%hotSubnets), nil); err != nil {
			return err
		}
		if i%(5*hotSubnets/3) == 0 {
			if _, err := fetch(s.url+"/metrics", nil); err != nil {
				return err
			}
		}
	}
}

// startManySubnets runs a development chain in this process, whose own cost does not count.
func startManySubnets(ctx context.Context) (url string, stop func(), err error) {
	subnets := make([]devchain.Subnet, hotSubnets)
	for i := range subnets {
		subnets[i] = devchain.Subnet{Netuid: uint16(1 + i), Neurons: hotNeuronsOf}
	}
	runtime, err := devchain.NewSubtensor(devchain.SubtensorConfig{Subnets: subnets, BlockTime: hotBlockTime})
	if err != nil {
		return "", nil, err
	}
	chain, err := devchain.New(devchain.Config{Runtime: runtime, BlockTime: hotBlockTime})
	if err != nil {
		return "", nil, err
	}
	if _, err = chain.Produce(1); err == nil {
		err = chain.Start(ctx)
	}
	if err != nil {
		return "", nil, fmt.Errorf("%w, %w", err, chain.Close())
	}
	return chain.URL(), func() { _ = chain.Close() }, nil
}
