package chain

import (
	"context"
	"encoding/json"
	"strconv"

	pylon "github.com/bittensor-pylon/pylon"
	"github.com/bittensor-pylon/pylon/internal/problem"
	"github.com/bittensor-pylon/pylon/internal/scale"
	"github.com/bittensor-pylon/pylon/internal/substrate"
)

// Extrinsic returns the decoded extrinsic at that place of the block with the number.
func (c *Chain) Extrinsic(ctx context.Context, number uint64, index uint32) (*pylon.Extrinsic, error) {
	at, err := c.blockAt(ctx, number)
	if err != nil {
		return nil, err
	}
	body, err := c.bodyAt(ctx, at)
	if err != nil {
		return nil, err
	}
	if uint64(index) >= uint64(len(body.extrinsics)) {
		return nil, problem.Newf(problem.NotFound, "Extrinsic %d-%d not found.", number, index)
	}
	return lookUp(ctx, c, question{topic: aboutExtrinsic, index: index}, getExtrinsic, at, notApplicable,
		func(*pylon.Extrinsic) int64 { return 1024 + 4*int64(len(body.extrinsics[index])) },
		func(ctx context.Context, v *visit) (*pylon.Extrinsic, error) { return v.extrinsic(ctx, body, index) })
}

// body is what a block consists of besides its header.
type body struct {
	parent     substrate.Hash
	extrinsics [][]byte
}

// bodyAt returns the body of a block. It is kept, because who reads one extrinsic of a block often reads the next.
func (c *Chain) bodyAt(ctx context.Context, at block) (*body, error) {
	return lookUp(ctx, c, question{topic: aboutBody}, getExtrinsic, at, notApplicable,
		func(b *body) (bytes int64) {
			for _, extrinsic := range b.extrinsics {
				bytes += 24 + int64(len(extrinsic))
			}
			return bytes
		},
		func(ctx context.Context, v *visit) (*body, error) {
			read, err := v.source.Block(ctx, at.Hash)
			if err != nil {
				return nil, err
			}
			return &body{parent: read.Header.Parent, extrinsics: read.Extrinsics}, nil
		})
}

// extrinsic decodes an extrinsic by the runtime that has run it: that of the parent's state, since a block that upgrades
// the runtime is made by the old one.
func (v *visit) extrinsic(ctx context.Context, body *body, index uint32) (*pylon.Extrinsic, error) {
	runtime, err := v.source.Runtime(ctx, body.parent)
	if err != nil {
		return nil, err
	}
	metadata := runtime.Metadata
	raw := body.extrinsics[index]
	decoded, err := metadata.DecodeExtrinsic(raw)
	if err != nil {
		return nil, err
	}
	call, err := newValueWriter(metadata).call(&decoded.Call, decoded.CallData)
	if err != nil {
		return nil, err
	}
	prefix := len(scale.AppendCompact(nil, uint64(len(raw))))
	x := &pylon.Extrinsic{
		BlockNumber: v.block.Number,
		Index:       index,
		Hash:        substrate.Hash(decoded.Hash).String(),
		Length:      len(raw) - prefix,
		Call:        *call,
	}
	if decoded.Signed {
		x.Address, err = signer(metadata, decoded)
		if err != nil {
			return nil, err
		}
	}
	x.More, err = signedMembers(metadata, decoded)
	return x, err
}

// signer is the address of who signed: SS58 for a key, else the address as it stands there.
func signer(metadata *scale.Metadata, x *scale.Extrinsic) (*string, error) {
	raw, err := newValueWriter(metadata).append(nil, metadata.Extrinsic.Address, x.Signer)
	if err != nil {
		return nil, err
	}
	var address string
	if json.Unmarshal(raw, &address) != nil {
		address = string(raw) // an account index, or an object that names the kind of address
	}
	return &address, nil
}

// members are what extensions put into extrinsics, by the names that clients know them by. An extension that is not
// here keeps its own.
var members = map[string]string{
	"CheckMortality":           "era",
	"CheckEra":                 "era",
	"CheckNonce":               "nonce",
	"ChargeTransactionPayment": "tip",
	"CheckMetadataHash":        "mode",
}

// signedMembers are the signature and what the extensions have put into an extrinsic.
func signedMembers(metadata *scale.Metadata, x *scale.Extrinsic) ([]pylon.Member, error) {
	var all []pylon.Member
	write := newValueWriter(metadata)
	if x.Signed {
		signature, err := write.append(nil, metadata.Extrinsic.Signature, x.Signature)
		if err != nil {
			return nil, err
		}
		all = append(all, pylon.Member{Name: "signature", Value: signature})
	}
	for _, extension := range metadata.Extrinsic.Extensions {
		value, ok := x.Extensions.Get(extension.Name)
		if !ok {
			continue
		}
		name, known := members[extension.Name]
		if !known {
			name = extension.Name
		}
		if era, isEra := value.(scale.Era); isEra {
			all = append(all, pylon.Member{Name: name, Value: eraJSON(era)})
			continue
		}
		text, err := write.append(nil, extension.Type, value)
		if err != nil {
			return nil, err
		}
		all = append(all, pylon.Member{Name: name, Value: text})
	}
	return all, nil
}

// eraJSON is a mortal era as its period and phase, an immortal one as its only byte.
func eraJSON(era scale.Era) json.RawMessage {
	if era.Immortal() {
		return json.RawMessage(`"00"`)
	}
	text := strconv.AppendUint([]byte{'['}, era.Period, 10)
	text = strconv.AppendUint(append(text, ','), era.Phase, 10)
	return append(text, ']')
}
