package scale

import (
	"encoding/binary"
	"fmt"

	"github.com/cespare/xxhash/v2"
	"golang.org/x/crypto/blake2b"
)

// Twox64 is the 64-bit xxHash of b with seed 0, little-endian.
func Twox64(b []byte) [8]byte {
	var out [8]byte
	binary.LittleEndian.PutUint64(out[:], xxhash.Sum64(b))
	return out
}

// Twox128 is two 64-bit xxHashes of b, with the seeds 0 and 1, little-endian.
func Twox128(b []byte) [16]byte {
	var out [16]byte
	twox(out[:], b)
	return out
}

// Twox256 is four 64-bit xxHashes of b, with the seeds 0 to 3, little-endian.
func Twox256(b []byte) [32]byte {
	var out [32]byte
	twox(out[:], b)
	return out
}

func twox(out, b []byte) {
	for seed := uint64(0); len(out) > 0; seed++ {
		d := xxhash.NewWithSeed(seed)
		_, _ = d.Write(b) // never fails
		binary.LittleEndian.PutUint64(out, d.Sum64())
		out = out[8:]
	}
}

// Blake2_128 is the BLAKE2b hash of b with a digest of 16 bytes.
func Blake2_128(b []byte) [16]byte {
	h, err := blake2b.New(16, nil)
	if err != nil {
		panic(err) // only for a bad size or key
	}
	_, _ = h.Write(b) // never fails
	var out [16]byte
	h.Sum(out[:0])
	return out
}

// Blake2_256 is the BLAKE2b hash of b with a digest of 32 bytes: the hash of blocks and extrinsics.
func Blake2_256(b []byte) [32]byte { return blake2b.Sum256(b) }

// Hasher says how a key of a storage map becomes part of a storage key. The numbers are those of the metadata.
type Hasher uint8

// The hashers. The Concat ones and Identity keep the encoded key, so it can be read back.
const (
	HashBlake2_128 Hasher = iota
	HashBlake2_256
	HashBlake2_128Concat
	HashTwox128
	HashTwox256
	HashTwox64Concat
	HashIdentity
)

var hasherNames = [...]string{
	"Blake2_128", "Blake2_256", "Blake2_128Concat", "Twox128", "Twox256", "Twox64Concat", "Identity",
}

// String returns the chain's name of the hasher.
func (h Hasher) String() string {
	if int(h) < len(hasherNames) {
		return hasherNames[h]
	}
	return fmt.Sprintf("Hasher(%d)", uint8(h))
}

// Size returns how many bytes of hash stand in front of, or instead of, the encoded key.
func (h Hasher) Size() int {
	switch h {
	case HashBlake2_128, HashBlake2_128Concat, HashTwox128:
		return 16
	case HashBlake2_256, HashTwox256:
		return 32
	case HashTwox64Concat:
		return 8
	}
	return 0
}

// KeepsKey tells whether the encoded key follows the hash.
func (h Hasher) KeepsKey() bool {
	return h == HashBlake2_128Concat || h == HashTwox64Concat || h == HashIdentity
}

// Append appends what the hasher makes of an encoded key.
func (h Hasher) Append(dst, key []byte) []byte {
	switch h {
	case HashBlake2_128, HashBlake2_128Concat:
		sum := Blake2_128(key)
		dst = append(dst, sum[:]...)
	case HashBlake2_256:
		sum := Blake2_256(key)
		dst = append(dst, sum[:]...)
	case HashTwox128:
		sum := Twox128(key)
		dst = append(dst, sum[:]...)
	case HashTwox256:
		sum := Twox256(key)
		dst = append(dst, sum[:]...)
	case HashTwox64Concat:
		sum := Twox64(key)
		dst = append(dst, sum[:]...)
	}
	if h.KeepsKey() {
		dst = append(dst, key...)
	}
	return dst
}

// StoragePrefix returns the first 32 bytes of every key of a storage item: the hashes of the pallet's storage prefix
// (its name) and of the item's name.
func StoragePrefix(pallet, item string) []byte {
	p, i := Twox128([]byte(pallet)), Twox128([]byte(item))
	return append(p[:], i[:]...)
}
