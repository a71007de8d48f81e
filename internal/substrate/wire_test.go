package substrate

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
)

// A header and its hash, and the runtime version, as a main-network node answered at block 6852690.
func TestRecordedHeaderHasItsHash(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("testdata/finney-343-header.json")
	if err != nil {
		t.Fatal(err)
	}
	var recorded struct {
		BlockHash      Hash            `json:"block_hash"`
		Header         json.RawMessage `json:"header"`
		RuntimeVersion json.RawMessage `json:"runtime_version"`
	}
	if err := json.Unmarshal(b, &recorded); err != nil {
		t.Fatal(err)
	}
	h, err := decodeHeader(recorded.Header)
	if err != nil {
		t.Fatal(err)
	}
	if h.Hash != recorded.BlockHash || h.Number != 6852690 {
		t.Errorf("the header is block %d, %s; the node says 6852690, %s", h.Number, h.Hash, recorded.BlockHash)
	}
	if want := mustHash("0x7348409fe36728fa2ac7f0886346fd35b79804d294046d152ba1baccd9d0be3a"); h.Parent != want {
		t.Errorf("the parent is %s, not %s", h.Parent, want)
	}
	v, err := decodeRuntimeVersion(recorded.RuntimeVersion)
	if want := (runtimeVersion{"node-subtensor", 343, 1}); err != nil || v != want {
		t.Errorf("runtime version %v, %v, not %v", v, err, want)
	}
}

func TestHeaderRefuses(t *testing.T) {
	t.Parallel()
	const good = `{"parentHash":"0x0000000000000000000000000000000000000000000000000000000000000000","number":"0x1","stateRoot":"0x0000000000000000000000000000000000000000000000000000000000000000","extrinsicsRoot":"0x0000000000000000000000000000000000000000000000000000000000000000","digest":{"logs":[]}}`
	if _, err := decodeHeader([]byte(good)); err != nil {
		t.Fatal(err)
	}
	for name, replace := range map[string][2]string{
		"no number":           {`"number":"0x1",`, ``},
		"null number":         {`"number":"0x1"`, `"number":null`},
		"empty number":        {`"number":"0x1"`, `"number":"0x"`},
		"negative number":     {`"number":"0x1"`, `"number":-1`},
		"number of 65 bits":   {`"number":"0x1"`, `"number":"0x10000000000000000"`},
		"short parent":        {`"parentHash":"0x00`, `"parentHash":"0x`},
		"null parent":         {`"parentHash":"0x0000000000000000000000000000000000000000000000000000000000000000"`, `"parentHash":null`},
		"no digest":           {`,"digest":{"logs":[]}`, ``},
		"null digest":         {`{"logs":[]}`, `null`},
		"log without 0x":      {`[]`, `["00"]`},
		"log of odd digits":   {`[]`, `["0x0"]`},
		"log that is a list":  {`[]`, `[[]]`},
		"log that is null":    {`[]`, `[null]`},
		"extrinsicsRoot null": {`"extrinsicsRoot":"0x0000000000000000000000000000000000000000000000000000000000000000"`, `"extrinsicsRoot":null`},
	} {
		bad := strings.Replace(good, replace[0], replace[1], 1)
		if bad == good {
			t.Fatalf("%s: nothing replaced", name)
		}
		if h, err := decodeHeader([]byte(bad)); err == nil {
			t.Errorf("%s: taken as %v", name, h)
		}
	}
	for _, bad := range []string{``, `null`, `[]`, `"0x"`, `1`, `{`} {
		if h, err := decodeHeader([]byte(bad)); err == nil {
			t.Errorf("%q: taken as %v", bad, h)
		}
	}
}

func TestHex(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{`"0x"`: "", `"0x00"`: "\x00", `"0xAbcD"`: "\xab\xcd"} {
		if got, err := decodeHex([]byte(in)); err != nil || string(got) != want || got == nil {
			t.Errorf("%s: %x, %v", in, got, err)
		}
	}
	for _, bad := range []string{``, `"`, `""`, `"0`, `"0x`, `"0x0"`, `"0xgg"`, `"00"`, `null`, `0x00`, `["0x00"]`, `{"0x":1}`, `"0x\u0030\u0030"`} {
		if got, err := decodeHex([]byte(bad)); err == nil {
			t.Errorf("%s: taken as %x", bad, got)
		}
	}
	b, err := json.Marshal([]any{hexBytes{}, hexBytes{0, 0xab}, Hash{0xff}, []hexBytes{{1}}})
	if want := `["0x","0x00ab","0xff` + strings.Repeat("00", 31) + `",["0x01"]]`; err != nil || string(b) != want {
		t.Errorf("%s, %v", b, err)
	}
}

func TestParseHash(t *testing.T) {
	t.Parallel()
	text := "0x2f0555cc76fc2840a25a6ea3b9637146806f1f44b090c175ffde2a7e5ab36c03"
	h, err := ParseHash(text)
	if err != nil || h.String() != text {
		t.Errorf("%s, %v", h, err)
	}
	if upper, err := ParseHash("0x" + strings.ToUpper(text[2:])); err != nil || upper != h {
		t.Errorf("%s, %v", upper, err)
	}
	for _, bad := range []string{"", "0x", text[2:], text[:65], text + "0", "0X" + text[2:], text[:65] + "g"} {
		if h, err := ParseHash(bad); err == nil {
			t.Errorf("%q: taken as %s", bad, h)
		}
	}
	if err := h.UnmarshalText([]byte("0x")); err == nil || h.String() != text {
		t.Errorf("a bad text: %v, and the hash is %s", err, h)
	}
}

func TestStorageChangesRefuses(t *testing.T) {
	t.Parallel()
	at := Hash{1}
	keys := [][]byte{{1}, {2}, {1}}
	good := `[{"block":"` + at.String() + `","changes":[["0x02",null],["0x01","0x0a"]]}]`
	values, err := decodeChanges([]byte(good), at, keys)
	if err != nil || string(values[0]) != "\x0a" || values[1] != nil || string(values[2]) != "\x0a" {
		t.Fatalf("%x, %v", values, err)
	}
	for name, bad := range map[string]string{
		"another block":  strings.Replace(good, "0x01", "0x02", 1),
		"no block":       strings.Replace(good, `"block"`, `"block_"`, 1),
		"a missing key":  strings.Replace(good, `["0x02",null],`, ``, 1),
		"two sets":       good[:len(good)-1] + "," + good[1:],
		"none":           `[]`,
		"null":           `null`,
		"a short change": strings.Replace(good, `["0x02",null]`, `["0x02"]`, 1),
		"a number":       strings.Replace(good, `null`, `7`, 1),
	} {
		if values, err := decodeChanges([]byte(bad), at, keys); err == nil {
			t.Errorf("%s: taken as %x", name, values)
		}
	}
}
