package timelock

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"math"
	"os"
	"strings"
	"testing"
	"time"
)

// vectors is testdata/timelock.json, whose README says where it comes from.
type vectors struct {
	Commits []struct {
		Name, Oracle string
		Round        uint64
		UIDs, Values []uint16
		VersionKey   string  `json:"version_key"`
		Hotkey       *string // absent in the legacy form
		Payload      string  `json:"payload_hex"`
		Length       int
		Ciphertext   string `json:"ciphertext_hex"` // absent for some of the longest
	}
	Others []struct {
		Name, Kind, Oracle string
		Round              uint64
		Text               *string
		Plaintext          string `json:"plaintext_hex"`
		Blob               string `json:"blob_hex"`
	}
	Refused []struct {
		Name, Signature string
		Blob            string `json:"blob_hex"`
		Result          map[string]string
	}
	Fixed []struct {
		moment
		Tempo, Netuid uint16
		Block         uint64 `json:"current_block"`
		Period        uint64 `json:"reveal_period_epochs"`
		Round         uint64 `json:"1.3.0"`
	} `json:"reveal_round_v1"`
	Stateful []struct {
		moment
		LastEpochBlock      uint64 `json:"last_epoch_block"`
		PendingEpochAt      uint64 `json:"pending_epoch_at"`
		BlocksSinceLastStep uint64 `json:"blocks_since_last_step"`
		Tempo               uint16
		Block               uint64          `json:"current_block"`
		Period              uint64          `json:"reveal_period_epochs"`
		Round               json.RawMessage `json:"2.0.0"` // a round or an error
		First               uint64          `json:"first_reveal_block"`
	} `json:"reveal_round_v2"`
	Simple []struct {
		moment
		Blocks              uint64
		Commitment, Encrypt uint64
	} `json:"reveal_round_simple"`
}

type moment struct {
	BlockTime float64 `json:"block_time"` // seconds
	Now       int64   `json:"now_ns,string"`
}

func (m moment) pace(block uint64) Pace {
	return Pace{Block: block, Time: time.Unix(0, m.Now), BlockTime: time.Duration(math.Round(m.BlockTime * 1e9))}
}

func readVectors(t testing.TB) (v vectors) {
	t.Helper()
	b, err := os.ReadFile("testdata/timelock.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	for name, n := range map[string][2]int{
		"commits": {len(v.Commits), 56}, "others": {len(v.Others), 64}, "refused": {len(v.Refused), 24},
		"fixed": {len(v.Fixed), 51}, "stateful": {len(v.Stateful), 84}, "simple": {len(v.Simple), 72},
	} {
		if n[0] != n[1] {
			t.Fatalf("%d vectors in %s, want %d", n[0], name, n[1])
		}
	}
	return v
}

func signatureOf(t testing.TB, round uint64) Signature {
	t.Helper()
	return signature(t, map[uint64]string{1000: signature1000, 2000: signature2000}[round])
}

func TestCommitsOfReleasedPackages(t *testing.T) {
	t.Parallel()
	opened := 0
	for _, v := range readVectors(t).Commits {
		name := v.Name + " by " + v.Oracle
		payload := unhex(t, v.Payload)
		parse := ParseWeights
		if v.Hotkey == nil {
			parse = ParseLegacyWeights
		}
		w, err := parse(payload)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		want := Weights{UIDs: v.UIDs, Values: v.Values, Legacy: v.Hotkey == nil}
		if err := json.Unmarshal([]byte(v.VersionKey), &want.VersionKey); err != nil {
			t.Fatal(err)
		}
		if v.Hotkey != nil {
			want.Hotkey = [32]byte(unhex(t, *v.Hotkey))
		}
		compareWeights(t, name, w, &want)

		encoded, err := want.Append([]byte("before"))
		switch {
		case len(v.UIDs) != len(v.Values): // the packages write it; the chain never takes it
			if err == nil || string(encoded) != "before" {
				t.Errorf("%s: unequal lists: %x, %v", name, encoded, err)
			}
		case err != nil || !bytes.Equal(encoded, append([]byte("before"), payload...)):
			t.Errorf("%s: Append = %x, %v", name, encoded, err)
		}

		if v.Length != len(payload)+Overhead {
			t.Errorf("%s: %d bytes from %d", name, v.Length, len(payload))
		}
		if v.Ciphertext == "" {
			continue
		}
		opened++
		got, err := Decrypt(unhex(t, v.Ciphertext), signatureOf(t, v.Round))
		if err != nil || !bytes.Equal(got, payload) {
			t.Errorf("%s: Decrypt = %x, %v", name, got, err)
		}
	}
	if opened < 50 {
		t.Errorf("only %d ciphertexts", opened)
	}
}

func compareWeights(t testing.TB, name string, got, want *Weights) {
	t.Helper()
	if got.Hotkey != want.Hotkey || got.Legacy != want.Legacy || got.VersionKey != want.VersionKey ||
		!equal(got.UIDs, want.UIDs) || !equal(got.Values, want.Values) {
		t.Errorf("%s:\ngot  %+v\nwant %+v", name, *got, *want)
	}
}

func equal(a, b []uint16) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

func TestFramesAndCommitmentsOfReleasedPackages(t *testing.T) {
	t.Parallel()
	for _, v := range readVectors(t).Others {
		name := v.Name + " by " + v.Oracle
		ciphertext := unhex(t, v.Blob)
		if v.Kind == "userdata" {
			frame, err := ParseFrame(ciphertext)
			if err != nil || frame.Round != v.Round {
				t.Errorf("%s: ParseFrame = round %d, %v", name, frame.Round, err)
				continue
			}
			if again, err := frame.Append(nil); err != nil || !bytes.Equal(again, ciphertext) {
				t.Errorf("%s: Append = %x, %v", name, again, err)
			}
			ciphertext = frame.Ciphertext
		}
		got, err := Decrypt(ciphertext, signatureOf(t, v.Round))
		if err != nil || hex.EncodeToString(got) != v.Plaintext {
			t.Errorf("%s: Decrypt = %x, %v", name, got, err)
			continue
		}
		if v.Kind != "commitment" {
			continue
		}
		if message, err := AppendCommitment(nil, *v.Text); err != nil || !bytes.Equal(message, got) {
			t.Errorf("%s: AppendCommitment = %x, %v; want %x", name, message, err, got)
		}
		if text, err := ParseCommitment(got); err != nil || string(text) != *v.Text {
			t.Errorf("%s: ParseCommitment = %q, %v", name, text, err)
		}
	}
}

func TestDamagedCiphertexts(t *testing.T) {
	t.Parallel()
	for _, v := range readVectors(t).Refused {
		err := func() error {
			raw, err := hex.DecodeString(v.Signature)
			if err != nil {
				return err
			}
			sig, err := ParseSignature(raw)
			if err != nil {
				return err
			}
			frame, err := ParseFrame(unhex(t, v.Blob))
			if err != nil {
				return err
			}
			_, err = Decrypt(frame.Ciphertext, sig)
			return err
		}()
		want := v.Result["1.3.0"] == "ok"
		if v.Name == "signature with extra bytes" {
			want = false // the packages ignore what follows; no beacon writes it
		}
		if (err == nil) != want {
			t.Errorf("%s: %v, but the package says %s", v.Name, err, v.Result["1.3.0"])
		}
	}
}

func TestFixedScheduleOfReleasedPackage(t *testing.T) {
	t.Parallel()
	_, quicknet := Quicknet()
	compared := 0
	for _, v := range readVectors(t).Fixed {
		// Block 0 has none before it; in block 1 the vector is of the same epoch.
		w, err := FixedEpochs{Netuid: v.Netuid, Tempo: v.Tempo}.Window(max(v.Block, 1)-1, v.Period)
		if v.Tempo == 0 { // the package does not know that such a commit is lost
			if !errors.Is(err, ErrNoEpochs) {
				t.Errorf("tempo 0: %v", err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%+v: %v", v, err)
			continue
		}
		compared++
		if got := quicknet.RevealRound(w, SecurityOffset, v.pace(v.Block)); got != v.Round {
			t.Errorf("%+v: round %d in %+v", v, got, w)
		}
	}
	if compared < 45 {
		t.Errorf("only %d compared", compared)
	}
}

func TestStatefulScheduleOfReleasedPackages(t *testing.T) {
	t.Parallel()
	for _, v := range readVectors(t).Stateful {
		state := StatefulEpochs{
			Block: v.Block, LastEpochBlock: v.LastEpochBlock, PendingEpochAt: v.PendingEpochAt,
			BlocksSinceLastStep: v.BlocksSinceLastStep, Tempo: v.Tempo,
		}
		w, err := state.Window(v.Block+1, v.Period)
		var round uint64
		if json.Unmarshal(v.Round, &round) != nil {
			if !errors.Is(err, ErrNoEpochs) {
				t.Errorf("%+v: %v, want an error", v, err)
			}
			continue
		}
		var zero Schedule // is quicknet's
		if got := zero.RevealRound(w, SecurityOffset, v.pace(v.Block)); err != nil || w.First != v.First || got != round {
			t.Errorf("%+v: %+v, round %d, %v; want first %d, round %d", state, w, got, err, v.First, round)
		}
	}
}

func TestSimpleRoundsOfReleasedPackages(t *testing.T) {
	t.Parallel()
	_, quicknet := Quicknet()
	for _, v := range readVectors(t).Simple {
		p := v.pace(0)
		if got := quicknet.CommitmentRound(p.Time, v.Blocks, p.BlockTime); got != v.Commitment {
			t.Errorf("%+v: CommitmentRound = %d", v, got)
		}
		if got := quicknet.FrameRound(p.Time, v.Blocks, p.BlockTime); got != v.Encrypt {
			t.Errorf("%+v: FrameRound = %d", v, got)
		}
	}
}

// What the chain's own crate wrote, in builds for the web.
func TestCiphertextsOfRustBuilds(t *testing.T) {
	t.Parallel()
	for name, v := range map[string]struct {
		round               uint64
		message, ciphertext string
	}{
		"text 1":  {1000, hex.EncodeToString([]byte("this is a test")), "8fd20ce2a160d0640c27cf3cd927763a8bcee33108c9c6ab84af1f2b3c702f49629e719d9ef0e7efeca75a31cd4342780282f6ccdc9f9ec54940a1fd9539a5fcbcc5113e6adbb085211c8e9a235c6e5ef78c0baaf41c15714854fac0cd366034200000000000000084e6f69cc43d1be061217f285b13304a3ee93540564e573c642761e498a048942000000000000000dfd21a3514b9d62f9c44c6ed7cacd3eaf62cf5248731517a3817993bfb545c953a000000000000001e00000000000000fcc16b901e0e7b7044606586eaa348798c99ca91350595687ab683ecc43d0c0000000000000095ace6a44d8745177b5c713b08000000000000004145535f47434d5f"},
		"text 2":  {1000, hex.EncodeToString([]byte("this is a test")), "a549b8ff0539a7f034a5d19c0819f9aabd0a0df57886f787a3e6abc9be0c900849c242ae54a6688e8a475a72b7fae05d17eebe0693c4a9665496b991b3c58ee62e01195f24132117cc3210d1e73352eb9c8a275cca52c835711c797736c1b0e220000000000000008213637c471bc2923b12cbdf09c628edfbee78871b3d74b8b4bb2f534dc4b3fa20000000000000005294921761a62868b46f5a7f8dc2160afb2dfa7a80f4a60e388ab5f2f2226a963a000000000000001e00000000000000c5781cdf8edb78f63c6352662c918df2f716855d6ba2a87b8654117429d90c000000000000009f203231b84a4207d64d693608000000000000004145535f47434d5f"},
		"weights": {2000, "80d43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d080100030008b66dfffff8dc0c0000000000", "8f0ae3df2e6b109dc5c10f01a2378263c2bad947911425fcaa87929b1bfbc14efc3d1803d7698567abef1784f2120d57111556b813a7cf8755ef534fc47d0765c76c3b7bd4b8c5529ca6f48c8ce292dc10eb3726331eaa93d82c73ffb60865c02000000000000000d36a23c8d9ca4982d337f2f3ad6eabcb81ee5fabf594f2bb2da8f103f369ac2a20000000000000000d29cea3f5a2b116a29ff7d15967ae122af3f7591984d64760f4e10c27ff89215f0000000000000043000000000000005d2c07a2a048f41debcd22e5b1c36c39e27953d41beb0d765bd136cd9a6f82a4e7671fa036a9d5ffc7ad801d073ec9c313f488603003a52e79ae52b6e2dc6ea56362770c00000000000000123211f360d39833ea20395b08000000000000004145535f47434d5f"},
		"empty":   {1000, "", "99d177123b27f064ee3ac2f9d325136ce6e32fc6e183cf86ba9011d4fbe33797d51e61e34ae48a6a0542b443253fc3f310e5b4bef0393bba0540e545b0196f1dff87b94cbc52e8c31565a56b6d005c4aed8a593c4082d98f27efa46d912d864d200000000000000000840c8e1d2b28a831953421051baf7e98fd0d249e58fe900097636fccf567ac2000000000000000da0cac96ec9e2d67553cb2aeb4efa397804e075319fd57757c1dd1b766dccd6d2c00000000000000100000000000000055d91808aecbe1d8bb144b151d968b7e0c00000000000000176a3ce61f0cb1938da8dc5a08000000000000004145535f47434d5f"},
	} {
		got, err := Decrypt(unhex(t, v.ciphertext), signatureOf(t, v.round))
		if err != nil || hex.EncodeToString(got) != v.message {
			t.Errorf("%s: Decrypt = %x, %v", name, got, err)
		}
		other := uint64(3000) - v.round
		if _, err := Decrypt(unhex(t, v.ciphertext), signatureOf(t, other)); !errors.Is(err, ErrSignature) {
			t.Errorf("%s with the signature of round %d: %v", name, other, err)
		}
	}
}

// Limits of the chain in terms of messages.
func TestSizes(t *testing.T) {
	t.Parallel()
	key, _ := Quicknet()
	for _, n := range []int{0, 6, 14, 17, 51, 4756} {
		got, err := Encrypt(rand.Reader, key, 2000, make([]byte, n))
		if err != nil || len(got) != n+244 {
			t.Errorf("%d bytes become %d, %v", n, len(got), err)
		}
	}
	text := strings.Repeat("x", 778)
	if message, err := AppendCommitment(nil, text); err != nil || len(message)+Overhead != MaxCommitmentCiphertext {
		t.Errorf("the longest commitment: %d bytes, %v", len(message), err)
	}
}
