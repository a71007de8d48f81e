package timelock

import (
	"bytes"
	"errors"
	"testing"
)

// No ciphertext makes Decrypt do anything but open it or say what is wrong.
func FuzzDecrypt(f *testing.F) {
	v := readVectors(f)
	for _, v := range v.Refused {
		f.Add(unhex(f, v.Blob))
	}
	for _, v := range v.Others[:4] {
		f.Add(unhex(f, v.Blob))
	}
	f.Add(unhex(f, deterministic))
	sig := signature(f, signature1000)
	f.Fuzz(func(t *testing.T, b []byte) {
		message, err := Decrypt(b, sig)
		if err == nil {
			if len(message)+Overhead-len(suite) > len(b) {
				t.Fatalf("%d bytes out of %d", len(message), len(b))
			}
			if e, err := parseEnvelope(b); err != nil || !bytes.HasPrefix(e.append(nil), b[:PublicKeySize]) {
				t.Fatalf("opened, but %v", err)
			}
			return
		}
		if !errors.Is(err, ErrMalformed) && !errors.Is(err, ErrSignature) && !errors.Is(err, ErrAltered) {
			t.Fatal(err)
		}
		if frame, err := ParseFrame(b); err == nil {
			again, err := frame.Append(nil)
			if err != nil || !bytes.HasPrefix(b, again) {
				t.Fatalf("frame %x, %v", again, err)
			}
		}
	})
}

// Points are read in one way only.
func FuzzPoints(f *testing.F) {
	key, _ := Quicknet()
	raw := key.Bytes()
	f.Add(raw[:])
	f.Add(unhex(f, signature1000))
	f.Add(append([]byte{0xc0}, make([]byte, PublicKeySize-1)...))
	f.Add(append([]byte{0x40}, make([]byte, PublicKeySize-1)...))
	f.Fuzz(func(t *testing.T, b []byte) {
		if key, err := ParsePublicKey(b); err == nil {
			if raw := key.Bytes(); !bytes.Equal(raw[:], b) {
				t.Fatalf("%x becomes %x", b, raw)
			}
		} else if !errors.Is(err, ErrMalformed) {
			t.Fatal(err)
		}
		if sig, err := ParseSignature(b); err == nil {
			if raw := sig.Bytes(); !bytes.Equal(raw[:], b) {
				t.Fatalf("%x becomes %x", b, raw)
			}
		} else if !errors.Is(err, ErrMalformed) {
			t.Fatal(err)
		}
	})
}

// What is read as a message is written as the same bytes.
func FuzzMessages(f *testing.F) {
	for _, v := range readVectors(f).Commits[:8] {
		f.Add(unhex(f, v.Payload))
	}
	f.Add(unhex(f, "1468656c6c6f"))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, parse := range []func([]byte) (*Weights, error){ParseWeights, ParseLegacyWeights} {
			w, err := parse(b)
			if err != nil {
				if !errors.Is(err, ErrMalformed) {
					t.Fatal(err)
				}
				continue
			}
			if 2*(len(w.UIDs)+len(w.Values)) > len(b) {
				t.Fatalf("%d weights out of %d bytes", len(w.UIDs), len(b))
			}
			again, err := w.Append(nil)
			if len(w.UIDs) != len(w.Values) || len(w.UIDs) > maxWeights {
				if err == nil {
					t.Fatalf("written: %+v", w)
				}
				continue
			}
			// A hotkey of more than 32 bytes is cut, so only the rest is the same.
			if err != nil || !bytes.HasPrefix(b, again) && (w.Legacy || len(b) < len(again) || !bytes.Contains(b, again[33:])) {
				t.Fatalf("%x becomes %x, %v", b, again, err)
			}
		}
		if text, err := ParseCommitment(b); err == nil {
			if again, err := AppendCommitment(nil, string(text)); err != nil || !bytes.Equal(again, b) {
				t.Fatalf("%x becomes %x, %v", b, again, err)
			}
		}
	})
}
