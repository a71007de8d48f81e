package timelock

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/big"
	"runtime"
	"slices"
	"strings"
	"testing"

	bls "github.com/consensys/gnark-crypto/ecc/bls12-381"
	"github.com/consensys/gnark-crypto/ecc/bls12-381/fp"
	"go.uber.org/goleak"
	"pgregory.net/rapid"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func unhex(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

const (
	signature1000 = "b44679b9a59af2ec876b1a6b1ad52ea9b1615fc3982b19576350f93447cb1125e342b73a8dd2bacbe47e4b6b63ed5e39"
	signature2000 = "b6cb8f482a0b15d45936a4c4ea08e98a087e71787caee3f4d07a8a9843b1bc5423c6b3c22f446488b3137eaca799c77e"
	deterministic = "825cc00730f364442c7aa6d00c870b5118523d680c18fd763828b1ed2771ab1c09b52f97125b4ed33bbf87f378620728134d51db70d7b796975124738b7132c0a20e80b13c4668ffa7e0a2d9bfc0c42e1c9bb38af68bb6285586d0d01b7b7c442000000000000000cf61ab6a22c3fcaf5b8a336a410c95e48fed97143ff7a8d4b28cfcac6f99fe0e2000000000000000610fcf2b64c631649310564ab9b0594df610a69e712fb0caa9c3ba5a19d512df3a000000000000001e00000000000000e7889bbdd3d28e706b9a8d6c906deeb1e7857a8435189e7c0858cfdd064f0c00000000000000a0a1a2a3a4a5a6a7a8a9aaab08000000000000004145535f47434d5f"
)

func signature(t testing.TB, text string) Signature {
	t.Helper()
	sig, err := ParseSignature(unhex(t, text))
	if err != nil {
		t.Fatal(err)
	}
	return sig
}

// The bytes were made by another implementation of the scheme and opened by the Rust one.
func TestEncryptIsByteExact(t *testing.T) {
	t.Parallel()
	key, _ := Quicknet()
	random := unhex(t, strings.Repeat("02", 32)+"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"+"a0a1a2a3a4a5a6a7a8a9aaab")
	got, err := Encrypt(bytes.NewReader(random), key, 1000, []byte("this is a test"))
	if err != nil {
		t.Fatal(err)
	}
	if hex.EncodeToString(got) != deterministic {
		t.Errorf("got  %x\nwant %s", got, deterministic)
	}
	message, err := Decrypt(got, signature(t, signature1000))
	if err != nil || string(message) != "this is a test" {
		t.Errorf("Decrypt = %q, %v", message, err)
	}
}

// Every intermediate of the deterministic vector, so that a change of the curve
// library that breaks one says which.
func TestIntermediates(t *testing.T) {
	t.Parallel()
	key, _ := Quicknet()
	id, err := identity(1000)
	if err != nil {
		t.Fatal(err)
	}
	if got := id.Bytes(); hex.EncodeToString(got[:]) != "8f5a32d53837b00fbc0ee31ce9966435a41c5188a80ce9934d3c80588b6ad6f643ebda1b83ef89e44da9ced6205cdecf" {
		t.Errorf("the point of round 1000 is %x", got)
	}
	var sigma, secret [secretSize]byte
	for i := range sigma {
		sigma[i], secret[i] = byte(i), 2
	}
	r := exponent(sigma, secret)
	if got := fmt.Sprintf("%064x", r); got != "01cf17976fa81da3b50dec7610d2e4263b3e8028feb213ed42ecce44960f37f2" {
		t.Errorf("r is %s", got)
	}
	id.ScalarMultiplication(&id, r)
	mask, err := pairingMask(&id, &key.point)
	if err != nil || hex.EncodeToString(mask[:]) != "cf60a96926c6faa8538339614d019beb9ffc85072be2bec3aa95e6b77384e011" {
		t.Errorf("the hash of the pairing is %x, %v", mask, err)
	}
}

func TestPulsesOfQuicknet(t *testing.T) {
	t.Parallel()
	key, _ := Quicknet()
	for round, randomness := range map[uint64]string{
		1000: "fe290beca10872ef2fb164d2aa4442de4566183ec51c56ff3cd603d930e54fdd",
		2000: "e966293dee0664555add6ae4beacf630b65c61eba85af2b63021ab8da20975a9",
	} {
		sig := signatureOf(t, round)
		if got := sig.Randomness(); hex.EncodeToString(got[:]) != randomness {
			t.Errorf("randomness of round %d is %x", round, got)
		}
		for _, other := range []uint64{0, 1, 1000, 2000, 20000} {
			if got := key.Verify(other, sig); got != (other == round) {
				t.Errorf("the signature of round %d verifies for %d: %v", round, other, got)
			}
		}
	}
	if _, err := ParseSignature(unhex(t, "b0a8b04e009cf72534321aca0f50048da596a3feec1172a0244d9a4a623a3123d0402da79854d4c705e94bc73224c341")); !errors.Is(err, ErrMalformed) {
		t.Errorf("a point off the curve: %v", err)
	}
}

func beacon(t testing.TB, secret string) *Beacon {
	t.Helper()
	b, err := NewBeacon(sha256.Sum256([]byte(secret)))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestBeacon(t *testing.T) {
	t.Parallel()
	b, other := beacon(t, "one"), beacon(t, "two")
	key := b.PublicKey()
	if key != beacon(t, "one").PublicKey() || key == other.PublicKey() {
		t.Error("public keys do not follow the secret")
	}
	raw := key.Bytes()
	if again, err := ParsePublicKey(raw[:]); err != nil || again != key || again.String() != hex.EncodeToString(raw[:]) {
		t.Errorf("public key: %v, %v", again, err)
	}
	for _, round := range []uint64{0, 1, 7, 1<<64 - 1} {
		sig := b.Sign(round)
		if sig != b.Sign(round) {
			t.Errorf("two signatures of round %d", round)
		}
		raw := sig.Bytes()
		if again, err := ParseSignature(raw[:]); err != nil || again != sig {
			t.Errorf("signature of round %d: %v, %v", round, again, err)
		}
		if !key.Verify(round, sig) || key.Verify(round+1, sig) || other.PublicKey().Verify(round, sig) {
			t.Errorf("the signature of round %d verifies where it should not, or does not", round)
		}
	}
}

func TestBeaconKeepsItsSecret(t *testing.T) {
	t.Parallel()
	b := beacon(t, "one")
	for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
		text := fmt.Sprintf(format, b)
		if !strings.Contains(text, b.PublicKey().String()) || strings.Contains(text, b.secret.String()) || strings.Contains(text, b.secret.Text(16)) {
			t.Errorf("%s prints %s", format, text)
		}
	}
	order, _ := new(big.Int).SetString("73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001", 16)
	for name, secret := range map[string]*big.Int{"zero": new(big.Int), "the order": order} {
		if b, err := NewBeacon([32]byte(secret.FillBytes(make([]byte, 32)))); err == nil {
			t.Errorf("%s makes %v", name, b)
		}
	}
}

// What one of us encrypts, the signature of its round opens, and no other.
func TestRoundTrip(t *testing.T) {
	t.Parallel()
	b := beacon(t, "round trip")
	rapid.Check(t, func(t *rapid.T) {
		round := rapid.Uint64Min(1).Draw(t, "round")
		message := rapid.SliceOfN(rapid.Byte(), 0, 2000).Draw(t, "message")
		ciphertext, err := Encrypt(rand.Reader, b.PublicKey(), round, message)
		if err != nil || len(ciphertext) != len(message)+Overhead {
			t.Fatalf("%d bytes, %v", len(ciphertext), err)
		}
		got, err := Decrypt(ciphertext, b.Sign(round))
		if err != nil || !bytes.Equal(got, message) {
			t.Fatalf("%x, %v", got, err)
		}
		if _, err := Decrypt(ciphertext, b.Sign(round+1)); !errors.Is(err, ErrSignature) {
			t.Fatalf("another round: %v", err)
		}
	})
}

func TestEncryptRefuses(t *testing.T) {
	t.Parallel()
	key, _ := Quicknet()
	for name, err := range map[string]error{
		"no key":             second(Encrypt(rand.Reader, PublicKey{}, 1, nil)),
		"round 0":            second(Encrypt(rand.Reader, key, 0, nil)),
		"too few randomness": second(Encrypt(bytes.NewReader(make([]byte, 75)), key, 1, nil)),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if err := second(Encrypt(io.LimitReader(rand.Reader, 0), key, 1, nil)); !errors.Is(err, io.EOF) {
		t.Errorf("no randomness: %v", err)
	}
}

func second[T any](_ T, err error) error { return err }

// Each bit of a ciphertext matters, but for the name of the cipher, which the chain does not look at.
func TestEveryBitCounts(t *testing.T) {
	t.Parallel()
	ciphertext, sig := unhex(t, deterministic), signature(t, signature1000)
	for i := range ciphertext {
		damaged := slices.Clone(ciphertext)
		damaged[i] ^= 1 << (i % 8)
		got, err := Decrypt(damaged, sig)
		var want error
		switch {
		case i < PublicKeySize, i >= 96 && i < 104, i >= 136 && i < 144, i >= 176 && i < 192, i >= 222 && i < 230, i >= 242 && i < 250:
			want = ErrMalformed // a point or a length; another point can be one
			if errors.Is(err, ErrSignature) && i < PublicKeySize {
				continue
			}
			if errors.Is(err, ErrAltered) && i >= 184 && i < 192 {
				continue
			}
		case i < 176:
			want = ErrSignature
		case i < 242:
			want = ErrAltered
		default:
			if err != nil || string(got) != "this is a test" {
				t.Errorf("byte %d, of the cipher's name: %q, %v", i, got, err)
			}
			continue
		}
		if !errors.Is(err, want) {
			t.Errorf("byte %d: %q, %v; want %v", i, got, err, want)
		}
	}
	for n := range ciphertext {
		if _, err := Decrypt(ciphertext[:n], sig); !errors.Is(err, ErrMalformed) {
			t.Errorf("cut to %d bytes: %v", n, err)
		}
	}
	for name, extended := range map[string][]byte{
		"trailing bytes": append(slices.Clone(ciphertext), 1, 2, 3),
		"no name":        append(slices.Clone(ciphertext[:242]), make([]byte, 8)...),
	} {
		if got, err := Decrypt(extended, sig); err != nil || string(got) != "this is a test" {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	if _, err := Decrypt(ciphertext, Signature{}); !errors.Is(err, ErrSignature) {
		t.Errorf("no signature: %v", err)
	}
}

// V and W of another length abort the chain's code.
func TestMaskLengths(t *testing.T) {
	t.Parallel()
	ciphertext, sig := unhex(t, deterministic), signature(t, signature1000)
	for _, at := range []int{96, 136} {
		for _, n := range []int{0, 31, 33, 64} {
			damaged := slices.Concat(ciphertext[:at], appendBytes(nil, make([]byte, n)), ciphertext[at+40:])
			if _, err := Decrypt(damaged, sig); !errors.Is(err, ErrMalformed) {
				t.Errorf("%d bytes at %d: %v", n, at, err)
			}
		}
	}
	for _, n := range []int{0, 11, 13} {
		e, err := parseEnvelope(ciphertext)
		if err != nil {
			t.Fatal(err)
		}
		e.nonce = make([]byte, n)
		if _, err := Decrypt(e.append(nil), sig); !errors.Is(err, ErrMalformed) {
			t.Errorf("a nonce of %d bytes: %v", n, err)
		}
	}
}

// Points that are on the curve but not in the group of prime order would let
// their sender learn about secrets; infinity would make every signature fit.
func TestPointsOutsideTheGroup(t *testing.T) {
	t.Parallel()
	_, _, g1, g2 := bls.Generators()
	outside1 := smallest(t, g1.X.SetUint64, func() ([]byte, bool) {
		b := g1.Bytes()
		var p bls.G1Affine
		_, err := p.SetBytes(b[:])
		return b[:], err != nil && strings.Contains(err.Error(), "subgroup")
	})
	if _, err := ParseSignature(outside1); !errors.Is(err, ErrMalformed) {
		t.Errorf("G1: %v", err)
	}
	g2.X.A1.SetZero()
	outside2 := smallest(t, g2.X.A0.SetUint64, func() ([]byte, bool) {
		b := g2.Bytes()
		var p bls.G2Affine
		_, err := p.SetBytes(b[:])
		return b[:], err != nil && strings.Contains(err.Error(), "subgroup")
	})
	if _, err := ParsePublicKey(outside2); !errors.Is(err, ErrMalformed) {
		t.Errorf("G2: %v", err)
	}
	ciphertext := unhex(t, deterministic)
	copy(ciphertext, outside2)
	if _, err := Decrypt(ciphertext, signature(t, signature1000)); !errors.Is(err, ErrMalformed) {
		t.Errorf("U: %v", err)
	}

	for name, flags := range map[string]byte{"infinity": 0xc0, "uncompressed": 0, "uncompressed infinity": 0x40, "sorted infinity": 0xe0, "invalid": 0x20} {
		point := make([]byte, PublicKeySize)
		point[0] = flags
		if _, err := ParsePublicKey(point); !errors.Is(err, ErrMalformed) {
			t.Errorf("public key, %s: %v", name, err)
		}
		if _, err := ParseSignature(point[:SignatureSize]); !errors.Is(err, ErrMalformed) {
			t.Errorf("signature, %s: %v", name, err)
		}
		copy(ciphertext, point)
		if _, err := Decrypt(ciphertext, signature(t, signature1000)); !errors.Is(err, ErrMalformed) {
			t.Errorf("U, %s: %v", name, err)
		}
	}
	// An x that is the field's order too large is another way to write the same
	// point, where there is room for it.
	b := beacon(t, "small")
	for round := uint64(1); ; round++ {
		raw := b.Sign(round).Bytes()
		flags := raw[0] & 0xe0
		raw[0] &= 0x1f
		x := new(big.Int).Add(new(big.Int).SetBytes(raw[:]), fp.Modulus())
		if x.BitLen() > 381 {
			continue
		}
		x.FillBytes(raw[:])
		raw[0] |= flags
		if _, err := ParseSignature(raw[:]); !errors.Is(err, ErrMalformed) {
			t.Errorf("x beyond the field: %v", err)
		}
		break
	}
	for _, n := range []int{0, 47, 49, 95, 97, 192} {
		if _, err := ParsePublicKey(make([]byte, n)); err == nil {
			t.Errorf("a public key of %d bytes", n)
		}
		if _, err := ParseSignature(make([]byte, n)); err == nil {
			t.Errorf("a signature of %d bytes", n)
		}
	}
}

// smallest tries small coordinates until a point is on the curve and not in the group.
func smallest[T any](t *testing.T, set func(uint64) T, found func() ([]byte, bool)) []byte {
	t.Helper()
	for x := range uint64(100) {
		set(x)
		if b, ok := found(); ok {
			return b
		}
	}
	t.Fatal("no point outside the group")
	return nil
}

// Lengths that a ciphertext only claims cost nothing.
func TestHostileLengthsAllocateNothing(t *testing.T) {
	ciphertext, sig := unhex(t, deterministic), signature(t, signature1000)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for _, at := range []int{96, 136, 176, 184, 222, 242} {
		for _, n := range []uint64{1 << 20, 1 << 40, 1<<63 - 1, 1 << 63, 1<<64 - 1} {
			damaged := slices.Clone(ciphertext)
			binary.LittleEndian.PutUint64(damaged[at:], n)
			if _, err := Decrypt(damaged, sig); !errors.Is(err, ErrMalformed) {
				t.Errorf("length %d at %d: %v", n, at, err)
			}
		}
	}
	for _, text := range []string{"feffffff", "feffffff00", "02093d00", "8000", "fdff"} {
		if w, err := ParseWeights(unhex(t, text)); err == nil {
			t.Errorf("%s: %+v", text, w)
		}
		if f, err := ParseFrame(unhex(t, text)); err == nil {
			t.Errorf("%s: %+v", text, f)
		}
	}
	runtime.ReadMemStats(&after)
	if used := after.TotalAlloc - before.TotalAlloc; used > 1<<20 {
		t.Errorf("%d bytes", used)
	}
}
