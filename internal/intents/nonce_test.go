package intents

import (
	"testing"

	pylon "github.com/bittensor-pylon/pylon"
	"github.com/bittensor-pylon/pylon/devchain"
	"github.com/bittensor-pylon/pylon/internal/substrate"
)

// foreign is an extrinsic that another program signs with the hotkey.
func (w *world) foreign(nonce uint64) *substrate.Extrinsic {
	w.t.Helper()
	head, err := w.client.Head(w.t.Context())
	must(w.t, err)
	x, err := w.client.Sign(w.t.Context(), substrate.SignRequest{
		At: head, Period: 64, Nonce: nonce, Pallet: "System", Call: "remark", Args: map[string]any{"remark": []byte("foreign")},
	}, w.config.Identities[0].Signer)
	must(w.t, err)
	return x
}

// A node that speaks of extrinsics which nobody has sent does not hold up a hotkey: a nonce beyond the next one would wait
// until the end of its era, and then the next one too.
func TestNonceThatANodeInvents(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldConfig{})
	w.dev.Hook("system_accountNextIndex", devchain.Answer(7))
	intent := w.until(w.put(0, miners(t)), 5, pylon.StateFinalized)
	if intent.Attempts != 1 || *intent.Nonce != 0 {
		t.Errorf("nonce %d, %s", *intent.Nonce, describe(intent))
	}
}

// Another program's extrinsic waits in the pool under the nonce that is ours too: one of the two gets it. Ours is never
// replaced before it is certain that it cannot come any more, and follows then.
func TestNonceOfAForeignExtrinsic(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldConfig{})
	w.dev.SetPoolPolicy(func(p devchain.Pending) devchain.Verdict {
		if w.dev.Best().Header.Number < 6 {
			return devchain.Verdict{Action: devchain.Hold}
		}
		return devchain.Verdict{}
	})
	other := w.foreign(0)
	must(t, w.client.Submit(t.Context(), other.Bytes))
	id := w.put(0, miners(t))
	w.produce(3)
	if intent := w.intent(id); intent.Attempts != 1 || *intent.Nonce != 0 {
		t.Errorf("while another waits: nonce %d, %s", *intent.Nonce, describe(intent))
	}
	intent := w.until(id, 12, pylon.StateFinalized)
	if intent.Attempts != 2 || *intent.Nonce != 1 {
		t.Errorf("nonce %d, %s", *intent.Nonce, describe(intent))
	}
	if got := w.succeeded(); len(got) != 2 {
		t.Errorf("%v of %v", got, w.extrinsics())
	}
}

// What another program has in the newest block counts, before that block is final.
func TestNonceOfTheNewestBlock(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldConfig{lag: devchain.ManualFinality})
	must(t, w.client.Submit(t.Context(), w.foreign(0).Bytes))
	w.produce(1)
	id := w.put(0, miners(t))
	w.produce(2)
	if intent := w.intent(id); intent.State != pylon.StateIncluded || intent.Attempts != 1 || *intent.Nonce != 1 {
		t.Errorf("nonce %d, %s", *intent.Nonce, describe(intent))
	}
}
