package wallet_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/bittensor-pylon/pylon/wallet"
)

// It agrees with Verify on everything that Verify is tested with, one at a time
// and many at once.
func TestVerifierAgrees(t *testing.T) {
	t.Parallel()
	keys := []*wallet.Keypair{fromURI(t, wallet.Sr25519, "//Alice"), fromURI(t, wallet.Sr25519, "//Bob"), fromURI(t, wallet.Sr25519, "//Charlie")}
	v := wallet.NewVerifier(2) // fewer than there are
	rapid.Check(t, func(t *rapid.T) {
		type attempt struct {
			pub     [32]byte
			message []byte
			sig     [64]byte
		}
		var attempts []attempt
		for range rapid.IntRange(1, 80).Draw(t, "signatures") {
			key := rapid.SampledFrom(keys).Draw(t, "key")
			a := attempt{pub: key.PublicKey(), message: rapid.SliceOf(rapid.Byte()).Draw(t, "message")}
			a.sig = key.Sign(a.message)
			switch rapid.IntRange(0, 12).Draw(t, "wrong") {
			case 0:
				a.sig[rapid.IntRange(0, 63).Draw(t, "byte")] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
			case 1:
				a.message = append(a.message, 'x')
			case 2:
				a.pub = rapid.SampledFrom(keys).Draw(t, "other").PublicKey()
			case 3:
				a.pub[rapid.IntRange(0, 31).Draw(t, "byte")] ^= 1
			case 4:
				a.pub = [32]byte{}
			}
			attempts = append(attempts, a)
		}
		got := make([]bool, len(attempts))
		var wg sync.WaitGroup
		for i, a := range attempts {
			wg.Go(func() { got[i] = v.Verify(a.pub, a.message, a.sig) })
		}
		wg.Wait()
		for i, a := range attempts {
			if want := wallet.Verify(a.pub, a.message, a.sig); got[i] != want {
				t.Fatalf("%d: %v, want %v", i, got[i], want)
			}
		}
	})
}

// Signatures that cancel out each other in a sum are no pair of good ones.
func TestVerifierIsNotFooledByPairs(t *testing.T) {
	t.Parallel()
	key := fromURI(t, wallet.Sr25519, "//Alice")
	message := []byte("message")
	v := wallet.NewVerifier(0)
	for range 20 {
		one, two := key.Sign(message), key.Sign(message)
		// s+1 and s-1: the errors have the sum zero.
		one[32]++
		two[32]--
		var wg sync.WaitGroup
		for _, sig := range [][64]byte{one, two} {
			wg.Go(func() {
				if v.Verify(key.PublicKey(), message, sig) {
					t.Error("a changed signature is good")
				}
			})
		}
		wg.Wait()
	}
}

func TestVerifierRefusesTheZeroKey(t *testing.T) {
	t.Parallel()
	v := wallet.NewVerifier(0)
	for _, text := range []string{strings.Repeat("00", 63) + "80", "e2f2ae0a6abc4e71a884a961c500515f58e30b6aa582dd8db6a65945e08d2d7601" + strings.Repeat("00", 30) + "80"} {
		if v.Verify([32]byte{}, []byte("anything"), [64]byte(unhex(t, text))) {
			t.Errorf("%s is good", text)
		}
	}
}

// Nobody waits for ever, however many there are.
func TestVerifierUnderLoad(t *testing.T) {
	t.Parallel()
	key := fromURI(t, wallet.Sr25519, "//Alice")
	v := wallet.NewVerifier(0)
	var wg sync.WaitGroup
	for i := range 200 {
		message := fmt.Appendf(nil, "message %d", i)
		sig := key.Sign(message)
		if i%17 == 0 {
			sig[0] ^= 1
		}
		wg.Go(func() {
			for range 5 {
				if v.Verify(key.PublicKey(), message, sig) != (i%17 != 0) {
					t.Errorf("message %d", i)
				}
			}
		})
	}
	wg.Wait()
}

func BenchmarkVerifier(b *testing.B) {
	key, err := wallet.FromURI("//Alice")
	if err != nil {
		b.Fatal(err)
	}
	message := make([]byte, 220)
	sig := key.Sign(message)
	b.Run("Verify", func(b *testing.B) {
		for b.Loop() {
			if !wallet.Verify(key.PublicKey(), message, sig) {
				b.Fatal()
			}
		}
	})
	for _, callers := range []int{1, 2, 8, 64} {
		b.Run(fmt.Sprintf("Verifier %d at once", callers), func(b *testing.B) {
			v := wallet.NewVerifier(0)
			b.SetParallelism(callers)
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if !v.Verify(key.PublicKey(), message, sig) {
						b.Error("a good signature is bad")
					}
				}
			})
		})
	}
}
