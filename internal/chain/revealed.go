package chain

import (
	"context"
	"strings"

	pylon "github.com/bittensor-pylon/pylon"
	"github.com/bittensor-pylon/pylon/internal/problem"
	"github.com/bittensor-pylon/pylon/ss58"
)

// revealedRecord is a text that was timelocked, and the block at which it was revealed.
type revealedRecord struct {
	Text  []byte `scale:"0"`
	Block uint64 `scale:"1"`
}

// revealedText returns the text in what was revealed. Clients encode a text with its length in front before they
// encrypt it, and the chain does not look into it, so that length is still there: one, two or four bytes by its lowest
// two bits. It is dropped without a look at what it says, as clients have always done. Bytes that begin otherwise were
// not written that way and are all text. What is not UTF-8 becomes the replacement character.
func revealedText(data []byte) string {
	if len(data) > 0 {
		switch data[0] & 3 {
		case 0:
			data = data[1:]
		case 1:
			data = data[min(2, len(data)):]
		case 2:
			data = data[min(4, len(data)):]
		}
	}
	return strings.ToValidUTF8(string(data), "\ufffd")
}

func revealedOf(who accountID, records []revealedRecord) []pylon.RevealedCommitment {
	hotkey := pylon.Hotkey(ss58.Encode(who))
	revealed := make([]pylon.RevealedCommitment, len(records))
	for i, record := range records {
		revealed[i] = pylon.RevealedCommitment{RevealBlockNumber: record.Block, Hotkey: hotkey, Text: revealedText(record.Text)}
	}
	return revealed
}

// LatestRevealedCommitments returns all that the chain keeps for a subnet at the newest known block, in the order of
// storage. Runtimes before spec 257 keep none.
func (c *Chain) LatestRevealedCommitments(ctx context.Context, netuid pylon.Netuid) (*pylon.RevealedCommitments, error) {
	at, err := c.newestBlock(ctx)
	if err != nil {
		return nil, err
	}
	q := question{topic: aboutAllRevealed, netuid: netuid}
	return lookUp(ctx, c, q, getAllRevealed, at, netuidLabel(netuid), sizeOfAllRevealed,
		func(ctx context.Context, v *visit) (*pylon.RevealedCommitments, error) {
			return v.allRevealed(ctx, netuid)
		})
}

func sizeOfAllRevealed(all *pylon.RevealedCommitments) (bytes int64) {
	for _, of := range all.Hotkeys {
		bytes += 128 + sizeOfRevealed(of.Commitments)
	}
	return bytes
}

func sizeOfRevealed(revealed []pylon.RevealedCommitment) (bytes int64) {
	for i := range revealed {
		bytes += 64 + int64(len(revealed[i].Text))
	}
	return bytes
}

func (v *visit) allRevealed(ctx context.Context, netuid pylon.Netuid) (*pylon.RevealedCommitments, error) {
	layout, err := v.layout(ctx)
	if err != nil {
		return nil, err
	}
	all := &pylon.RevealedCommitments{Block: v.block.public(), Hotkeys: []pylon.HotkeyRevealedCommitments{}}
	reader, err := layout.revealed()
	switch {
	case lacksStorage(err):
		return all, nil
	case err != nil:
		return nil, err
	}
	pairs, err := v.pairs(ctx, reader.item, uint16(netuid))
	if err != nil {
		return nil, err
	}
	err = eachOfAccounts(v, reader, pairs, func(who accountID, records []revealedRecord) {
		all.Hotkeys = append(all.Hotkeys, pylon.HotkeyRevealedCommitments{
			Hotkey:      pylon.Hotkey(ss58.Encode(who)),
			Commitments: revealedOf(who, records),
		})
	})
	return all, err
}

// LatestRevealedCommitment returns the revealed commitments of a hotkey on a subnet at the newest known block.
func (c *Chain) LatestRevealedCommitment(
	ctx context.Context, netuid pylon.Netuid, hotkey pylon.Hotkey,
) (*pylon.RevealedCommitmentsAt, error) {
	who, ok := accountOf(string(hotkey))
	if !ok {
		return nil, errNotRevealed
	}
	at, err := c.newestBlock(ctx)
	if err != nil {
		return nil, err
	}
	q := question{topic: aboutRevealed, netuid: netuid, account: who}
	revealed, err := lookUp(ctx, c, q, getRevealed, at, netuidLabel(netuid),
		func(r *pylon.RevealedCommitmentsAt) int64 { return 128 + sizeOfRevealed(r.Commitments) },
		func(ctx context.Context, v *visit) (*pylon.RevealedCommitmentsAt, error) {
			return v.revealed(ctx, netuid, who)
		})
	if err != nil {
		return nil, err
	}
	if len(revealed.Commitments) == 0 {
		return nil, errNotRevealed
	}
	return revealed, nil
}

var errNotRevealed = problem.New(problem.NotFound, "Revealed commitments not found.")

func (v *visit) revealed(ctx context.Context, netuid pylon.Netuid, who accountID) (*pylon.RevealedCommitmentsAt, error) {
	layout, err := v.layout(ctx)
	if err != nil {
		return nil, err
	}
	records, err := storedOptional(ctx, v, layout.revealed, uint16(netuid), who)
	if err != nil && !lacksStorage(err) {
		return nil, err
	}
	revealed := &pylon.RevealedCommitmentsAt{Block: v.block.public()}
	if records != nil {
		revealed.Commitments = revealedOf(who, *records)
	}
	return revealed, nil
}
