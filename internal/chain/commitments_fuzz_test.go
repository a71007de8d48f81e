package chain

import (
	"encoding/hex"
	"encoding/json"
	"strings"
	"testing"

	pylon "github.com/bittensor-pylon/pylon"
)

func FuzzCommitment(f *testing.F) {
	for _, text := range []string{
		"0000000000000000e1100000040564617461",
		"0000000000000000e110000000",
		"0000000000000000e11000000400",
		"0000000000000000e11000000401",
		"0000000000000000e11000000483" + strings.Repeat("11", 32),
		"0000000000000000e110000004860c0102030700000000000000",
		"0000000000000000e110000004880c010203",
		"0000000000000000e11000000c0187036162",
		"0000000000000000e11000000489",
		"0000000000000000e1100000ffffffff",
		"0000000000000000e110000004880300000040",
	} {
		f.Add(fromHex(f, text))
	}
	reader := must(newLayout(runtimeOf(f, 425, "v15")).commitments())(f)
	f.Fuzz(func(t *testing.T, raw []byte) {
		record, err := reader.decode(raw)
		if err != nil {
			return
		}
		got, err := record.commitment(accountID{})
		if err != nil {
			t.Fatalf("%x is decoded but not understood: %v", raw, err)
		}
		if got == nil {
			return
		}
		data, err := hex.DecodeString(strings.TrimPrefix(got.Data, "0x"))
		if err != nil || !strings.Contains(string(raw), string(data)) {
			t.Errorf("the data %s is not in %x", got.Data, raw)
		}
		if timelocked := got.Kind == pylon.CommitmentTimelocked; got.Kind != pylon.CommitmentHex && !timelocked || !timelocked && got.RevealRound != 0 {
			t.Errorf("%+v", got)
		}
		if !json.Valid(got.AppendJSON(nil)) {
			t.Errorf("not JSON: %s", got.AppendJSON(nil))
		}
	})
}

func FuzzRevealedText(f *testing.F) {
	for _, text := range []string{"", "\x14hello", "\x01", "\x02\x00", "\x03abc", "\x08\xff\xfe"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		text := revealedText(data)
		if len(text) > 3*len(data) || strings.ToValidUTF8(text, "") != text {
			t.Errorf("%q of %x", text, data)
		}
	})
}
