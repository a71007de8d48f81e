package timelock

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestWeightsRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.OneOf(rapid.IntRange(0, 70), rapid.IntRange(0, 300), rapid.Just(1<<14)).Draw(t, "n")
		w := Weights{
			UIDs: slices.Repeat([]uint16{rapid.Uint16().Draw(t, "uid")}, n), Values: slices.Repeat([]uint16{rapid.Uint16().Draw(t, "value")}, n),
			VersionKey: rapid.Uint64().Draw(t, "version key"),
		}
		for i := range w.Hotkey {
			w.Hotkey[i] = rapid.Byte().Draw(t, "hotkey")
		}
		b, err := w.Append(nil)
		if err != nil {
			t.Fatal(err)
		}
		got, err := ParseWeights(append(b, rapid.SliceOfN(rapid.Byte(), 0, 4).Draw(t, "follows")...))
		if err != nil || got.Hotkey != w.Hotkey || got.Legacy || !equal(got.UIDs, w.UIDs) || !equal(got.Values, w.Values) || got.VersionKey != w.VersionKey {
			t.Fatalf("%+v, %v", got, err)
		}
	})
}

// Short legacy messages are recognised as such; long ones are mistaken, as on the chain.
func TestLegacyWeights(t *testing.T) {
	t.Parallel()
	for n, legacy := range map[int]bool{0: true, 1: true, 2: true, 31: true, 62: true, 63: false, 256: false} {
		w := Weights{Legacy: true, UIDs: make([]uint16, n), Values: make([]uint16, n), VersionKey: 1}
		for i := range n {
			w.UIDs[i], w.Values[i] = uint16(i), uint16(i+1000)
		}
		b, err := w.Append(nil)
		if err != nil {
			t.Fatal(err)
		}
		got, err := ParseWeights(b)
		if err != nil || got.Legacy != legacy {
			t.Errorf("%d weights: legacy %v, %v", n, got.Legacy, err)
		}
		got, err = ParseLegacyWeights(b)
		if err != nil {
			t.Fatal(err)
		}
		compareWeights(t, "legacy", got, &w)
	}
}

// The chain takes the first 32 bytes of a longer hotkey, and the legacy form for a shorter one.
func TestHotkeyLengths(t *testing.T) {
	t.Parallel()
	lists, err := (&Weights{Legacy: true, UIDs: []uint16{7}, Values: []uint16{8}, VersionKey: 9}).Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	long := make([]byte, 33)
	long[0], long[31], long[32] = 1, 2, 3
	w, err := ParseWeights(append(append(appendCompact(nil, 33), long...), lists...))
	if err != nil || w.Hotkey != [32]byte(long[:32]) || w.VersionKey != 9 {
		t.Errorf("33 bytes: %+v, %v", w, err)
	}
	w, err = ParseWeights(append(append(appendCompact(nil, 31), long[:31]...), lists...))
	if err == nil {
		t.Errorf("31 bytes: %+v", w)
	}
}

func TestMalformedWeights(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"empty": "", "no values": "00", "no version key": "0000", "half a version key": "000000000000",
		"cut list": "0c0100", "huge list": "feffffff00000000000000000000", "big compact": "03ffffffff", "long form of 1": "0500010000000000000000000000",
	} {
		if w, err := ParseWeights(unhex(t, text)); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %+v, %v", name, w, err)
		}
	}
	if _, err := (&Weights{UIDs: make([]uint16, 1<<16+1), Values: make([]uint16, 1<<16+1)}).Append(nil); err == nil {
		t.Error("more weights than uids")
	}
}

// Check values of the chain's reference: Alice, three weights.
func TestWeightsOfReference(t *testing.T) {
	t.Parallel()
	w := Weights{
		Hotkey: [32]byte(unhex(t, "d43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d")),
		UIDs:   []uint16{0, 1, 2}, Values: []uint16{65535, 32768, 1}, VersionKey: 10002000,
	}
	b, err := w.Append(nil)
	want := "80d43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d0c0000010002000cffff00800100509e980000000000"
	if err != nil || hex.EncodeToString(b) != want {
		t.Errorf("%x, %v", b, err)
	}
}

func TestCommitmentText(t *testing.T) {
	t.Parallel()
	for n, prefix := range map[int]int{0: 1, 5: 1, 63: 1, 64: 2, 70: 2, 1<<14 - 1: 2, 1 << 14: 4} {
		b, err := AppendCommitment(nil, string(make([]byte, n)))
		if err != nil || len(b) != prefix+n {
			t.Errorf("%d bytes become %d, %v", n, len(b), err)
		}
		if text, err := ParseCommitment(b); err != nil || len(text) != n {
			t.Errorf("%d bytes: %d, %v", n, len(text), err)
		}
		if _, err := ParseCommitment(append(b, 0)); !errors.Is(err, ErrMalformed) {
			t.Errorf("%d bytes and one that follows: %v", n, err)
		}
		if _, err := ParseCommitment(b[:len(b)-1]); !errors.Is(err, ErrMalformed) {
			t.Errorf("%d bytes, cut: %v", n, err)
		}
	}
}

func TestFrame(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		f := Frame{Ciphertext: rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, "ciphertext"), Round: rapid.Uint64().Draw(t, "round")}
		b, err := f.Append(nil)
		if err != nil || binary.LittleEndian.Uint64(b[len(b)-8:]) != f.Round {
			t.Fatalf("%x, %v", b, err)
		}
		got, err := ParseFrame(b)
		if err != nil || got.Round != f.Round || !slices.Equal(got.Ciphertext, f.Ciphertext) {
			t.Fatalf("%+v, %v", got, err)
		}
		if _, err := ParseFrame(b[:len(b)-1]); !errors.Is(err, ErrMalformed) {
			t.Fatalf("cut: %v", err)
		}
	})
}
