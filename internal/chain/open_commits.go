package chain

import (
	"context"

	pylon "github.com/bittensor-pylon/pylon"
	"github.com/bittensor-pylon/pylon/internal/problem"
	"github.com/bittensor-pylon/pylon/internal/scale"
	"github.com/bittensor-pylon/pylon/internal/substrate"
)

// TimelockedCommit is a timelocked commit that the chain has not opened yet.
type TimelockedCommit struct {
	Hotkey [32]byte
	// Block is the block that included it, Round the drand round that opens it.
	Block, Round uint64
	// Hash is the BLAKE2b-256 of the ciphertext.
	Hash [32]byte
}

// HashedCommit is the hash of weights that have not been revealed yet.
type HashedCommit struct {
	Hash [32]byte
	// Numbers are the commit's epoch, its block and 0 since spec 423, and its block and the first and last block of the
	// reveal before.
	Numbers [3]uint64
}

// Weight is a weight as the chain keeps it: the largest of a row is 65535.
type Weight struct{ UID, Value uint16 }

type weightRecord struct {
	UID   uint16 `scale:"0"`
	Value uint16 `scale:"1"`
}

type timelockedRecord struct {
	Who        accountID `scale:"0"`
	Block      uint64    `scale:"1"`
	Ciphertext []byte    `scale:"2"`
	Round      uint64    `scale:"3"`
}

type hashedRecord struct {
	Hash [32]byte `scale:"0"`
	A    uint64   `scale:"1"`
	B    uint64   `scale:"2"`
	C    uint64   `scale:"3"`
}

// TimelockedCommits returns the timelocked commits to a mechanism in an epoch (by the chain's count) that are not opened
// at a block, in the order of their inclusion.
func (c *Chain) TimelockedCommits(ctx context.Context, at substrate.Header, netuid pylon.Netuid, mechanism uint8, epoch uint64) ([]TimelockedCommit, error) {
	index, ok := StorageIndex(netuid, mechanism)
	if !ok {
		return nil, noMechanism(netuid, mechanism)
	}
	q := question{topic: aboutTimelocked, netuid: pylon.Netuid(index), number: epoch}
	return lookUp(ctx, c, q, getOpenCommits, block{at.Number, at.Hash}, netuidLabel(netuid),
		func(commits []TimelockedCommit) int64 { return int64(len(commits)) * 80 },
		func(ctx context.Context, v *visit) ([]TimelockedCommit, error) {
			l, err := v.layout(ctx)
			if err != nil {
				return nil, err
			}
			records, err := stored(ctx, v, l.timelocked, index, epoch)
			if err != nil {
				return nil, err
			}
			commits := make([]TimelockedCommit, len(records))
			for i, r := range records {
				commits[i] = TimelockedCommit{Hotkey: r.Who, Block: r.Block, Round: r.Round, Hash: scale.Blake2_256(r.Ciphertext)}
			}
			return commits, nil
		})
}

// HashedCommits returns the hashes that a hotkey has committed to a mechanism and not revealed, oldest first. Expired
// ones may be among them.
func (c *Chain) HashedCommits(ctx context.Context, at substrate.Header, query FactsQuery) ([]HashedCommit, error) {
	index, ok := StorageIndex(query.Netuid, query.Mechanism)
	if !ok {
		return nil, noMechanism(query.Netuid, query.Mechanism)
	}
	q := question{topic: aboutHashed, netuid: pylon.Netuid(index), account: query.Hotkey}
	return lookUp(ctx, c, q, getOpenCommits, block{at.Number, at.Hash}, netuidLabel(query.Netuid),
		func(commits []HashedCommit) int64 { return int64(len(commits)) * 64 },
		func(ctx context.Context, v *visit) ([]HashedCommit, error) {
			l, err := v.layout(ctx)
			if err != nil {
				return nil, err
			}
			records, err := storedOptional(ctx, v, l.hashed, index, query.Hotkey)
			if err != nil || records == nil {
				return nil, err
			}
			commits := make([]HashedCommit, len(*records))
			for i, r := range *records {
				commits[i] = HashedCommit{r.Hash, [3]uint64{r.A, r.B, r.C}}
			}
			return commits, nil
		})
}

// WeightsOf returns the weights that a neuron has set on a mechanism, in the order in which it gave them.
func (c *Chain) WeightsOf(ctx context.Context, at substrate.Header, netuid pylon.Netuid, mechanism uint8, uid uint16) ([]Weight, error) {
	index, ok := StorageIndex(netuid, mechanism)
	if !ok {
		return nil, noMechanism(netuid, mechanism)
	}
	q := question{topic: aboutWeights, netuid: pylon.Netuid(index), index: uint32(uid)}
	return lookUp(ctx, c, q, getWeights, block{at.Number, at.Hash}, netuidLabel(netuid),
		func(weights []Weight) int64 { return int64(len(weights)) * 4 },
		func(ctx context.Context, v *visit) ([]Weight, error) {
			l, err := v.layout(ctx)
			if err != nil {
				return nil, err
			}
			records, err := stored(ctx, v, l.weights, index, uid)
			if err != nil {
				return nil, err
			}
			weights := make([]Weight, len(records))
			for i, r := range records {
				weights[i] = Weight(r)
			}
			return weights, nil
		})
}

// NeuronsAt returns the neurons of a subnet at a block, nil when there is no such subnet. The answer is shared and must
// not be changed.
func (c *Chain) NeuronsAt(ctx context.Context, at substrate.Header, netuid pylon.Netuid) (*pylon.Neurons, error) {
	subnet, err := c.subnetAt(ctx, block{at.Number, at.Hash}, netuid)
	if err != nil {
		return nil, err
	}
	return subnet.neurons, nil
}

func noMechanism(netuid pylon.Netuid, mechanism uint8) error {
	return problem.Newf(problem.Invalid, "There can be no mechanism %d of subnet %d.", mechanism, netuid)
}
