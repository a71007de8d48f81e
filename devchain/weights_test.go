package devchain

import (
	"crypto/rand"
	"fmt"
	"testing"
	"time"

	"github.com/bittensor-pylon/pylon/internal/scale"
	"github.com/bittensor-pylon/pylon/internal/timelock"
)

// read decodes an item of SubtensorModule or Drand in the best block.
func (s *sender) read(pallet, name string, keys ...any) any {
	s.t.Helper()
	best := s.chain.Best()
	rt, err := s.chain.Runtime(best.Hash)
	if err != nil {
		s.t.Fatal(err)
	}
	st, err := s.chain.State(best.Hash)
	if err != nil {
		s.t.Fatal(err)
	}
	m := s.chain.metadata(rt)
	item, err := m.Storage(pallet, name)
	if err != nil {
		s.t.Fatal(err)
	}
	key, err := item.Key(keys...)
	if err != nil {
		s.t.Fatal(err)
	}
	raw, ok := st.Get(key)
	if !ok {
		raw = item.Default
	}
	v, err := m.Types.DecodeValue(item.Value, raw)
	if err != nil {
		s.t.Fatal(err)
	}
	return v
}

func (s *sender) number(name string, keys ...any) uint64 {
	s.t.Helper()
	n, ok := s.read("SubtensorModule", name, keys...).(uint64)
	if !ok {
		s.t.Fatalf("%s is no number", name)
	}
	return n
}

// setWeights is a call of SubtensorModule with weights for two miners.
func setWeights(call string, netuid int) transaction {
	args := map[string]any{"netuid": netuid, "dests": []any{4, 5}, "weights": []any{1, 2}, "version_key": 9003000}
	if call == "set_mechanism_weights" {
		args["mecid"] = 1
	}
	return transaction{pallet: "SubtensorModule", call: call, args: args}
}

const weightsSet = "[[4 32768] [5 65535]]"

// What block 0 is for: the four ways to set weights, through the pool.
func TestWeightsOfEverySort(t *testing.T) {
	t.Parallel()
	for _, blockTime := range []time.Duration{250 * time.Millisecond, time.Second, 12 * time.Second} {
		t.Run(blockTime.String(), func(t *testing.T) {
			t.Parallel()
			subtensor, err := NewSubtensor(SubtensorConfig{BlockTime: blockTime})
			if err != nil {
				t.Fatal(err)
			}
			c := newChain(t, func(config *Config) { config.Runtime, config.SlotDuration = subtensor, blockTime })
			produce(t, c, 5)
			alice, bob, charlie, dave := newSender(t, c, "//Alice"), newSender(t, c, "//Bob"), newSender(t, c, "//Charlie"), newSender(t, c, "//Dave")
			want := func(s *sender, index, uid int) {
				t.Helper()
				if got := fmt.Sprint(s.read("SubtensorModule", "Weights", index, uid)); got != weightsSet {
					t.Errorf("block %d: the weights of uid %d for %d are %s", c.Best().Number, uid, index, got)
				}
			}

			// 1: directly, and 3: for its second mechanism. //Alice has sent one by herself.
			x := setWeights("set_weights", 1)
			x.nonce = 1
			alice.submit(x)
			charlie.submit(setWeights("set_mechanism_weights", 3))
			// 4: no more than every 20 blocks.
			dave.submit(setWeights("set_weights", 4))
			produce(t, c, 1)
			first := c.Best().Number
			want(alice, 1, 0)
			want(charlie, 4096+3, 2)
			want(dave, 4, 3)
			again := setWeights("set_weights", 4)
			again.nonce = 1
			for c.Best().Number < first+19 {
				_, err := c.Submit(dave.sign(again))
				wantRefusal(t, "weights again", err, 1010, "Custom error: 6")
				produce(t, c, 1)
			}
			dave.submit(again)
			produce(t, c, 1)
			if got := dave.read("SubtensorModule", "LastUpdate", 4).([]any)[3]; got != first+20 {
				t.Errorf("the last update is at %v", got)
			}

			// 2: committed to, as clients do: by what the chain tells, and the clock.
			for nonce := range uint64(3) {
				produce(t, c, int(nonce)*7)
				head := c.Best()
				schedule := timelock.StatefulEpochs{
					Block: head.Number, LastEpochBlock: bob.number("LastEpochBlock", 2), PendingEpochAt: bob.number("PendingEpochAt", 2),
					BlocksSinceLastStep: bob.number("BlocksSinceLastStep", 2), Tempo: uint16(bob.number("Tempo", 2)),
				}
				window, err := schedule.Window(head.Number+1, bob.number("RevealPeriodEpochs", 2))
				if err != nil {
					t.Fatal(err)
				}
				round := timelock.Schedule{}.RevealRound(window, timelock.SecurityOffset, timelock.Pace{
					Block: head.Number, Time: head.Time, BlockTime: blockTime,
				})
				last, _ := bob.read("Drand", "LastStoredRound").(uint64)
				round = max(round, last+1)
				key, err := timelock.ParsePublicKey(configField(t, bob.read("Drand", "BeaconConfig"), "public_key"))
				if err != nil {
					t.Fatal(err)
				}
				weights := timelock.Weights{Hotkey: bob.key.PublicKey(), UIDs: []uint16{4, 5}, Values: []uint16{1, uint16(nonce) + 2}, VersionKey: 9003000}
				message, err := weights.Append(nil)
				if err != nil {
					t.Fatal(err)
				}
				commit, err := timelock.Encrypt(rand.Reader, key, round, message)
				if err != nil {
					t.Fatal(err)
				}
				before := fmt.Sprint(bob.read("SubtensorModule", "Weights", 2, 1))
				bob.submit(transaction{nonce: nonce, pallet: "SubtensorModule", call: "commit_timelocked_mechanism_weights", args: map[string]any{
					"netuid": 2, "mecid": 0, "commit": scale.Bytes(commit), "reveal_round": round, "commit_reveal_version": 4,
				}})
				produce(t, c, 1)
				landed := c.Best().Number
				for fmt.Sprint(bob.read("SubtensorModule", "Weights", 2, 1)) == before && c.Best().Number < landed+40 {
					produce(t, c, 1)
				}
				if now := c.Best().Number; now < window.First || now >= window.End {
					t.Errorf("a commit of block %d is revealed in %d, not from %d to %d", landed, now, window.First, window.End)
				}
				if nonce == 0 {
					want(bob, 2, 1)
				}
			}
		})
	}
}

func configField(t *testing.T, config any, name string) []byte {
	t.Helper()
	object, _ := config.(scale.Object)
	value, _ := object.Get(name)
	b, ok := value.(scale.Bytes)
	if !ok {
		t.Fatalf("no %s in %v", name, config)
	}
	return b
}
