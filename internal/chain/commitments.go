package chain

import (
	"context"
	"fmt"

	"golang.org/x/sync/errgroup"

	pylon "github.com/bittensor-pylon/pylon"
	"github.com/bittensor-pylon/pylon/internal/problem"
	"github.com/bittensor-pylon/pylon/internal/scale"
	"github.com/bittensor-pylon/pylon/ss58"
)

// registrationRecord is what is read of the chain's Registration. Its fields are enums that no two spec versions have
// the same variants of: None; Raw0 to Raw128 with as many bytes; four sorts of hashes; and TimelockEncrypted,
// ResetBondsFlag and BigRaw since the specs 257 and 273.
type registrationRecord struct {
	Block uint32 `scale:"block"`
	Info  struct {
		Fields []scale.Enum `scale:"fields"`
	} `scale:"info"`
}

// commitment returns what was committed: the first field with something in it, or nothing when one has room for data and
// none in it. It is nil when no field is for data.
func (r *registrationRecord) commitment(who accountID) (*pylon.Commitment, error) {
	var found *pylon.Commitment
	for _, field := range r.Info.Fields {
		commitment, err := commitmentOf(field)
		if err != nil {
			return nil, err
		}
		if commitment == nil || found != nil && commitment.Data == noData {
			continue
		}
		found = commitment
		if commitment.Data != noData {
			break
		}
	}
	if found != nil {
		found.BlockNumber, found.Hotkey = uint64(r.Block), pylon.Hotkey(ss58.Encode(who))
	}
	return found, nil
}

// noData is the text of no bytes.
const noData = "0x"

// timelocked is the name of the variant with encrypted text.
const timelocked = "TimelockEncrypted"

// commitmentOf reads one field of a commitment. It is nil for a field that is not for data.
func commitmentOf(field scale.Enum) (*pylon.Commitment, error) {
	switch value := field.Value.(type) {
	case nil:
		return nil, nil
	case scale.Bytes:
		return &pylon.Commitment{Kind: pylon.CommitmentHex, Data: value.String()}, nil
	case scale.Object:
		encrypted, _ := value.Get("encrypted")
		round, _ := value.Get("reveal_round")
		data, isBytes := encrypted.(scale.Bytes)
		number, isNumber := round.(uint64)
		if field.Name == timelocked && isBytes && isNumber {
			return &pylon.Commitment{Kind: pylon.CommitmentTimelocked, Data: data.String(), RevealRound: number}, nil
		}
	}
	return nil, fmt.Errorf("a commitment has a field %s of an unknown form", field.Name)
}

// LatestCommitments returns the commitments of a subnet's registered hotkeys at the newest known block, in the order of
// storage. A subnet that does not exist has none.
func (c *Chain) LatestCommitments(ctx context.Context, netuid pylon.Netuid) (*pylon.Commitments, error) {
	at, err := c.newestBlock(ctx)
	if err != nil {
		return nil, err
	}
	return c.commitmentsAt(ctx, at, netuid)
}

// Commitments returns the commitments of a subnet's registered hotkeys at the block with the number.
func (c *Chain) Commitments(ctx context.Context, number uint64, netuid pylon.Netuid) (*pylon.Commitments, error) {
	at, err := c.blockAt(ctx, number)
	if err != nil {
		return nil, err
	}
	return c.commitmentsAt(ctx, at, netuid)
}

func (c *Chain) commitmentsAt(ctx context.Context, at block, netuid pylon.Netuid) (*pylon.Commitments, error) {
	q := question{topic: aboutCommitments, netuid: netuid}
	return lookUp(ctx, c, q, getCommitments, at, netuidLabel(netuid), sizeOfCommitments,
		func(ctx context.Context, v *visit) (*pylon.Commitments, error) { return v.commitments(ctx, netuid) })
}

func sizeOfCommitments(c *pylon.Commitments) (bytes int64) {
	for i := range c.Commitments {
		bytes += 192 + int64(len(c.Commitments[i].Data))
	}
	return bytes
}

// commitments reads who is registered and what was committed, both at once.
func (v *visit) commitments(ctx context.Context, netuid pylon.Netuid) (*pylon.Commitments, error) {
	layout, err := v.layout(ctx)
	if err != nil {
		return nil, err
	}
	reader, err := layout.commitments()
	if err != nil {
		return nil, err
	}
	uids, err := layout.uids()
	if err != nil {
		return nil, err
	}
	var committed, registered []storedPair
	group, groupCtx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		committed, err = v.pairs(groupCtx, reader.item, uint16(netuid))
		return err
	})
	group.Go(func() (err error) {
		registered, err = v.pairs(groupCtx, uids.item, uint16(netuid))
		return err
	})
	if err := group.Wait(); err != nil {
		return nil, err
	}
	hotkeys := make(map[accountID]struct{}, len(registered))
	for _, pair := range registered {
		who, err := accountInKey(uids.item, pair.key)
		if err != nil {
			return nil, err
		}
		hotkeys[who] = struct{}{}
	}

	all := &pylon.Commitments{Block: v.block.public(), Commitments: make([]pylon.Commitment, 0, min(len(hotkeys), len(committed)))}
	err = eachOfAccounts(v, reader, committed, func(who accountID, record registrationRecord) {
		if _, ok := hotkeys[who]; !ok {
			return
		}
		commitment, err := record.commitment(who)
		switch {
		case err != nil:
			v.skipped(reader.item, who[:], err)
		case commitment != nil:
			all.Commitments = append(all.Commitments, *commitment)
		}
	})
	return all, err
}

// LatestCommitment returns the commitment of a hotkey, registered or not, on a subnet at the newest known block.
func (c *Chain) LatestCommitment(ctx context.Context, netuid pylon.Netuid, hotkey pylon.Hotkey) (*pylon.CommitmentAt, error) {
	who, ok := accountOf(string(hotkey))
	if !ok {
		return nil, errNoCommitment
	}
	at, err := c.newestBlock(ctx)
	if err != nil {
		return nil, err
	}
	q := question{topic: aboutCommitment, netuid: netuid, account: who}
	commitment, err := lookUp(ctx, c, q, getCommitment, at, netuidLabel(netuid), sizeOfCommitment,
		func(ctx context.Context, v *visit) (*pylon.CommitmentAt, error) {
			return v.commitment(ctx, netuid, who)
		})
	if err == nil && commitment == nil {
		err = errNoCommitment
	}
	return commitment, err
}

var errNoCommitment = problem.New(problem.NotFound, "Commitment not found.")

func sizeOfCommitment(c *pylon.CommitmentAt) int64 {
	if c == nil {
		return 0
	}
	return 320 + int64(len(c.Commitment.Data))
}

// commitment is nil when the hotkey has none.
func (v *visit) commitment(ctx context.Context, netuid pylon.Netuid, who accountID) (*pylon.CommitmentAt, error) {
	layout, err := v.layout(ctx)
	if err != nil {
		return nil, err
	}
	record, err := storedOptional(ctx, v, layout.commitments, uint16(netuid), who)
	if err != nil || record == nil {
		return nil, err
	}
	commitment, err := record.commitment(who)
	if err != nil || commitment == nil {
		return nil, err
	}
	return &pylon.CommitmentAt{Commitment: *commitment, Block: v.block.public()}, nil
}
