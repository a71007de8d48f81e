package synapse_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bittensor-pylon/pylon/synapse"
)

// What is sent to many is the same as what is sent to one.
func TestPrepared(t *testing.T) {
	t.Parallel()
	for _, m := range []synapse.Message{full(), new(Empty), &dummy{Input: 3, Note: strings.Repeat("x", 9350)}, &Anything{V: []any{1, math.Inf(1)}}} {
		p, err := synapse.Prepare(m)
		if err != nil {
			t.Fatal(err)
		}
		if hash := hashOf(t, m); p.BodyHash() != hash || p.Name() != synapse.NameOf(m) {
			t.Errorf("%T: %s %s, want %s", m, p.Name(), p.BodyHash(), hash)
		}
		for _, ip := range []string{"1.2.3.4", "::1"} {
			m.Base().Axon.IP = synapse.Some(ip)
			headers, body, err := p.Request(m.Base())
			if err != nil {
				t.Fatal(err)
			}
			want, err := synapse.AppendRequest(nil, m)
			if err != nil || !bytes.Equal(body, want) || m.Base().TotalSize != synapse.Some(int64(len(body))) {
				t.Errorf("%T: body\n%s\nwant\n%s, %v", m, body, want, err)
			}
			same, err := synapse.ToHeaders(m)
			if diff := cmp.Diff(same, headers); err != nil || diff != "" {
				t.Errorf("%T: headers %v (-want +got):\n%s", m, err, diff)
			}
		}
	}
	for _, m := range []synapse.Message{new(HashUnknown), &RequiredBytes{}, &Anything{V: make(chan int)}, &OptionalBytes{B: synapse.Some([]byte("x"))}} {
		if _, err := synapse.Prepare(m); err == nil {
			t.Errorf("%T was prepared", m)
		}
		if _, err := synapse.GetTotalSize(m); err == nil {
			t.Errorf("%T has a size", m)
		}
	}
}

type withFrozen struct {
	synapse.Synapse
	Kept  []string `synapse:"frozen"`
	Taken map[string]int
}

func TestMerge(t *testing.T) {
	t.Parallel()
	m, answer := new(withFrozen), new(withFrozen)
	decode(t, m, `{"kept": ["mine"], "taken": {"a": 1}, "computed_body_hash": "00", "timeout": 3}`)
	decode(t, answer, `{"kept": ["theirs"], "taken": {"b": 2}, "computed_body_hash": "11", "timeout": 4, "axon": {"status_code": 200}, "name": "x"}`)
	if err := synapse.Merge(m, answer); err != nil {
		t.Fatal(err)
	}
	if m.Name != "withFrozen" || m.Kept[0] != "mine" || m.Taken["b"] != 2 || len(m.Taken) != 1 || m.ComputedBodyHash() != synapse.Some("00") || m.Timeout != synapse.Some(4.0) || m.Axon.StatusCode != synapse.Some(200) {
		t.Errorf("%+v", m)
	}
	if err := synapse.Merge(m, new(Empty)); err == nil {
		t.Error("another type was merged")
	}
	if err := synapse.Merge(new(HashUnknown), new(HashUnknown)); err == nil {
		t.Error("a bad type was merged")
	}
}

func TestOverlay(t *testing.T) {
	t.Parallel()
	all := full().Axon
	var none, some synapse.TerminalInfo
	none.Overlay(all)
	if none != all {
		t.Errorf("%+v", none)
	}
	all.Overlay(synapse.TerminalInfo{})
	if none != all {
		t.Errorf("%+v", all)
	}
	some.Port, some.UUID = synapse.Some(0), synapse.Some("")
	all.Overlay(some)
	if all.Port != synapse.Some(0) || all.UUID != synapse.Some("") || all.Hotkey != synapse.Some(alice) {
		t.Errorf("%+v", all)
	}
}

func TestReset(t *testing.T) {
	t.Parallel()
	m := full()
	m.Temperature = 9
	if err := synapse.Reset(m); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(mustJSON(t, synapse.New[Prompting]()), mustJSON(t, m)); diff != "" {
		t.Error(diff)
	}
	if err := synapse.Reset(new(badTag)); err == nil {
		t.Error("a bad type was reset")
	}
}

func mustJSON(t *testing.T, m synapse.Message) string {
	t.Helper()
	out, err := synapse.AppendResponse(nil, m)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// The casts of the ends of a call, from JSON.
func TestTerminalCasts(t *testing.T) {
	t.Parallel()
	m := new(synapse.Synapse)
	decode(t, m, `{"timeout": true, "total_size": 1.9, "header_size": "7", "axon": {"status_code": "503", "process_time": "1e-3", "port": 8091.99, "version": false, "nonce": -0, "ip": null, "x": [{}]}, "dendrite": null}`)
	want := synapse.TerminalInfo{
		StatusCode: synapse.Some(503), ProcessTime: synapse.Some(0.001), Port: synapse.Some(8091), Version: synapse.Some(0), Nonce: synapse.Some[int64](0),
	}
	if m.Axon != want || m.Timeout != synapse.Some(1.0) || m.TotalSize != synapse.Some[int64](1) || m.HeaderSize != synapse.Some[int64](7) || m.Dendrite != (synapse.TerminalInfo{}) {
		t.Errorf("%+v", m)
	}
	for _, body := range []string{
		`{"axon": {"port": NaN}}`, `{"axon": {"port": Infinity}}`, `{"axon": {"nonce": 9223372036854775808}}`, `{"axon": {"nonce": 1e19}}`,
		`{"axon": {"port": {}}}`, `{"axon": {"status_message": 1}}`, `{"axon": 1}`, `{"timeout": {}}`, `{"timeout": []}`, `{"axon": {"port": 1`, `{"axon": {"port" 1}}`,
	} {
		if err := synapse.Decode([]byte(body), m); err == nil {
			t.Errorf("%s was read", body)
		}
	}
	huge := "1" + strings.Repeat("0", 400)
	if err := synapse.Decode([]byte(`{"timeout": `+huge+`}`), m); err == nil {
		t.Error("an integer beyond every float was read as one")
	}
}

// The keys of maps are sorted, by value and not by text.
func TestMapOrder(t *testing.T) {
	t.Parallel()
	for want, m := range map[string]any{
		"{-2: 0, 1: 0, 10: 0}":       map[int]int{10: 0, -2: 0, 1: 0},
		"{1: 0, 2: 0, 10: 0}":        map[uint8]int{10: 0, 2: 0, 1: 0},
		"{-1.5: 0, 2.0: 0, 10.0: 0}": map[float64]int{10: 0, -1.5: 0, 2: 0},
		"{'a': 0, 'b': 0}":           map[string]int{"b": 0, "a": 0},
		"{False: 0, True: 0}":        map[bool]int{true: 0, false: 0},
	} {
		if got := textOf(t, m); got != want {
			t.Errorf("%v is %s, want %s", m, got, want)
		}
	}
	if _, err := synapse.BodyHash(&Anything{V: map[fmt.Stringer]any{}}); err == nil {
		t.Error("a dict with keys of an interface has a hash")
	}
	body, err := synapse.AppendRequest(nil, &Anything{V: map[any]any{1: "a", 2.5: nil, true: 1, "k": map[int]bool{3: true}}})
	if err != nil || !strings.HasSuffix(string(body), `"v": {"1": "a", "2.5": null, "k": {"3": true}, "true": 1}}`) {
		t.Errorf("%s, %v", body, err)
	}
	if _, err := synapse.AppendRequest(nil, &Anything{V: map[any]any{[1]int{1}: 1}}); err == nil {
		t.Error("a list is the key of a JSON object")
	}
}

// Text that is not UTF-8 is the same everywhere: in the hash and in the body.
func TestBrokenText(t *testing.T) {
	t.Parallel()
	m := &Anything{V: "a\xff\xfeé"}
	hash := hashOf(t, m)
	for _, write := range []func([]byte, synapse.Message) ([]byte, error){synapse.AppendRequest, synapse.AppendResponse} {
		body, err := write(nil, m)
		if err != nil {
			t.Fatal(err)
		}
		if read, err := synapse.DecodeHashed(body, new(Anything)); err != nil || read != hash {
			t.Errorf("%s: %s, %v, want %s", body, read, err, hash)
		}
	}
	nested := &Anything{V: []string{"a\xff"}}
	body, err := synapse.AppendRequest(nil, nested)
	if err != nil {
		t.Fatal(err)
	}
	if read, err := synapse.DecodeHashed(body, new(Anything)); err != nil || read != hashOf(t, nested) {
		t.Errorf("%s: %s, %v", body, read, err)
	}
	if _, err := synapse.AppendResponse(nil, &Anything{V: []byte{0xff}}); !errors.Is(err, synapse.ErrUTF8) {
		t.Errorf("error %v", err)
	}
}

func TestPythonText(t *testing.T) {
	t.Parallel()
	at := time.Date(2024, 1, 2, 3, 4, 0, 1_500_000, time.UTC)
	for want, v := range map[string]any{
		`b"a\n\r\t\\'"`:                         []byte("a\n\r\t\\'"),
		`b"it's"`:                               []byte("it's"),
		`b'"\'\x00\xff'`:                        []byte("\"'\x00\xff"),
		"[b'x']":                                [][]byte{[]byte("x")},
		"2024-01-02 03:04:00.001500":            at,
		"[datetime.datetime(2024, 1, 2, 3, 4)]": []time.Time{at.Truncate(time.Minute)},
		"[datetime.datetime(2024, 1, 2, 3, 4, 0, 1500)]": []any{at},
		"Color.RED":                            synapse.Enum{Class: "Color", Name: "RED", Value: 1},
		"[<Color.RED: 'r'>]":                   []any{synapse.Enum{Class: "Color", Name: "RED", Value: "r"}},
		"{'a': [None, (1, 'x')]}":              map[string]any{"a": []any{nil, synapse.Tuple[any]{1, "x"}}},
		"[None, 3]":                            []*int{nil, new(3)},
		"None":                                 synapse.Optional[string]{},
		"{'id': 1, 'label': '', 'score': 0.5}": Inner{ID: 1, Score: new(0.5)},
	} {
		if got := textOf(t, v); got != want {
			t.Errorf("%v is %s, want %s", v, got, want)
		}
	}
}

// A message is also an ordinary Go struct for encoding/json.
func TestEncodingJSON(t *testing.T) {
	t.Parallel()
	m := &WithTensor{}
	m.Axon.Port = synapse.Some(8091)
	tensor, err := synapse.NewTensor([]int8{1})
	if err != nil {
		t.Fatal(err)
	}
	m.T = synapse.Some(tensor)
	raw, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	back := new(WithTensor)
	if err := json.Unmarshal(raw, back); err != nil {
		t.Fatal(err)
	}
	if back.Axon != m.Axon || back.Timeout.Present || back.T.Value.Buffer() != tensor.Buffer() {
		t.Errorf("%s became %+v", raw, back)
	}
	if err := json.Unmarshal([]byte(`{"timeout": "x"}`), back); err == nil {
		t.Error("a timeout of x")
	}
	if err := json.Unmarshal([]byte(`{"T": {"dtype": "x", "shape": [1]}}`), back); err == nil {
		t.Error("a dtype of x")
	}
	if synapse.Some(3).String() != "3" || (synapse.Optional[int]{}).String() != "None" || synapse.Some(3).Or(4) != 3 || (synapse.Optional[int]{}).Or(4) != 4 {
		t.Error("Optional")
	}
}

// The longest numbers that there are have their place in headers.
func TestLongestNumbersInHeaders(t *testing.T) {
	t.Parallel()
	m := synapse.New[synapse.Synapse]()
	const smallest, least = -1.2345678901234567e-307, math.MinInt64
	m.Timeout, m.TotalSize = synapse.Some(smallest), synapse.Some[int64](least)
	for _, end := range []*synapse.TerminalInfo{&m.Axon, &m.Dendrite} {
		end.StatusCode, end.Port, end.Version = synapse.Some(least), synapse.Some(least), synapse.Some(least)
		end.Nonce, end.ProcessTime = synapse.Some[int64](least), synapse.Some(smallest)
	}
	headers, err := synapse.ToHeaders(m)
	if err != nil {
		t.Fatal(err)
	}
	back := new(synapse.Synapse)
	if err := synapse.FromHeaders(headers, back); err != nil {
		t.Fatal(err)
	}
	if back.Axon != m.Axon || back.Dendrite != m.Dendrite || back.Timeout != m.Timeout || back.TotalSize != m.TotalSize {
		t.Errorf("%+v", headers)
	}
}
