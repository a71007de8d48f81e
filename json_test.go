package pylon_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"math"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	pylon "github.com/bittensor-pylon/pylon"
)

func testdata(tb testing.TB, name string) []byte {
	tb.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		tb.Fatal(err)
	}
	return data
}

type body interface {
	AppendJSON([]byte) []byte
}

// sameBytes reads a body that another implementation wrote and demands that writing gives the same bytes.
func sameBytes(t *testing.T, name string, into body) {
	t.Helper()
	want := testdata(t, name)
	if err := json.Unmarshal(want, into); err != nil {
		t.Fatal(err)
	}
	if got := into.AppendJSON(nil); !bytes.Equal(got, want) {
		t.Errorf("other bytes:\n%s", cmp.Diff(string(want), string(got)))
	}
	var exact bytes.Buffer
	encoder := json.NewEncoder(&exact)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(into); err != nil {
		t.Fatal(err)
	}
	// encoding/json escapes the line separators even when asked to leave HTML alone.
	unescaped := strings.NewReplacer(`\u2028`, "\u2028").Replace(strings.TrimSuffix(exact.String(), "\n"))
	if unescaped != string(want) {
		t.Errorf("other bytes through encoding/json:\n%s", cmp.Diff(string(want), unescaped))
	}
}

func TestBodiesAreTheBytesOfThePythonService(t *testing.T) {
	t.Parallel()
	sameBytes(t, "neurons.json", new(pylon.Neurons))
	sameBytes(t, "validators.json", new(pylon.Validators))
	sameBytes(t, "identities.json", new(pylon.Identities))
	sameBytes(t, "block-info.json", new(pylon.BlockInfo))
}

func TestConformance032NeuronFieldsInOrder(t *testing.T) {
	t.Parallel()
	neuron := pylon.Neuron{
		UID: 3, Coldkey: "cold", Hotkey: "hot", Active: true,
		AxonInfo: pylon.AxonInfo{IP: netip.MustParseAddr("2001:DB8::0:1"), Port: 8091, Protocol: 9},
		Stake:    1, Rank: 0.5, Emission: 0.25, Incentive: 1, Consensus: 0, Trust: 0.125, ValidatorTrust: 1, Dividends: 1e-7,
		LastUpdate: math.MaxUint64, ValidatorPermit: true, PruningScore: 65535,
		Stakes: pylon.Stakes{Alpha: 1e16, TAO: 2, Total: 3.5},
	}
	const want = `{"uid":3,"coldkey":"cold","hotkey":"hot","active":true,` +
		`"axon_info":{"ip":"2001:db8::1","port":8091,"protocol":9},` +
		`"stake":1.0,"rank":0.5,"emission":0.25,"incentive":1.0,"consensus":0.0,"trust":0.125,"validator_trust":1.0,"dividends":1e-7,` +
		`"last_update":18446744073709551615,"validator_permit":true,"pruning_score":65535,` +
		`"stakes":{"alpha":1e16,"tao":2.0,"total":3.5}}`
	if got := string(neuron.AppendJSON(nil)); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	marshaled, err := json.Marshal(neuron)
	if err != nil || string(marshaled) != want {
		t.Errorf("json.Marshal: %s, %v", marshaled, err)
	}
}

func TestFloatsAreThoseOfThePythonService(t *testing.T) {
	t.Parallel()
	var vectors struct{ Rows [][3]string }
	if err := json.Unmarshal(testdata(t, "floats.json"), &vectors); err != nil {
		t.Fatal(err)
	}
	if len(vectors.Rows) < 500 {
		t.Fatalf("only %d vectors", len(vectors.Rows))
	}
	for _, row := range vectors.Rows {
		bits, err := hex.DecodeString(row[0])
		if err != nil {
			t.Fatal(err)
		}
		var n uint64
		for _, b := range bits {
			n = n<<8 | uint64(b)
		}
		got := string(pylon.Stakes{Alpha: math.Float64frombits(n)}.AppendJSON(nil))
		if want := `{"alpha":` + row[1] + `,"tao":0.0,"total":0.0}`; got != want {
			t.Errorf("bits %s: %s, want %s", row[0], got, want)
		}
	}
}

func TestWhatIsNoNumberBecomesNull(t *testing.T) {
	t.Parallel()
	got := string(pylon.Stakes{Alpha: math.NaN(), TAO: math.Inf(1), Total: math.Inf(-1)}.AppendJSON(nil))
	if want := `{"alpha":null,"tao":null,"total":null}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestEmptyListsAreNotNull(t *testing.T) {
	t.Parallel()
	for want, value := range map[string]body{
		`{"block":{"number":0,"hash":""},"neurons":{}}`:    &pylon.Neurons{},
		`{"block":{"number":0,"hash":""},"validators":[]}`: &pylon.Validators{},
		`{"identities":{}}`:                             pylon.Identities(nil),
		`{"ip":"0.0.0.0","port":0,"protocol":0}`:        pylon.AxonInfo{},
		`{"number":0,"hash":"","timestamp":-1}`:         pylon.BlockInfo{Timestamp: -1},
		`{"ip":"fe80::1","port":0,"protocol":0}`:        pylon.AxonInfo{IP: netip.MustParseAddr("fe80::1%eth0")},
		`{"ip":"::ffff:1.2.3.4","port":0,"protocol":0}`: pylon.AxonInfo{IP: netip.MustParseAddr("::ffff:1.2.3.4")},
	} {
		if got := string(value.AppendJSON(nil)); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestStringsSurvive(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.OneOf(rapid.String(), rapid.StringMatching(`[ -~"\\<>&]*`)).Draw(t, "name")
		text := pylon.Identities{{Name: name, Netuid: 1}}.AppendJSON(nil)
		var back pylon.Identities
		if err := json.Unmarshal(text, &back); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if want := strings.ToValidUTF8(name, "\ufffd"); back[0].Name != want && !strings.ContainsRune(want, '\ufffd') {
			t.Fatalf("%q came back as %q", name, back[0].Name)
		}
	})
}

func TestDecodingRefusesWhatIsNotTheContract(t *testing.T) {
	t.Parallel()
	const block = `"block":{"number":1,"hash":"0x"}`
	for name, test := range map[string]struct {
		into any
		text string
		want string
	}{
		"no object":          {new(pylon.Neurons), `[]`, "an object is missing"},
		"null":               {new(pylon.Neurons), `null`, `"block" is missing`},
		"no block":           {new(pylon.Neurons), `{"neurons":{}}`, `"block" is missing`},
		"no neurons":         {new(pylon.Neurons), `{` + block + `}`, `"neurons" is missing`},
		"neurons as a list":  {new(pylon.Neurons), `{` + block + `,"neurons":[]}`, "an object is missing"},
		"neurons null":       {new(pylon.Neurons), `{` + block + `,"neurons":null}`, `"neurons" is missing`},
		"another hotkey":     {new(pylon.Neurons), `{` + block + `,"neurons":{"a":{"hotkey":"b"}}}`, `"a": it names another hotkey, "b"`},
		"a hotkey twice":     {new(pylon.Neurons), `{` + block + `,"neurons":{"a":{},"a":{}}}`, `"a": it is there twice`},
		"a uid out of range": {new(pylon.Neurons), `{` + block + `,"neurons":{"a":{"uid":65536}}}`, `"a": "uid": the number is too large`},
		"a bad address":      {new(pylon.Neurons), `{` + block + `,"neurons":{"a":{"axon_info":{"ip":"host"}}}}`, "unable to parse IP"},
		"no identities":      {new(pylon.Identities), `{}`, "an object is missing"},
		"a name twice":       {new(pylon.Identities), `{"identities":{"a":1,"a":2}}`, `"a": it is there twice`},
		"a null netuid":      {new(pylon.Identities), `{"identities":{"a":null}}`, `"a": its netuid is null`},
		"a text netuid":      {new(pylon.Identities), `{"identities":{"a":"1"}}`, "cannot unmarshal string"},
		"identities is text": {new(pylon.Identities), `"x"`, "cannot unmarshal string"},
	} {
		err := json.Unmarshal([]byte(test.text), test.into)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v, want one with %q", name, err, test.want)
		}
	}
}

func TestDecodingFailsWithoutAChange(t *testing.T) {
	t.Parallel()
	neurons := pylon.Neurons{Block: pylon.Block{Number: 5}}
	if err := json.Unmarshal([]byte(`{"block":{"number":1,"hash":""},"neurons":{"a":{"hotkey":"b"}}}`), &neurons); err == nil {
		t.Fatal("no error")
	}
	if neurons.Block.Number != 5 {
		t.Error("the value was changed")
	}
}

func TestNeuronTakesTheHotkeyItStandsUnder(t *testing.T) {
	t.Parallel()
	var neurons pylon.Neurons
	text := `{"block":{"number":1,"hash":"0x"},"neurons":{"b":{"uid":0,"unknown":[1,{}]},"a":{"uid":1,"hotkey":"a"}}}`
	if err := json.Unmarshal([]byte(text), &neurons); err != nil {
		t.Fatal(err)
	}
	if len(neurons.Neurons) != 2 || neurons.Neurons[0].Hotkey != "b" || neurons.Neurons[1].Hotkey != "a" {
		t.Errorf("got %+v", neurons.Neurons)
	}
}

func FuzzNeuronsUnmarshal(f *testing.F) {
	f.Add(testdata(f, "neurons.json"))
	f.Add([]byte(`{"block":{"number":1,"hash":"0x"},"neurons":{"b":{"uid":0}}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var first, second pylon.Neurons
		if json.Unmarshal(data, &first) != nil {
			return
		}
		text := first.AppendJSON(nil)
		if err := json.Unmarshal(text, &second); err != nil {
			t.Fatalf("%v in %s", err, text)
		}
		if again := second.AppendJSON(nil); !bytes.Equal(again, text) {
			t.Fatalf("%s became %s", text, again)
		}
	})
}

func BenchmarkNeuronsAppendJSON(b *testing.B) {
	var neurons pylon.Neurons
	if err := json.Unmarshal(testdata(b, "neurons.json"), &neurons); err != nil {
		b.Fatal(err)
	}
	var buffer []byte
	b.ReportAllocs()
	for b.Loop() {
		buffer = neurons.AppendJSON(buffer[:0])
	}
	b.SetBytes(int64(len(buffer)))
}
