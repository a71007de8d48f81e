package native

import (
	"encoding/hex"
	"testing"

	"github.com/bittensor-pylon/pylon/devchain/runtime"
	"github.com/bittensor-pylon/pylon/internal/scale"
	"github.com/bittensor-pylon/pylon/wallet"
)

// FuzzCalls signs calls of any content and sends them: whatever is in them, the
// runtime refuses them, or they succeed or fail, and what may enter the pool can
// be in a block.
func FuzzCalls(f *testing.F) {
	config := small(475)
	config.Quiet = true
	c := newChain(f, config)
	c.produce(1)
	c.begin()
	for _, call := range []string{
		"0000", "0703", "120001000404", "12000100048d", "0b0000", "0b040400000c", "0b02040b00040b0004" + "0b0004",
		"07040100" + "00000000" + "00000000000000000000000000000000" + "0100" + "04040000",
		"07280100" + "00000000" + "00000000000000000000000000000000" + "0100" + "04040000" + "0401",
		"075d0100", "0500", "050300" + hex.EncodeToString(make([]byte, 32)) + "04",
	} {
		raw, err := hex.DecodeString(call)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	key, err := wallet.FromURI("//Bob")
	if err != nil {
		f.Fatal(err)
	}
	signing, err := c.runtime.signing(c.state, scale.Era{})
	if err != nil {
		f.Fatal(err)
	}
	extra, implicit, err := c.metadata.Extensions(signing)
	if err != nil {
		f.Fatal(err)
	}
	before := c.state.Snapshot()
	f.Fuzz(func(t *testing.T, call []byte) {
		signature := key.Sign(scale.SigningPayload(call, extra, implicit))
		x, err := c.metadata.SignedExtrinsic(key.PublicKey(), "Sr25519", signature[:], extra, call)
		if err != nil {
			t.Fatal(err)
		}
		_, invalid := c.runtime.ValidateTransaction(before.Edit(), runtime.External, x, [32]byte{1})
		state := before.Edit()
		err = c.runtime.ApplyExtrinsic(state, 1, x)
		if (invalid == nil) != (err == nil) {
			t.Errorf("valid: %v, in a block: %v", invalid, err)
		}
		if err != nil && !sameState(state.Snapshot(), before) {
			t.Error("it cannot be in a block, but has changed the state")
		}
	})
}
