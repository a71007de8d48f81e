package ss58_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"math/big"
	"os"
	"strings"
	"testing"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/bittensor-pylon/pylon/ss58"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func key(t testing.TB, text string) (pub [32]byte) {
	t.Helper()
	raw, err := hex.DecodeString(strings.TrimPrefix(text, "0x"))
	if err != nil || len(raw) != 32 {
		t.Fatalf("bad key in test: %q", text)
	}
	return [32]byte(raw)
}

// The addresses were made by polkadot-js, btwallet and subkey.
func TestKnownAddresses(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, pub, address string
		prefix             uint16
	}{
		{"Alice", "d43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d", "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY", 42},
		{"Bob", "8eaf04151687736326c9fea17e25fc5287613693c912909cb226aa4794f26a48", "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty", 42},
		{"Eve", "e659a7a1628cdd93febc04a4e0646ea20e9f5f0ce097d9a05290d4a9e054df4e", "5HGjWAeFDfFCWPsjFQdVV2Msvz2XtMktvgocEZcCj68kUMaw", 42},
		{"btwallet", "e4359ad3e2716c539a1d663ebd0a51bdc5c98a12e663bb4c4402db47828c9446", "5HDvhV6WDCjCKyrXqGQSDYqQAzkzabNhctmiDYEqgBC66BsX", 42},
		{"prefix 0", "e4359ad3e2716c539a1d663ebd0a51bdc5c98a12e663bb4c4402db47828c9446", "16ADqpMa4yzfmWs3nuTSMhfZ2ckeGtvqhPWCNqECEGDcGgU2", 0},
		{"32 times aa", strings.Repeat("aa", 32), "5FvUhL6sQ5egLAvnyiY1n7gTuhmYg9sD3oJbvASWkpNULt3n", 42},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			pub := key(t, tt.pub)
			if got, err := ss58.EncodeWithPrefix(pub, tt.prefix); err != nil || got != tt.address {
				t.Errorf("EncodeWithPrefix = %q, %v; want %q", got, err, tt.address)
			}
			if tt.prefix == ss58.Bittensor {
				if got := ss58.Encode(pub); got != tt.address {
					t.Errorf("Encode = %q, want %q", got, tt.address)
				}
			}
			got, prefix, err := ss58.Decode(tt.address)
			if err != nil || got != pub || prefix != tt.prefix {
				t.Errorf("Decode = %x, %d, %v", got, prefix, err)
			}
		})
	}
}

// testdata/registry.json was written by testdata/registry.mjs with
// @polkadot/util-crypto: random and extreme keys under one- and two-byte prefixes.
func TestPolkadotJSAddresses(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("testdata/registry.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors []struct {
		Pub, Address string
		Prefix       uint16
	}
	if err := json.Unmarshal(raw, &vectors); err != nil {
		t.Fatal(err)
	}
	if len(vectors) < 100 {
		t.Fatalf("only %d vectors", len(vectors))
	}
	for _, v := range vectors {
		pub := key(t, v.Pub)
		if got, err := ss58.EncodeWithPrefix(pub, v.Prefix); err != nil || got != v.Address {
			t.Errorf("EncodeWithPrefix(%s, %d) = %q, %v; want %q", v.Pub, v.Prefix, got, err, v.Address)
		}
		got, prefix, err := ss58.Decode(v.Address)
		if err != nil || got != pub || prefix != v.Prefix {
			t.Errorf("Decode(%q) = %x, %d, %v", v.Address, got, prefix, err)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	t.Parallel()
	const alice = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY"
	tests := []struct {
		name, address string
		want          error
	}{
		{"empty", "", ss58.ErrLength},
		{"checksum", alice[:len(alice)-1] + "Z", ss58.ErrChecksum},
		{"changed in the middle", strings.Replace(alice, "Qp", "Qq", 1), ss58.ErrChecksum},
		{"invalid in btwallet's tests", "5F3sa2TJAWMqDhXG6jhV4N8ko9rLbc4B52kmxXJoN5D3ue8w", ss58.ErrChecksum},
		{"not base58", strings.Replace(alice, "z", "0", 1), ss58.ErrAlphabet},
		{"space", " " + alice, ss58.ErrAlphabet},
		{"not ASCII", "é" + alice[2:], ss58.ErrAlphabet},
		{"hex", "0xd43593c715fdd31c61141abd04a99fd6822c8558854c", ss58.ErrAlphabet},
		{"one character short", alice[1:], nil},
		{"one character more", alice + "1", nil},
		{"account index", "F7Hs", ss58.ErrLength},
		{"very long", strings.Repeat("5", 1<<16), ss58.ErrLength},
		{"only ones", strings.Repeat("1", 50), ss58.ErrLength},
		{"largest digits", strings.Repeat("z", 50), ss58.ErrLength},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			pub, prefix, err := ss58.Decode(tt.address)
			if err == nil {
				t.Fatalf("accepted as %x, prefix %d", pub, prefix)
			}
			if tt.want != nil && !errors.Is(err, tt.want) {
				t.Errorf("error %v, want %v", err, tt.want)
			}
			if pub != ([32]byte{}) || prefix != 0 {
				t.Errorf("an error came with a key: %x, %d", pub, prefix)
			}
			if len(tt.address) > 5 && strings.Contains(err.Error(), tt.address) {
				t.Errorf("the error quotes the address: %v", err)
			}
		})
	}
}

func TestPrefixesRefused(t *testing.T) {
	t.Parallel()
	for _, prefix := range []uint16{46, 47, 1 << 14, 65535} {
		if got, err := ss58.EncodeWithPrefix([32]byte{1}, prefix); !errors.Is(err, ss58.ErrPrefix) || got != "" {
			t.Errorf("prefix %d: %q, %v", prefix, got, err)
		}
	}
}

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		pub := [32]byte(rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "pub"))
		prefix := rapid.Uint16Range(0, ss58.MaxPrefix).Filter(func(p uint16) bool { return p != 46 && p != 47 }).Draw(t, "prefix")
		address, err := ss58.EncodeWithPrefix(pub, prefix)
		if err != nil {
			t.Fatal(err)
		}
		got, gotPrefix, err := ss58.Decode(address)
		if err != nil || got != pub || gotPrefix != prefix {
			t.Fatalf("%q decodes to %x, %d, %v", address, got, gotPrefix, err)
		}
	})
}

// FuzzDecode checks that what is accepted is the one address of its key, and
// that the base58 is the number that math/big reads.
func FuzzDecode(f *testing.F) {
	f.Add("5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY")
	f.Add("16ADqpMa4yzfmWs3nuTSMhfZ2ckeGtvqhPWCNqECEGDcGgU2")
	f.Add("111111111111111111111111111111111HC1")
	f.Add(strings.Repeat("1", 36))
	f.Fuzz(func(t *testing.T, address string) {
		pub, prefix, err := ss58.Decode(address)
		if err != nil {
			return
		}
		again, err := ss58.EncodeWithPrefix(pub, prefix)
		if err != nil || again != address {
			t.Fatalf("%q and %q are the same account (%v)", address, again, err)
		}
		const alphabet = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
		n := new(big.Int)
		for _, c := range address {
			n.Mul(n, big.NewInt(58)).Add(n, big.NewInt(int64(strings.IndexRune(alphabet, c))))
		}
		if !bytes.Contains(n.FillBytes(make([]byte, 40)), pub[:]) {
			t.Fatalf("%q does not hold %x", address, pub)
		}
	})
}

func BenchmarkEncode(b *testing.B) {
	pub := key(b, "d43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d")
	b.ReportAllocs()
	for b.Loop() {
		ss58.Encode(pub)
	}
}

func BenchmarkDecode(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := ss58.Decode("5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY"); err != nil {
			b.Fatal(err)
		}
	}
}
