package native

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/bittensor-pylon/pylon/internal/scale"
	"github.com/bittensor-pylon/pylon/internal/timelock"
)

func commitArgs(netuid int, commit []byte, round uint64) args {
	return args{"netuid": netuid, "commit": scale.Bytes(commit), "reveal_round": round, "commit_reveal_version": 4}
}

// beaconKey is the key that clients read from the chain.
func (c *chain) beaconKey() timelock.PublicKey {
	c.t.Helper()
	key, err := timelock.ParsePublicKey(field(c.t, c.storage("Drand", "BeaconConfig"), "public_key").(scale.Bytes))
	if err != nil {
		c.t.Fatal(err)
	}
	return key
}

// locked is a commit of weights of a hotkey.
func (c *chain) locked(w timelock.Weights, round uint64) []byte {
	c.t.Helper()
	message, err := w.Append(nil)
	if err != nil {
		c.t.Fatal(err)
	}
	ciphertext, err := timelock.Encrypt(rand.Reader, c.beaconKey(), round, message)
	if err != nil {
		c.t.Fatal(err)
	}
	return ciphertext
}

func bobsWeights(t testing.TB) timelock.Weights {
	return timelock.Weights{Hotkey: publicKey(t, "//Bob"), UIDs: []uint16{4, 5}, Values: []uint16{1, 2}, VersionKey: 3}
}

// round is the newest round of the beacon in the last block.
func (c *chain) round() uint64 { return beaconSchedule.Round(c.time) }

// A commit in any block is revealed where the arithmetic of clients says that it is,
// by all sorts of epochs.
func TestTimelockedReveal(t *testing.T) {
	t.Parallel()
	for _, spec := range []uint32{320, 393, 425, 475} {
		t.Run(fmt.Sprint(spec), func(t *testing.T) {
			t.Parallel()
			base := newWeights(t, spec)
			for landing := uint64(6); landing <= 22; landing++ {
				for period := 1 + landing%2; period <= 3; period += 2 {
					c := base.fork()
					c.runtime.SetRevealPeriod(c.state, 2, period)
					c.produce(int(landing - 1 - c.number))
					window := c.window(2, landing, period)
					round := c.round() + 4 // comes in the same block
					commit := c.locked(bobsWeights(t), round)
					if got := c.send("//Bob", "commit_timelocked_mechanism_weights",
						args{"netuid": 2, "mecid": 0, "commit": scale.Bytes(commit), "reveal_round": round, "commit_reveal_version": 4}); got != "" {
						t.Fatalf("block %d: %s", landing, got)
					}
					if got := c.eventNames(); !slices.Equal(got, []string{"TimelockedWeightsCommitted"}) {
						t.Errorf("block %d: the events are %v", landing, got)
					}
					before := c.row(2, 1)
					for c.row(2, 1) == before && c.number < landing+40 {
						c.produce(1)
					}
					if c.number != window.First {
						t.Errorf("period %d: a commit of block %d is revealed in %d, not in %d", period, landing, c.number, window.First)
					}
					if c.row(2, 1) != "[[4 32768] [5 65535]]" {
						t.Errorf("the weights are %s", c.row(2, 1))
					}
					if got := c.eventNames(); !slices.Equal(got, []string{"WeightsSet", "TimelockedWeightsRevealed"}) {
						t.Errorf("the events are %v", got)
					}
					if got := c.storage("SubtensorModule", "LastUpdate", 2).([]any)[1]; got != landing {
						t.Errorf("the last update is at %v, not at the commit in %d", got, landing)
					}
					if keys := c.buckets(2); len(keys) != 0 {
						t.Errorf("the epochs %v still have commits", keys)
					}
				}
			}
		})
	}
}

// fork is a chain that goes on from here by itself.
func (c *chain) fork() *chain {
	other := *c
	other.state = c.state.Snapshot().Edit()
	return &other
}

// window is when clients expect a commit that lands in a block to be revealed.
func (c *chain) window(netuid int, landing, period uint64) timelock.Window {
	c.t.Helper()
	read := func(name string) uint64 { return c.uint("SubtensorModule", name, netuid) }
	var window timelock.Window
	var err error
	if c.runtime.stateful() {
		window, err = timelock.StatefulEpochs{
			Block: c.number, LastEpochBlock: read("LastEpochBlock"), PendingEpochAt: read("PendingEpochAt"),
			BlocksSinceLastStep: read("BlocksSinceLastStep"), Tempo: uint16(read("Tempo")),
		}.Window(landing, period)
	} else {
		window, err = timelock.FixedEpochs{Netuid: uint16(netuid), Tempo: uint16(read("Tempo"))}.Window(landing, period)
	}
	if err != nil {
		c.t.Fatal(err)
	}
	return window
}

// buckets are the epochs of an index that have commits.
func (c *chain) buckets(index uint16) (epochs []uint64) {
	for _, end := range c.runtime.items.SubtensorModule.TimelockedWeightCommits.lastKeys(c.state, 8, u16(index)) {
		r := scale.NewReader(end)
		epochs = append(epochs, r.Uint64())
	}
	return epochs
}

// A commit is revealed in the block after the one that brings its round, if that is
// still in its epoch, and else it is gone.
func TestTimelockedWaits(t *testing.T) {
	t.Parallel()
	for _, spec := range []uint32{343, 475} {
		base := newWeights(t, spec)
		base.produce(5)
		window := base.window(2, 11, 1)
		// The window is [20, 30) or [19, 30), and twelve seconds bring four rounds.
		for arrives := window.First - 1; arrives <= window.End; arrives++ {
			c := base.fork()
			round := beaconSchedule.Round(c.time.Add(time.Duration(arrives-c.number) * 12 * time.Second))
			if got := c.send("//Bob", "commit_timelocked_weights", commitArgs(2, c.locked(bobsWeights(t), round), round)); got != "" {
				t.Fatalf("spec %d: %s", spec, got)
			}
			before := c.row(2, 1)
			for c.number <= window.End && c.row(2, 1) == before {
				c.produce(1)
			}
			want := max(arrives+1, window.First)
			if revealed := c.row(2, 1) != before; revealed != (want < window.End) || revealed && c.number != want {
				t.Errorf("spec %d: the round arrives in %d, block %d: revealed %v", spec, arrives, c.number, revealed)
			}
			if keys := c.buckets(2); len(keys) != 0 {
				t.Errorf("spec %d: the round arrives in %d: the epochs %v still have commits in block %d", spec, arrives, keys, c.number)
			}
		}
	}
}

// What is no commit of the one who has sent it is dropped, and does not keep others
// from being revealed.
func TestTimelockedNonsense(t *testing.T) {
	t.Parallel()
	for _, spec := range []uint32{343, 475} {
		c := newWeights(t, spec)
		c.produce(5)
		c.runtime.HoldPulses(c.state, true)
		round := c.round() + 1
		foreign := bobsWeights(t)
		foreign.Hotkey = publicKey(t, "//Alice")
		legacy := bobsWeights(t)
		legacy.Legacy, legacy.UIDs = true, []uint16{6, 7}
		twice, mine := bobsWeights(t), publicKey(t, "//Charlie")
		twice.UIDs, twice.Hotkey = []uint16{4, 4}, mine
		noWeights, err := timelock.Encrypt(rand.Reader, c.beaconKey(), round, []byte("weights"))
		if err != nil {
			t.Fatal(err)
		}
		good := c.locked(bobsWeights(t), round)
		broken := slices.Clone(good)
		broken[120] ^= 1
		c.begin()
		for i, sent := range []struct {
			uri    string
			commit []byte
		}{
			{"//Bob", good},
			{"//Charlie", good},
			{"//Charlie", c.locked(foreign, round)},
			{"//Charlie", broken},
			{"//Charlie", good[:100]},
			{"//Charlie", nil},
			{"//Charlie", noWeights},
			{"//Charlie", c.locked(twice, round)},
			{"//Charlie", c.locked(timelock.Weights{Hotkey: mine, UIDs: []uint16{5}, Values: []uint16{1}}, round+1)},
			{"//Dave", c.locked(legacy, round)},
		} {
			if got := c.apply(sent.uri, "SubtensorModule", "commit_timelocked_weights", commitArgs(2, sent.commit, round)); got != "" {
				t.Fatalf("spec %d: commit %d: %q", spec, i, got)
			}
		}
		c.end()
		if epochs := c.buckets(2); len(epochs) != 1 {
			t.Errorf("spec %d: the commits are in the epochs %v", spec, epochs)
		}
		charlie := c.row(2, 2)
		c.runtime.HoldPulses(c.state, false)
		c.produce(int(20 - c.number))
		if c.row(2, 1) != "[[4 32768] [5 65535]]" || c.row(2, 3) != "[[6 32768] [7 65535]]" {
			t.Errorf("spec %d: the weights are %s and %s", spec, c.row(2, 1), c.row(2, 3))
		}
		if c.row(2, 2) != charlie {
			t.Errorf("spec %d: nonsense has set %s", spec, c.row(2, 2))
		}
		if keys := c.buckets(2); len(keys) != 0 {
			t.Errorf("spec %d: the epochs %v still have commits", spec, keys)
		}
	}
}

// vectors are what the released Python packages have encrypted for two rounds of
// quicknet, whose signatures are known.
type vectors struct {
	Signatures map[string]string
	Commits    []struct {
		Name, Oracle string
		Round        uint64
		UIDs, Values []uint16
		Hotkey       *string
		Version      string `json:"version_key"`
		Ciphertext   string `json:"ciphertext_hex"`
	}
	Others []struct {
		Name, Kind, Oracle string
		Round              uint64
		Plaintext          string `json:"plaintext_hex"`
		Blob               string `json:"blob_hex"`
	}
}

func readVectors(t testing.TB) (v vectors) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "..", "..", "internal", "timelock", "testdata", "timelock.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func unhex(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// quicknet is a chain shortly before the round 1000 of quicknet. Its rounds come by
// hand.
func quicknet(t testing.TB, spec uint32, neurons int) *chain {
	t.Helper()
	c := newChain(t, Config{
		Spec: spec, Quiet: true, GenesisTime: time.Unix(drandGenesis+900*drandPeriod, 0),
		Subnets: []Subnet{{Netuid: 2, Neurons: neurons, Tempo: 10, CommitReveal: true}},
	})
	c.runtime.HoldPulses(c.state, true)
	return c
}

// What the Python packages encrypt, this chain opens, with the real beacon's
// signatures.
func TestPythonCommits(t *testing.T) {
	t.Parallel()
	v := readVectors(t)
	revealed := 0
	for _, spec := range []uint32{343, 475} {
		base := quicknet(t, spec, 256)
		base.runtime.SetMinAllowedWeights(base.state, 2, 0)
		for _, commit := range v.Commits {
			if spec != 475 && commit.Oracle != "2.0.0" {
				continue
			}
			c := base.fork()
			ciphertext := unhex(t, commit.Ciphertext)
			if len(ciphertext) == 0 {
				continue // there is one for the other round
			}
			if got := c.send("//Alice", "commit_timelocked_weights", commitArgs(2, ciphertext, commit.Round)); got != "" {
				t.Fatalf("spec %d: %s of %s: %s", spec, commit.Name, commit.Oracle, got)
			}
			version, err := strconv.ParseUint(commit.Version, 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			c.runtime.SetWeightsVersionKey(c.state, 2, version)
			c.runtime.SetPulse(c.state, commit.Round, unhex(t, v.Signatures[fmt.Sprint(commit.Round)]))
			before := c.row(2, 0)
			c.produce(12)
			// The oldest package leaves the hotkey out. Of 32 weights and more the chain
			// takes the first for one, which is not that of who has sent them.
			if misread := commit.Oracle == "0.5.1" && len(commit.UIDs) >= 32; misread || len(commit.UIDs) != len(commit.Values) {
				if c.row(2, 0) != before {
					t.Errorf("spec %d: %s of %s has set %s", spec, commit.Name, commit.Oracle, c.row(2, 0))
				}
				continue
			}
			var want []any
			for i, value := range upscaled(commit.Values) {
				want = append(want, []any{commit.UIDs[i], value})
			}
			if got := c.row(2, 0); got != fmt.Sprint(want) {
				t.Errorf("spec %d: %s of %s has set %s", spec, commit.Name, commit.Oracle, got)
			}
			revealed++
		}
	}
	if revealed < 40 {
		t.Errorf("%d commits were revealed", revealed)
	}
}

func TestPythonCommitments(t *testing.T) {
	t.Parallel()
	v := readVectors(t)
	revealed := 0
	for _, other := range v.Others {
		if other.Kind != "commitment" {
			continue
		}
		c := quicknet(t, 475, 8)
		bob := publicKey(t, "//Bob")
		lock := scale.Enum{Name: timelocked, Value: scale.Object{
			{Name: "encrypted", Value: scale.Bytes(unhex(t, other.Blob))}, {Name: "reveal_round", Value: other.Round},
		}}
		c.begin()
		if got := c.apply("//Bob", "Commitments", "set_commitment", commitmentArgs(2, lock)); got != "" {
			t.Fatal(got)
		}
		c.end()
		c.produce(1)
		if c.storage("Commitments", "RevealedCommitments", 2, bob) != nil {
			t.Error("it is revealed before its round")
		}
		c.runtime.SetPulse(c.state, other.Round, unhex(t, v.Signatures[fmt.Sprint(other.Round)]))
		c.produce(1)
		want := fmt.Sprint([]any{[]any{scale.Bytes(unhex(t, other.Plaintext)), c.number}})
		if got := fmt.Sprint(c.storage("Commitments", "RevealedCommitments", 2, bob)); got != want {
			t.Errorf("%s of %s is revealed as %s", other.Name, other.Oracle, got)
		}
		revealed++
	}
	if revealed < 20 {
		t.Errorf("%d commitments were revealed", revealed)
	}
}

// What a commitment has besides stays, and what cannot be opened goes.
func TestCommitmentReveals(t *testing.T) {
	t.Parallel()
	for _, spec := range []uint32{343, 475} {
		c := newChain(t, Config{Spec: spec, Quiet: true, Subnets: []Subnet{{Netuid: 2, Neurons: 8, Tempo: 10}}})
		c.produce(1)
		first, second := c.round()+8, c.round()+16
		lock := func(text string, round uint64) scale.Enum {
			ciphertext := []byte("nonsense")
			if text != "" {
				message, err := timelock.AppendCommitment(nil, text)
				if err != nil {
					t.Fatal(err)
				}
				if ciphertext, err = timelock.Encrypt(rand.Reader, c.beaconKey(), round, message); err != nil {
					t.Fatal(err)
				}
			}
			return scale.Enum{Name: timelocked, Value: scale.Object{
				{Name: "encrypted", Value: scale.Bytes(ciphertext)}, {Name: "reveal_round", Value: round},
			}}
		}
		c.begin()
		for i, sent := range []struct {
			uri    string
			fields []any
		}{
			{"//Alice", []any{lock("first", first), rawField("plain"), lock("second", second)}},
			{"//Bob", []any{lock("alone", first)}},
			{"//Charlie", []any{lock("", first)}},
		} {
			if err := c.runtime.ApplyExtrinsic(c.state, i+1, c.signed(sent.uri, signed{args: commitmentArgs(2, sent.fields...)})); err != nil {
				t.Fatal(err)
			}
		}
		c.end()
		texts := func(uri string) (texts []string) {
			all, _ := c.storage("Commitments", "RevealedCommitments", 2, publicKey(t, uri)).([]any)
			for _, one := range all {
				text, err := timelock.ParseCommitment(one.([]any)[0].(scale.Bytes))
				if err != nil {
					t.Error(err)
				}
				texts = append(texts, fmt.Sprintf("%s %d", text, one.([]any)[1]))
			}
			return texts
		}
		fields := func(uri string) int {
			registration := c.storage("Commitments", "CommitmentOf", 2, publicKey(t, uri))
			if registration == nil {
				return -1
			}
			return len(field(t, field(t, registration, "info"), "fields").([]any))
		}
		listed := func() int { return len(c.storage("Commitments", "TimelockedIndex").([]any)) }

		c.produce(1) // brings the first round
		if c.uint("Drand", "LastStoredRound") != first || listed() != 3 || texts("//Bob") != nil {
			t.Errorf("spec %d: too early: %v", spec, texts("//Bob"))
		}
		c.produce(1)
		if got := c.events(); !slices.ContainsFunc(got, func(e scale.EventRecord) bool { return e.Name == "CommitmentRevealed" }) {
			t.Errorf("spec %d: the events are %+v", spec, got)
		}
		if fields("//Alice") != 2 || fields("//Bob") != -1 || fields("//Charlie") != -1 || listed() != 1 {
			t.Errorf("spec %d: the commitments have %d, %d and %d fields", spec, fields("//Alice"), fields("//Bob"), fields("//Charlie"))
		}
		c.produce(5)
		if fields("//Alice") != 1 || listed() != 0 {
			t.Errorf("spec %d: the commitment has %d fields", spec, fields("//Alice"))
		}
		if got := fmt.Sprint(texts("//Alice"), texts("//Bob"), texts("//Charlie")); got != "[first 4 second 6] [alone 4] []" {
			t.Errorf("spec %d: %s", spec, got)
		}
	}
}
