//go:build interop

package timelock

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	mathrand "math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bittensor-pylon/pylon/internal/timelock"
)

// pulses are signatures that quicknet has published.
var pulses = map[uint64]string{
	1000: "b44679b9a59af2ec876b1a6b1ad52ea9b1615fc3982b19576350f93447cb1125e342b73a8dd2bacbe47e4b6b63ed5e39",
	2000: "b6cb8f482a0b15d45936a4c4ea08e98a087e71787caee3f4d07a8a9843b1bc5423c6b3c22f446488b3137eaca799c77e",
}

var alice = [32]byte(unhex("d43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d"))

func unhex(text string) []byte {
	b, err := hex.DecodeString(text)
	if err != nil {
		panic(err)
	}
	return b
}

func each(t *testing.T, test func(t *testing.T, p *python)) {
	for release := range packages {
		t.Run(release, func(t *testing.T) {
			t.Parallel()
			test(t, start(t, release))
		})
	}
}

func weights(n int) timelock.Weights {
	w := timelock.Weights{Hotkey: alice, UIDs: make([]uint16, n), Values: make([]uint16, n), VersionKey: 9003000}
	for i := range n {
		w.UIDs[i], w.Values[i] = uint16(i), uint16(65535-7*i)
	}
	return w
}

func open(t *testing.T, ciphertext []byte, round uint64) []byte {
	t.Helper()
	sig, err := timelock.ParseSignature(unhex(pulses[round]))
	if err != nil {
		t.Fatal(err)
	}
	message, err := timelock.Decrypt(ciphertext, sig)
	if err != nil {
		t.Fatal(err)
	}
	return message
}

// The packages open only frames, so the ciphertexts of commits are put into one.
func TestPythonOpensOurCiphertexts(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, p *python) {
		messages := map[string][]byte{"nothing": {}, "text": []byte("this is a test"), "the longest": bytes.Repeat([]byte("x"), 4756)}
		for _, n := range []int{0, 1, 2, 63, 64, 256, 1000} {
			w := weights(n)
			message, err := w.Append(nil)
			if err != nil {
				t.Fatal(err)
			}
			messages[fmt.Sprint(n, " weights")] = message
		}
		commitment, err := timelock.AppendCommitment(nil, "grüße")
		if err != nil {
			t.Fatal(err)
		}
		messages["commitment"] = commitment
		key, _ := timelock.Quicknet()
		for name, message := range messages {
			for round, pulse := range pulses {
				frame := timelock.Frame{Round: round}
				if frame.Ciphertext, err = timelock.Encrypt(rand.Reader, key, round, message); err != nil {
					t.Fatal(err)
				}
				framed, err := frame.Append(nil)
				if err != nil {
					t.Fatal(err)
				}
				var got data
				if err := p.try(time.Now(), &got, "decrypt_with_signature", bytesOf(framed), pulse); err != nil || !bytes.Equal(got.bytes(t), message) {
					t.Errorf("%s for round %d: %.100s, %v", name, round, got.Hex, err)
				}
				if err := p.try(time.Now(), &got, "decrypt_with_signature", bytesOf(framed), pulses[3000-round]); err == nil || !strings.HasPrefix(err.Error(), "ValueError") {
					t.Errorf("%s for round %d with another signature: %v", name, round, err)
				}
			}
		}
	})
}

// moment returns when a client has to commit for its round to be the given one,
// in the middle between two changes of rounds.
func moment(round uint64, ahead time.Duration) time.Time {
	_, quicknet := timelock.Quicknet()
	return quicknet.Time(round + 1).Add(quicknet.Period/2 - ahead)
}

const blockTime = 12 * time.Second

func TestWeOpenPythonsCommits(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, p *python) {
		for _, n := range []int{0, 1, 63, 64, 256} {
			for round := range pulses {
				w := weights(n)
				var got sealed
				if p.release == "drand-1.3.0" {
					window, err := timelock.FixedEpochs{Netuid: 12, Tempo: 360}.Window(4999999, 1)
					if err != nil {
						t.Fatal(err)
					}
					now := moment(round, time.Duration(window.First+timelock.SecurityOffset-5000000)*blockTime)
					got = p.encrypt(now, "get_encrypted_commit", w.UIDs, w.Values, w.VersionKey, 360, 5000000, 12, 1, 12.0, bytesOf(alice[:]))
				} else {
					window, err := timelock.StatefulEpochs{Block: 5000000, LastEpochBlock: 4999900, BlocksSinceLastStep: 100, Tempo: 360}.Window(5000001, 1)
					if err != nil {
						t.Fatal(err)
					}
					now := moment(round, time.Duration(window.First+timelock.SecurityOffset-5000000)*blockTime)
					got = p.encrypt(now, "get_encrypted_commit_v2", w.UIDs, w.Values, w.VersionKey, 4999900, 0, 7, 360, 100, 5000000, 1, 12.0, bytesOf(alice[:]))
				}
				if got.round != round {
					t.Fatalf("the package chose round %d instead of %d", got.round, round)
				}
				parsed, err := timelock.ParseWeights(open(t, got.bytes, round))
				if err != nil || !reflect.DeepEqual(*parsed, w) {
					t.Errorf("%d weights: %+v, %v", n, parsed, err)
				}
			}
		}
	})
}

func TestWeOpenPythonsCommitmentsAndFrames(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, p *python) {
		for round := range pulses {
			for _, text := range []string{"", "hello", "grüße", strings.Repeat("x", 70), strings.Repeat("y", 778)} {
				got := p.encrypt(moment(round, 5*blockTime), "get_encrypted_commitment", text, 5, 12.0)
				if got.round != round {
					t.Fatalf("the package chose round %d instead of %d", got.round, round)
				}
				read, err := timelock.ParseCommitment(open(t, got.bytes, round))
				if err != nil || string(read) != text {
					t.Errorf("commitment %.20q: %.20q, %v", text, read, err)
				}

				for function, args := range map[string][]any{
					"encrypt": {bytesOf([]byte(text)), 5, 12.0}, "encrypt_at_round": {bytesOf([]byte(text)), round},
				} {
					got := p.encrypt(moment(round, 5*blockTime), function, args...)
					frame, err := timelock.ParseFrame(got.bytes)
					if err != nil || frame.Round != round || got.round != round {
						t.Fatalf("%s: round %d in the frame, %d, %v", function, frame.Round, got.round, err)
					}
					if read := open(t, frame.Ciphertext, round); string(read) != text {
						t.Errorf("%s, %.20q: %.20q", function, text, read)
					}
				}
			}
		}
	})
}

// Both choose the same round for random states of the chain. Moments lie a quarter
// of a second beside the changes of rounds, where the packages' floating point and
// our integers cannot differ.
func TestSameRounds(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, p *python) {
		random := mathrand.New(mathrand.NewPCG(1, uint64(len(p.release))))
		var s timelock.Schedule
		for range 300 {
			now := time.Unix(1692803367+3+random.Int64N(1e9), int64(time.Second/4))
			head := 1 + random.Uint64N(1e7)
			tempo := uint16(1 + random.UintN([]uint{10, 800, 50400}[random.IntN(3)]))
			period := 1 + random.Uint64N(4)
			pace := timelock.Pace{Block: head, Time: now, BlockTime: blockTime}
			var got sealed
			var window timelock.Window
			var err error
			var state any
			if p.release == "drand-1.3.0" {
				fixed := timelock.FixedEpochs{Netuid: uint16(random.UintN(1 << 16)), Tempo: tempo}
				state = fixed
				// The package's commit lands in the block before the newest.
				window, err = fixed.Window(head-1, period)
				got = p.encrypt(now, "get_encrypted_commit", []int{1}, []int{1}, 0, tempo, head, fixed.Netuid, period, 12.0, bytesOf(alice[:]))
			} else {
				stateful := timelock.StatefulEpochs{
					Block: head, LastEpochBlock: head - min(head, random.Uint64N(2*uint64(tempo))), Tempo: tempo,
					BlocksSinceLastStep: []uint64{random.Uint64N(uint64(tempo)), 50300 + random.Uint64N(200)}[random.IntN(2)],
				}
				if random.IntN(2) == 0 {
					stateful.PendingEpochAt = head - min(head, 5) + random.Uint64N(uint64(tempo))
				}
				state = stateful
				window, err = stateful.Window(head+1, period)
				got = p.encrypt(now, "get_encrypted_commit_v2", []int{1}, []int{1}, 0, stateful.LastEpochBlock, stateful.PendingEpochAt, 9,
					tempo, stateful.BlocksSinceLastStep, head, period, 12.0, bytesOf(alice[:]))
			}
			if err != nil {
				t.Fatal(err)
			}
			if ours := s.RevealRound(window, timelock.SecurityOffset, pace); ours != got.round {
				t.Errorf("%+v, period %d, at %v: round %d, the package has %d", state, period, now, ours, got.round)
			}

			blocks := random.Uint64N(10000)
			theirs := []uint64{
				p.encrypt(now, "get_encrypted_commitment", "", blocks, 12.0).round, p.encrypt(now, "encrypt", bytesOf(nil), blocks, 12.0).round,
			}
			if ours := []uint64{s.CommitmentRound(now, blocks, blockTime), s.FrameRound(now, blocks, blockTime)}; !slices.Equal(ours, theirs) {
				t.Errorf("%d blocks from %v: rounds %d, the package has %d", blocks, now, ours, theirs)
			}
		}
	})
}
