package scale_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"github.com/bittensor-pylon/pylon/internal/scale"
)

func TestReaderReadsWhatIsAppended(t *testing.T) {
	t.Parallel()
	b := scale.AppendBool(nil, true)
	b = scale.AppendUint16(b, 0x1234)
	b = scale.AppendUint32(b, 0x12345678)
	b = scale.AppendUint64(b, math.MaxUint64-1)
	b = scale.AppendUint128(b, 1, 2)
	b = scale.AppendCompact(b, 1<<40)
	b = scale.AppendByteVec(b, []byte{9, 8})
	b = scale.AppendString(b, "μ")
	r := scale.NewReader(b)
	if !r.Bool() || r.Uint16() != 0x1234 || r.Uint32() != 0x12345678 || r.Uint64() != math.MaxUint64-1 {
		t.Error("fixed integers differ")
	}
	if lo, hi := r.Uint128(); lo != 1 || hi != 2 {
		t.Errorf("u128 is %d, %d", lo, hi)
	}
	if v := r.Compact(); v != 1<<40 {
		t.Errorf("compact is %d", v)
	}
	if v := r.ByteVec(); !bytes.Equal(v, []byte{9, 8}) {
		t.Errorf("bytes are %x", v)
	}
	if r.Remaining() != 3 || r.Offset() != len(b)-3 {
		t.Errorf("%d left, at %d", r.Remaining(), r.Offset())
	}
	if s := r.Text(); s != "μ" || r.Close() != nil {
		t.Errorf("text is %q, %v", s, r.Err())
	}
}

// The first error stays, reads after it return zero, and it says where it was.
func TestReaderErrorSticks(t *testing.T) {
	t.Parallel()
	r := scale.NewReader([]byte{1, 2, 3})
	r.Uint8()
	if v := r.Uint32(); v != 0 || !errors.Is(r.Err(), scale.ErrShort) {
		t.Fatalf("read %d, %v", v, r.Err())
	}
	first := r.Err()
	if r.Uint8() != 0 || r.Compact() != 0 || r.CompactBig().Sign() != 0 || r.Text() != "" || r.Remaining() != 0 {
		t.Error("something is read after an error")
	}
	if r.Bool() || r.Option() || r.Len(1) != 0 || r.Era() != (scale.Era{}) || r.Uint64() != 0 || r.Uint16() != 0 {
		t.Error("something is read after an error")
	}
	if lo, hi := r.Uint128(); lo != 0 || hi != 0 {
		t.Error("something is read after an error")
	}
	if !errors.Is(r.Close(), first) || r.Offset() != 1 || first.Error() != "byte 1: input ends inside a value" {
		t.Errorf("error is %v at %d", r.Close(), r.Offset())
	}
	r = scale.NewReader([]byte{1})
	if err := r.Close(); !errors.Is(err, scale.ErrTrailing) || !errors.Is(r.Close(), err) {
		t.Errorf("a byte is left: %v", err)
	}
	var zero scale.Reader
	if zero.Uint8() != 0 || !errors.Is(zero.Err(), scale.ErrShort) {
		t.Errorf("the zero reader: %v", zero.Err())
	}
}

// Only the shortest form of a compact integer is one. The refused forms are those that the chain's decoder refuses.
func TestReaderIsStrict(t *testing.T) {
	t.Parallel()
	compact := func(r *scale.Reader) { r.Compact() }
	big := func(r *scale.Reader) { r.CompactBig() }
	for _, test := range []struct {
		name, bytes string
		read        func(*scale.Reader)
		want        error
	}{
		{"63 in two bytes", "fd00", compact, scale.ErrInvalid},
		{"16383 in four bytes", "feff0000", compact, scale.ErrInvalid},
		{"2^30-1 in five bytes", "03ffffff3f", compact, scale.ErrInvalid},
		{"2^32-1 in six bytes", "07ffffffff00", compact, scale.ErrInvalid},
		{"zero in nine bytes", "130000000000000000", compact, scale.ErrInvalid},
		{"2^64", "17000000000000000001", compact, scale.ErrInvalid},
		{"2^64-1 in ten bytes", "17ffffffffffffffff00", big, scale.ErrInvalid},
		{"nothing", "", compact, scale.ErrShort},
		{"half of two bytes", "01", compact, scale.ErrShort},
		{"half of four bytes", "0200", compact, scale.ErrShort},
		{"half of five bytes", "03000000", compact, scale.ErrShort},
		{"half of a big one", "ff01", big, scale.ErrShort},
		{"boolean of 2", "02", func(r *scale.Reader) { r.Bool() }, scale.ErrInvalid},
		{"option of 2", "02", func(r *scale.Reader) { r.Option() }, scale.ErrInvalid},
		{"text of bad UTF-8", "04ff", func(r *scale.Reader) { _ = r.Text() }, scale.ErrInvalid},
		{"length over the input", "0c0102", func(r *scale.Reader) { r.ByteVec() }, scale.ErrShort},
		{"length of 2^64-1", "13ffffffffffffffff", func(r *scale.Reader) { r.Len(1) }, scale.ErrShort},
		{"many elements without bytes", "13ffffffffffffffff", func(r *scale.Reader) { r.Len(0) }, scale.ErrTooComplex},
		{"elements of 100 bytes", "0400", func(r *scale.Reader) { r.Len(100) }, scale.ErrShort},
		{"negative", "00", func(r *scale.Reader) { r.Take(-1) }, scale.ErrShort},
		{"era of period 2", "1000", func(r *scale.Reader) { r.Era() }, scale.ErrInvalid},
		{"era with a phase over the period", "4100", func(r *scale.Reader) { r.Era() }, scale.ErrInvalid},
		{"half an era", "31", func(r *scale.Reader) { r.Era() }, scale.ErrShort},
	} {
		r := scale.NewReader(unhex(t, test.bytes))
		if test.read(r); !errors.Is(r.Err(), test.want) {
			t.Errorf("%s: %v, want %v", test.name, r.Err(), test.want)
		}
	}
}

func TestCompactRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		v := rapid.Uint64().Draw(t, "v") >> rapid.IntRange(0, 63).Draw(t, "shift")
		b := scale.AppendCompact(nil, v)
		r := scale.NewReader(b)
		if got := r.Compact(); got != v || r.Close() != nil {
			t.Fatalf("%d becomes %x becomes %d, %v", v, b, got, r.Err())
		}
		n := new(big.Int).SetBytes(rapid.SliceOfN(rapid.Byte(), 0, 67).Draw(t, "big"))
		b, err := scale.AppendCompactBig(nil, n)
		if err != nil {
			t.Fatal(err)
		}
		r = scale.NewReader(b)
		if got := r.CompactBig(); got.Cmp(n) != 0 || r.Close() != nil {
			t.Fatalf("%v becomes %x becomes %v, %v", n, b, got, r.Err())
		}
	})
	for _, n := range []*big.Int{big.NewInt(-1), new(big.Int).Lsh(big.NewInt(1), 536)} {
		if b, err := scale.AppendCompactBig(nil, n); err == nil {
			t.Errorf("%v is the compact integer %x", n, b)
		}
	}
}

// Digests that others publish: xxHash of the pallets' names is in the storage keys of every chain.
func TestHashers(t *testing.T) {
	t.Parallel()
	system := scale.Twox128([]byte("System"))
	if got := hex.EncodeToString(system[:]); got != "26aa394eea5630e07c48ae0c9558cef7" {
		t.Errorf("twox128 of System is %s", got)
	}
	for _, test := range []struct {
		hasher scale.Hasher
		name   string
		want   string // of the bytes 0c00
	}{
		{scale.HashIdentity, "Identity", "0c00"},
		{scale.HashTwox64Concat, "Twox64Concat", "4b9bd30d03d0266b0c00"},
		{scale.HashBlake2_128Concat, "Blake2_128Concat", ""},
		{scale.HashBlake2_128, "Blake2_128", ""},
		{scale.HashBlake2_256, "Blake2_256", ""},
		{scale.HashTwox128, "Twox128", ""},
		{scale.HashTwox256, "Twox256", ""},
	} {
		got := test.hasher.Append(nil, []byte{12, 0})
		want := test.hasher.Size()
		if test.hasher.KeepsKey() {
			want += 2
		}
		if len(got) != want || test.hasher.String() != test.name || test.want != "" && hex.EncodeToString(got) != test.want {
			t.Errorf("%v of 0c00 is %x", test.hasher, got)
		}
	}
	aliceHash := scale.Blake2_128(unhex(t, alice))
	if got := hex.EncodeToString(aliceHash[:]); got != "de1e86a9a8c739864cf3cc5ec2bea59f" {
		t.Errorf("blake2-128 of Alice is %s", got)
	}
	twox := scale.Twox256([]byte("System"))
	if !bytes.Equal(twox[:16], system[:]) || bytes.Equal(twox[16:], system[:]) {
		t.Errorf("twox256 of System is %x", twox)
	}
	if scale.Hasher(9).String() != "Hasher(9)" || scale.Hasher(9).Size() != 0 {
		t.Error("an unknown hasher has a name or a size")
	}
}

// An era holds its block, begins at or before it, and reads back.
func TestEraRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		period := rapid.Uint64Range(0, 1<<17).Draw(t, "period")
		current := rapid.Uint64Range(0, 1<<40).Draw(t, "current")
		e := scale.NewEra(period, current)
		if e.Period < 4 || e.Period > 65536 || e.Period&(e.Period-1) != 0 || e.Period < min(period, 65536) {
			t.Fatalf("a period of %d becomes %d", period, e.Period)
		}
		if birth := e.Birth(current); birth > current || current-birth >= max(1, e.Period>>12) || e.Death(current) != birth+e.Period {
			t.Fatalf("%v at %d is born at %d and dies at %d", e, current, birth, e.Death(current))
		}
		r := scale.NewReader(e.Append(nil))
		if got := r.Era(); got != e || r.Close() != nil {
			t.Fatalf("%v reads back as %v, %v", e, got, r.Err())
		}
	})
	immortal := scale.Era{}
	if immortal.Birth(9) != 0 || immortal.Death(9) != math.MaxUint64 || immortal.String() != "immortal" {
		t.Errorf("immortal is born at %d, dies at %d", immortal.Birth(9), immortal.Death(9))
	}
}
