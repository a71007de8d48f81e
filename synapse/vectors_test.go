package synapse_test

import (
	"encoding/hex"
	"encoding/json"
	"math"
	"math/big"
	"os"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bittensor-pylon/pylon/synapse"
)

// testdata/synapse.json was made with the Python SDK 10.5.0. It is a copy:
//
//go:generate sh -c "cp ${PYLON_SHARED:-../../shared}/vectors/synapse.json testdata/ && chmod 644 testdata/synapse.json"

// The classes of the vectors.

type Empty struct{ synapse.Synapse }

type Ints struct {
	synapse.Synapse
	A *big.Int                `synapse:"required,hash"`
	B int                     `synapse:"hash"`
	C synapse.Optional[int64] `synapse:"hash"`
}

func (i *Ints) SetDefaults() { i.B = 7 }

type Floats struct {
	synapse.Synapse
	X float64 `synapse:"required,hash"`
	Y float64 `synapse:"hash"`
}

func (f *Floats) SetDefaults() { f.Y = 0.5 }

type Bools struct {
	synapse.Synapse
	P bool  `synapse:"required,hash"`
	Q *bool `synapse:"hash"`
}

type Strs struct {
	synapse.Synapse
	S    string `synapse:"required,hash"`
	Note string `synapse:"hash"`
}

func (s *Strs) SetDefaults() { s.Note = "é" }

type Lists struct {
	synapse.Synapse
	Ints   []*big.Int `synapse:"required,hash"`
	Floats []float64  `synapse:"hash"`
	Strs   []string   `synapse:"hash"`
	Nested []any      `synapse:"hash"`
}

type Dicts struct {
	synapse.Synapse
	D     synapse.Object              `synapse:"required,hash"`
	ByInt synapse.Dict[int64, string] `synapse:"hash"`
}

type Anything struct {
	synapse.Synapse
	V any `synapse:"hash"`
}

type Inner struct {
	ID    int `synapse:"required"`
	Label string
	Score *float64
}

func (i *Inner) SetDefaults() { i.Label = "x" }

type Outer struct {
	Inner Inner
	Many  []Inner
}

func (o *Outer) SetDefaults() { o.Inner.SetDefaults() }

type Models struct {
	synapse.Synapse
	One   *Inner `synapse:"hash"`
	Outer Outer  `synapse:"hash"`
}

func (m *Models) SetDefaults() { m.Outer.SetDefaults() }

type RequiredOptional struct {
	synapse.Synapse
	R synapse.Optional[int] `synapse:"required,hash"`
}

type RequiredModel struct {
	synapse.Synapse
	M Inner `synapse:"required,hash"`
}

type RequiredBytes struct {
	synapse.Synapse
	B []byte `synapse:"required,hash"`
}

type OptionalBytes struct {
	synapse.Synapse
	B synapse.Optional[[]byte] `synapse:"hash"`
}

type RequiredTuple struct {
	synapse.Synapse
	T synapse.Tuple[int] `synapse:"required,hash"`
}

type HashOrder struct {
	synapse.Synapse
	A, B int
	C    *int
	D    []string
}

func (h *HashOrder) SetDefaults() { h.A, h.B, h.D = 1, 2, []string{"foobar"} }

func (*HashOrder) HashFields() []string { return []string{"d", "b", "a"} }

type HashTwice struct {
	synapse.Synapse
	A int
}

func (h *HashTwice) SetDefaults() { h.A = 1 }

func (*HashTwice) HashFields() []string { return []string{"a", "a"} }

type HashUnknown struct {
	synapse.Synapse
	A int
}

func (*HashUnknown) HashFields() []string { return []string{"nope"} }

type MixedCase struct {
	synapse.Synapse
	Prompt string `json:"Prompt" synapse:"required,hash"`
}

type Prompting struct {
	synapse.Synapse
	Roles       []string       `synapse:"required,hash"`
	Messages    []string       `synapse:"required,hash"`
	Temperature float64        `synapse:"hash"`
	Meta        synapse.Object `synapse:"hash"`
	Completion  string
}

func (p *Prompting) SetDefaults() { p.Temperature = 1 }

type WithTensor struct {
	synapse.Synapse
	T synapse.Optional[synapse.Tensor] `synapse:"hash"`
}

// makers has a function for each class that makes a default message.
var makers = map[string]func() synapse.Message{
	"Synapse":          func() synapse.Message { return synapse.New[synapse.Synapse]() },
	"Empty":            func() synapse.Message { return synapse.New[Empty]() },
	"Ints":             func() synapse.Message { return synapse.New[Ints]() },
	"Floats":           func() synapse.Message { return synapse.New[Floats]() },
	"Bools":            func() synapse.Message { return synapse.New[Bools]() },
	"Strs":             func() synapse.Message { return synapse.New[Strs]() },
	"Lists":            func() synapse.Message { return synapse.New[Lists]() },
	"Dicts":            func() synapse.Message { return synapse.New[Dicts]() },
	"Anything":         func() synapse.Message { return synapse.New[Anything]() },
	"Models":           func() synapse.Message { return synapse.New[Models]() },
	"RequiredOptional": func() synapse.Message { return synapse.New[RequiredOptional]() },
	"RequiredModel":    func() synapse.Message { return synapse.New[RequiredModel]() },
	"RequiredBytes":    func() synapse.Message { return synapse.New[RequiredBytes]() },
	"OptionalBytes":    func() synapse.Message { return synapse.New[OptionalBytes]() },
	"RequiredTuple":    func() synapse.Message { return synapse.New[RequiredTuple]() },
	"HashOrder":        func() synapse.Message { return synapse.New[HashOrder]() },
	"HashTwice":        func() synapse.Message { return synapse.New[HashTwice]() },
	"MixedCase":        func() synapse.Message { return synapse.New[MixedCase]() },
	"Prompting":        func() synapse.Message { return synapse.New[Prompting]() },
	"WithTensor":       func() synapse.Message { return synapse.New[WithTensor]() },
}

type pair [2]string

type outcome struct {
	OK    *string
	Error string
	Text  string
}

type vectorFile struct {
	VersionAsInt int `json:"version_as_int"`
	Cases        []struct {
		Name, Class  string
		Values       []namedValue
		HashInputs   []struct{ Field, Str, Hash string } `json:"hash_inputs"`
		BodyHash     *string                             `json:"body_hash"`
		Headers      []pair
		HeadersError *outcome `json:"headers_error"`
		RequestBody  outcome  `json:"request_body"`
		ResponseBody outcome  `json:"response_body"`
	}
	Requests []struct {
		Name, Class, Message, URL, Body string
		Values                          []namedValue
		Headers                         []pair
	}
	ParseHeaders []struct {
		Name, Class string
		Headers     []pair
		Inputs      map[string]json.RawMessage
		Synapse     json.RawMessage
		Error       string
	} `json:"parse_headers"`
	DefaultVerify []json.RawMessage `json:"default_verify"` // package axon uses them
	Flags         []struct {
		Dendrite           json.RawMessage
		DendriteStatusCode *int `json:"dendrite_status_code"`
		IsSuccess          bool `json:"is_success"`
		IsFailure          bool `json:"is_failure"`
		IsTimeout          bool `json:"is_timeout"`
		IsBlacklist        bool `json:"is_blacklist"`
		FailedVerification bool `json:"failed_verification"`
	}
	Tensor struct {
		Encode []struct {
			Name, DType string
			Shape       []int64
			ArrayShape  []int `json:"array_shape"`
			Buffer      string
			MsgpackHex  string `json:"msgpack_hex"`
			DataHex     string `json:"data_hex"`
			JSON, Str   string
		}
		Decode []struct {
			Name  string
			Input json.RawMessage
			Model json.RawMessage
			Error string
			Value struct {
				DType string
				Shape []int
				List  json.RawMessage
				Error string
			}
		}
	}
	DefaultInstance struct {
		JSON    string
		Headers []pair
	} `json:"default_instance"`
}

var vectors = sync.OnceValue(func() *vectorFile {
	raw, err := os.ReadFile("testdata/synapse.json")
	if err != nil {
		panic(err)
	}
	out := new(vectorFile)
	if err := json.Unmarshal(raw, out); err != nil {
		panic(err)
	}
	return out
})

// tagged is a Python value as the vectors write it.
type tagged struct {
	T     string
	V     json.RawMessage
	Bits  string
	Hex   string
	Class string
	Name  string
	Value *tagged
}

type namedValue struct {
	Field string
	Value tagged
}

func (n *namedValue) UnmarshalJSON(data []byte) error {
	return json.Unmarshal(data, &[]any{&n.Field, &n.Value})
}

// value is the Go form of a Python value where the type is any.
func (v tagged) value(t *testing.T) any {
	t.Helper()
	text := func() (s string) { unmarshal(t, v.V, &s); return s }
	switch v.T {
	case "none":
		return nil
	case "bool":
		var b bool
		unmarshal(t, v.V, &b)
		return b
	case "int":
		n, _ := new(big.Int).SetString(text(), 10)
		return n
	case "float":
		bits, err := strconv.ParseUint(v.Bits, 16, 64)
		if err != nil {
			t.Fatal(err)
		}
		return math.Float64frombits(bits)
	case "str":
		return text()
	case "bytes":
		raw, err := hex.DecodeString(v.Hex)
		if err != nil {
			t.Fatal(err)
		}
		return raw
	case "list", "tuple":
		var items []tagged
		unmarshal(t, v.V, &items)
		list := make([]any, len(items))
		for i := range items {
			list[i] = items[i].value(t)
		}
		if v.T == "tuple" {
			return synapse.Tuple[any](list)
		}
		return list
	case "dict":
		var items [][2]tagged
		unmarshal(t, v.V, &items)
		var out synapse.Dict[any, any]
		for _, item := range items {
			key := item[0].value(t)
			if n, ok := key.(*big.Int); ok {
				key = n.Int64() // a pointer is no key
			}
			out.Set(key, item[1].value(t))
		}
		return out
	case "model":
		var items []namedValue
		unmarshal(t, v.V, &items)
		var out synapse.Object
		for _, item := range items {
			out.Set(item.Field, item.Value.value(t))
		}
		return out
	case "enum":
		return synapse.Enum{Class: v.Class, Name: v.Name, Value: v.Value.value(t), Str: v.Class == "StrColor"}
	case "time":
		at, err := time.Parse("2006-01-02T15:04:05", text())
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	t.Fatalf("unknown tag %q", v.T)
	return nil
}

func unmarshal(t *testing.T, raw []byte, into any) {
	t.Helper()
	if err := json.Unmarshal(raw, into); err != nil {
		t.Fatal(err)
	}
}

// build makes the message that Class(**values) makes in Python. What JSON can
// carry goes through a body, so that it is coerced.
func build(t *testing.T, class string, values []namedValue) synapse.Message {
	t.Helper()
	var body synapse.Object
	direct := map[string]any{}
	for _, v := range values {
		value := v.Value.value(t)
		switch {
		case class == "Anything", v.Value.T == "bytes", v.Value.T == "tuple":
			direct[v.Field] = value
			if class != "Anything" { // required fields have to be there
				body.Set(v.Field, any([]any{}))
				if v.Value.T == "bytes" {
					body.Set(v.Field, "")
				}
			}
		default:
			body.Set(v.Field, value)
		}
	}
	message := makers[class]()
	carrier := synapse.New[Anything]()
	carrier.V = body
	raw, err := synapse.AppendRequest(nil, carrier)
	if err != nil {
		t.Fatal(err)
	}
	_, inner, _ := strings.Cut(string(raw), `"v": `)
	if err := synapse.Decode([]byte(strings.TrimSuffix(inner, "}")), message); err != nil {
		t.Fatal(err)
	}
	for name, value := range direct {
		field := reflect.ValueOf(message).Elem().FieldByNameFunc(func(f string) bool { return strings.EqualFold(f, name) })
		if class == "Anything" {
			if value == nil {
				continue
			}
			field.Set(reflect.ValueOf(value))
			continue
		}
		switch value := value.(type) {
		case []byte:
			if class == "OptionalBytes" {
				field.Set(reflect.ValueOf(synapse.Some(value)))
			} else {
				field.SetBytes(value)
			}
		case synapse.Tuple[any]:
			var ints synapse.Tuple[int]
			for _, n := range value {
				ints = append(ints, int(n.(*big.Int).Int64()))
			}
			field.Set(reflect.ValueOf(ints))
		}
	}
	return message
}

func headerPairs(headers synapse.Headers) []pair {
	var out []pair
	for _, h := range headers {
		out = append(out, pair{h.Name, h.Value})
	}
	return out
}

func value(pairs []pair, name string) string {
	for _, p := range pairs {
		if p[0] == name {
			return p[1]
		}
	}
	return ""
}

// A copy that lost some of the vectors would pass all the tests of the rest.
func TestVectorsAreComplete(t *testing.T) {
	t.Parallel()
	v := vectors()
	got := [...]int{len(v.Cases), len(v.Requests), len(v.ParseHeaders), len(v.DefaultVerify), len(v.Flags), len(v.Tensor.Encode), len(v.Tensor.Decode)}
	if want := [...]int{134, 6, 32, 38, 15, 14, 13}; got != want { // as the description of the protocol counts them
		t.Errorf("%v vectors, want %v", got, want)
	}
	if v.VersionAsInt != synapse.ProtocolVersion {
		t.Errorf("the vectors are of version %d", v.VersionAsInt)
	}
	for _, c := range v.Cases {
		if makers[c.Class] == nil && c.Class != "HashUnknown" {
			t.Errorf("%s: no class %s", c.Name, c.Class)
		}
	}
}

func TestVectorCases(t *testing.T) {
	t.Parallel()
	for _, c := range vectors().Cases {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			if c.Class == "HashUnknown" {
				// Python finds out when it hashes; here the type is refused.
				if err := synapse.Check(new(HashUnknown)); err == nil || !strings.Contains(err.Error(), `"nope"`) {
					t.Fatalf("error %v", err)
				}
				return
			}
			m := build(t, c.Class, c.Values)
			hash, err := synapse.BodyHash(m)
			if err != nil || hash != *c.BodyHash {
				t.Errorf("body hash %s, %v, want %s", hash, err, *c.BodyHash)
			}
			for _, in := range c.HashInputs {
				text, err := synapse.FieldText(m, in.Field)
				if err != nil || text != in.Str {
					t.Errorf("text of %s is %q, %v, want %q", in.Field, text, err, in.Str)
				}
			}

			headers, err := synapse.ToHeaders(m)
			switch {
			case c.HeadersError != nil:
				if err == nil || !strings.HasSuffix(err.Error(), c.HeadersError.Text) {
					t.Errorf("headers: error %v, want %s", err, c.HeadersError.Text)
				}
			case err != nil:
				t.Errorf("headers: %v", err)
			default:
				got := headerPairs(headers)
				for i := range got { // a size in CPython's memory
					if got[i][0] == "total_size" {
						got[i][1] = value(c.Headers, "total_size")
					}
				}
				if diff := cmp.Diff(c.Headers, got); diff != "" {
					t.Errorf("headers (-want +got):\n%s", diff)
				}
			}

			if total, err := strconv.ParseInt(value(c.Headers, "total_size"), 10, 64); err == nil {
				m.Base().TotalSize = synapse.Some(total)
			}
			body, err := synapse.AppendRequest(nil, m)
			check(t, "request", body, err, c.RequestBody)

			m.Base().TotalSize = synapse.Some[int64](0)
			m.Base().Axon.SetStatus(200, "Success")
			m.Base().Axon.ProcessTime = synapse.Some(0.0)
			if c.ResponseBody.Error == "PostProcessException" {
				if _, err := synapse.ToHeaders(m); err == nil {
					t.Error("an answer that has no headers in Python has some here")
				}
				return
			}
			body, err = synapse.AppendResponse(nil, m)
			check(t, "response", body, err, c.ResponseBody)
		})
	}
}

func check(t *testing.T, what string, body []byte, err error, want outcome) {
	t.Helper()
	switch {
	case want.OK == nil && err == nil:
		t.Errorf("%s: no error, want %s", what, want.Text)
	case want.OK == nil:
		if !strings.Contains(strings.ToLower(err.Error()), strings.ToLower(strings.TrimPrefix(want.Text, "O"))) {
			t.Errorf("%s: error %v, want %s", what, err, want.Text)
		}
	case err != nil:
		t.Errorf("%s: %v", what, err)
	case string(body) != *want.OK:
		t.Errorf("%s:\n got %s\nwant %s", what, body, *want.OK)
	}
}

// What a receiver makes of a request must hash to what the sender signed.
func TestVectorBodiesHashTheSame(t *testing.T) {
	t.Parallel()
	for _, c := range vectors().Cases {
		if c.RequestBody.OK == nil || makers[c.Class] == nil {
			continue
		}
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			m := makers[c.Class]()
			hash, err := synapse.DecodeHashed([]byte(*c.RequestBody.OK), m)
			if err != nil {
				t.Fatal(err)
			}
			again, err := synapse.BodyHash(m)
			if err != nil || again != hash {
				t.Errorf("hash of the message %s, %v, of the body %s", again, err, hash)
			}
			// In a field of any type, JSON forgets what is a tuple, an int key or an
			// enum; Python's axon sees another hash too.
			switch c.Name {
			case "any tuple", "any tuple of one", "any empty tuple", "any int keys", "any str enum":
				if hash == *c.BodyHash {
					t.Error("JSON kept what it cannot keep")
				}
			default:
				if hash != *c.BodyHash {
					t.Errorf("hash %s, want %s", hash, *c.BodyHash)
				}
			}
		})
	}
}

func TestVectorRequests(t *testing.T) {
	t.Parallel()
	for _, c := range vectors().Requests {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			m := build(t, c.Class, c.Values)
			base := m.Base()
			base.Axon = synapse.TerminalInfo{
				IP: synapse.Some("203.0.113.9"), Port: synapse.Some(8091), Hotkey: synapse.Some(bob),
			}
			base.Dendrite = synapse.TerminalInfo{
				IP: synapse.Some("198.51.100.7"), Version: synapse.Some(vectors().VersionAsInt),
				Nonce: synapse.Some[int64](1700000000000000000), UUID: synapse.Some("5ecbd69c-1cec-11ee-b0dc-e29ce36fec1a"),
				Hotkey: synapse.Some(alice),
			}
			hash, err := synapse.BodyHash(m)
			if err != nil {
				t.Fatal(err)
			}
			message := synapse.RequestMessage(base.Dendrite, bob, synapse.Some(hash))
			if string(message) != c.Message {
				t.Errorf("message %s, want %s", message, c.Message)
			}
			base.Dendrite.Signature = synapse.Some(value(c.Headers, "bt_header_dendrite_signature"))
			total, err := strconv.ParseInt(value(c.Headers, "total_size"), 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			base.TotalSize = synapse.Some(total)
			headers, err := synapse.ToHeaders(m)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.Headers, headerPairs(headers)); diff != "" {
				t.Errorf("headers (-want +got):\n%s", diff)
			}
			body, err := synapse.AppendRequest(nil, m)
			check(t, "body", body, err, outcome{OK: &c.Body})
		})
	}
}

const (
	alice = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY"
	bob   = "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty"
)

func TestVectorParseHeaders(t *testing.T) {
	t.Parallel()
	for _, c := range vectors().ParseHeaders {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			var headers synapse.Headers
			for _, p := range c.Headers {
				headers = append(headers, synapse.Header{Name: p[0], Value: p[1]})
			}
			inputs := synapse.ParseHeadersToInputs(headers)
			compareInputs(t, c.Inputs, inputs)

			m := makers[c.Class]()
			err := synapse.FromHeaders(headers, m)
			if c.Error != "" {
				if err == nil {
					t.Fatalf("no error, want %s", c.Error)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			compareSynapse(t, c.Synapse, m)
		})
	}
}

// The way that axons go, by headers as net/http has them. It knows no case and
// no names within names.
func TestVectorParseHTTPHeaders(t *testing.T) {
	t.Parallel()
	for _, c := range vectors().ParseHeaders {
		switch c.Name {
		case "substring match", "canonicalised names are not seen", "field with capital, header lower-cased by the server":
			continue
		}
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			headers := map[string][]string{}
			for _, p := range c.Headers {
				name := strings.ToUpper(p[0][:1]) + strings.ToLower(p[0][1:])
				headers[name] = append(headers[name], p[1])
			}
			m := makers[c.Class]()
			err := synapse.FromHTTP(headers, m)
			if (err != nil) != (c.Error != "") {
				t.Fatalf("error %v, want %q", err, c.Error)
			}
			if err == nil {
				compareSynapse(t, c.Synapse, m)
			}
		})
	}
}

func compareInputs(t *testing.T, want map[string]json.RawMessage, got synapse.Inputs) {
	t.Helper()
	plain := map[string]synapse.Optional[string]{
		"name": got.Name, "timeout": got.Timeout, "total_size": got.TotalSize,
		"header_size": got.HeaderSize, "computed_body_hash": got.ComputedBodyHash,
	}
	objects := 0
	for name, raw := range want {
		switch o, ok := plain[name]; {
		case ok:
			var v tagged
			unmarshal(t, raw, &v)
			if v.T == "none" {
				if o.Present {
					t.Errorf("%s is %q, want none", name, o.Value)
				}
			} else if o != synapse.Some(v.value(t).(string)) {
				t.Errorf("%s is %v, want %s", name, o, raw)
			}
		case name == "axon", name == "dendrite":
			terminal := got.Axon
			if name == "dendrite" {
				terminal = got.Dendrite
			}
			var fields map[string]string
			unmarshal(t, raw, &fields)
			if diff := cmp.Diff(fields, terminal); diff != "" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
		default:
			objects++
			var v tagged
			if json.Unmarshal(raw, &v) != nil || v.T == "" {
				if !sameJSON(t, raw, got.Objects[name]) {
					t.Errorf("object %s is %s, want %s", name, got.Objects[name], raw)
				}
				continue
			}
			if text := string(v.V); string(got.Objects[name]) != text && `"`+string(got.Objects[name])+`"` != text {
				t.Errorf("object %s is %s, want %s", name, got.Objects[name], text)
			}
		}
	}
	if objects != len(got.Objects) {
		t.Errorf("objects %v", got.Objects)
	}
}

func compareSynapse(t *testing.T, want []byte, m synapse.Message) {
	t.Helper()
	got, err := synapse.AppendRequest(nil, m)
	if err != nil {
		t.Fatal(err)
	}
	// JSON for the vectors has no infinity.
	got = []byte(strings.ReplaceAll(string(got), `: Infinity`, `: "Infinity"`))
	if !sameJSON(t, want, got) {
		t.Errorf("message\n got %s\nwant %s", got, want)
	}
}

func sameJSON(t *testing.T, a, b []byte) bool {
	t.Helper()
	var left, right any
	unmarshal(t, a, &left)
	unmarshal(t, b, &right)
	return cmp.Equal(left, right)
}

func TestVectorFlags(t *testing.T) {
	t.Parallel()
	for _, c := range vectors().Flags {
		if c.Dendrite != nil {
			continue // a synapse whose dendrite is None: there is none here
		}
		var s synapse.Synapse
		if c.DendriteStatusCode != nil {
			s.Dendrite.StatusCode = synapse.Some(*c.DendriteStatusCode)
		}
		got := [...]bool{s.IsSuccess(), s.IsFailure(), s.IsTimeout(), s.IsBlacklist(), s.FailedVerification()}
		want := [...]bool{c.IsSuccess, c.IsFailure, c.IsTimeout, c.IsBlacklist, c.FailedVerification}
		if got != want {
			t.Errorf("status %v: %v, want %v", s.Dendrite.StatusCode, got, want)
		}
	}
}

func TestVectorDefaultInstance(t *testing.T) {
	t.Parallel()
	for name, m := range map[string]synapse.Message{"literal": new(synapse.Synapse), "new": synapse.New[synapse.Synapse]()} {
		body, err := synapse.AppendRequest(nil, m)
		if err != nil || string(body) != vectors().DefaultInstance.JSON {
			t.Errorf("%s: %s, %v", name, body, err)
		}
		headers, err := synapse.ToHeaders(m)
		if err != nil {
			t.Fatal(err)
		}
		got := headerPairs(headers)
		want := append([]pair(nil), vectors().DefaultInstance.Headers...)
		for i := range want { // a size in CPython's memory
			if want[i][0] == "total_size" {
				want[i][1] = "0"
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
