package timelock

import (
	"crypto/rand"
	"testing"
)

// 256 weights, as a subnet of the main network has them.
func benchmarkMessage(b *testing.B) []byte {
	b.Helper()
	message, err := (&Weights{UIDs: make([]uint16, 256), Values: make([]uint16, 256)}).Append(nil)
	if err != nil {
		b.Fatal(err)
	}
	return message
}

func BenchmarkEncrypt(b *testing.B) {
	key, _ := Quicknet()
	message := benchmarkMessage(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Encrypt(rand.Reader, key, 1000, message); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecrypt(b *testing.B) {
	key, _ := Quicknet()
	sig := signature(b, signature1000)
	ciphertext, err := Encrypt(rand.Reader, key, 1000, benchmarkMessage(b))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Decrypt(ciphertext, sig); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkVerify(b *testing.B) {
	key, _ := Quicknet()
	sig := signature(b, signature1000)
	b.ReportAllocs()
	for b.Loop() {
		if !key.Verify(1000, sig) {
			b.Fatal("not verified")
		}
	}
}

func BenchmarkSign(b *testing.B) {
	beacon := beacon(b, "bench")
	for b.Loop() {
		beacon.Sign(1000)
	}
}

func BenchmarkParseSignature(b *testing.B) {
	raw := unhex(b, signature1000)
	for b.Loop() {
		if _, err := ParseSignature(raw); err != nil {
			b.Fatal(err)
		}
	}
}

// The longest walk that the chain allows: a hundred epochs ahead.
func BenchmarkStatefulWindow(b *testing.B) {
	state := StatefulEpochs{Block: 5000000, LastEpochBlock: 4999900, Tempo: 360}
	for b.Loop() {
		if _, err := state.Window(5000001, 100); err != nil {
			b.Fatal(err)
		}
	}
}
