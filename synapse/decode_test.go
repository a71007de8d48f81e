package synapse_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/big"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/bittensor-pylon/pylon/synapse"
)

// kinds has a field of each kind that JSON can carry.
type kinds struct {
	synapse.Synapse
	Int      int8                           `synapse:"hash"`
	Uint     uint64                         `synapse:"hash"`
	Big      *big.Int                       `synapse:"hash"`
	Float    float64                        `synapse:"hash"`
	Single   float32                        `synapse:"hash"`
	Bool     bool                           `synapse:"hash"`
	Text     string                         `synapse:"hash"`
	Addr     netip.Addr                     `synapse:"hash"`
	When     time.Time                      `synapse:"hash"`
	Any      any                            `synapse:"hash"`
	Maybe    synapse.Optional[int]          `synapse:"hash"`
	Pointer  *Inner                         `synapse:"hash"`
	List     []int                          `synapse:"hash"`
	Pair     [2]bool                        `synapse:"hash"`
	Tuple    synapse.Tuple[float64]         `synapse:"hash"`
	Dict     synapse.Dict[int, []string]    `synapse:"hash"`
	Map      map[string]synapse.Tuple[bool] `synapse:"hash"`
	Model    Outer                          `synapse:"hash"`
	Models   []Inner                        `synapse:"hash"`
	Tensors  []synapse.Tensor               `synapse:"hash"`
	HTTPCode int                            `synapse:"hash"`
}

func (k *kinds) SetDefaults() {
	k.Model.SetDefaults()
	k.Addr = netip.MustParseAddr("::1")
	k.List = []int{7}
}

func decode(t *testing.T, m synapse.Message, body string) {
	t.Helper()
	if err := synapse.Decode([]byte(body), m); err != nil {
		t.Fatalf("%s: %v", body, err)
	}
}

func TestDecodeCoerces(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`"int": "+1_2"`:                         "int 12",
		`"int": " -007 "`:                       "int -7",
		`"int": 12.0`:                           "int 12",
		`"int": true`:                           "int 1",
		`"int": -0`:                             "int 0",
		`"uint": 18446744073709551615`:          "uint 18446744073709551615",
		`"big": "-0"`:                           "big 0",
		`"big": 123456789012345678901234567890`: "big 123456789012345678901234567890",
		`"big": null`:                           "big None",
		`"float": "1e3"`:                        "float 1000.0",
		`"float": "-inf"`:                       "float -inf",
		`"float": -Infinity`:                    "float -inf",
		`"float": 1e999`:                        "float inf",
		`"float": 7`:                            "float 7.0",
		`"float": false`:                        "float 0.0",
		`"single": 0.1`:                         "single 0.10000000149011612",
		`"bool": "Yes"`:                         "bool True",
		`"bool": 1.0`:                           "bool True",
		`"bool": 0`:                             "bool False",
		`"text": "\u00e9\ud83d\ude00\/\b\f"`:    "text é😀/\b\f",
		`"addr": "10.0.0.1"`:                    "addr 10.0.0.1",
		`"when": "2024-01-02T03:04:05"`:         "when 2024-01-02 03:04:05",
		`"when": "2024-01-02 03:04:05.001500"`:  "when 2024-01-02 03:04:05.001500",
		`"any": [1, 1.0, "x", null, true, {"b":1,"a":2}]`: "any [1, 1.0, 'x', None, True, {'b': 1, 'a': 2}]",
		`"any": {"a": 1, "b": 2, "a": 3}`:                 "any {'a': 3, 'b': 2}",
		`"any": NaN`:                                      "any nan",
		`"maybe": null`:                                   "maybe None",
		`"maybe": "3"`:                                    "maybe 3",
		`"pointer": {"score": 1, "id": 2, "x": []}`:       "pointer {'id': 2, 'label': 'x', 'score': 1.0}",
		`"list": []`:                                      "list []",
		`"list": [1, "2", 3.0]`:                           "list [1, 2, 3]",
		`"pair": [1, "off"]`:                              "pair [True, False]",
		`"tuple": [1]`:                                    "tuple (1.0,)",
		`"dict": {"2": ["b"], "1": [], "02": ["it's"]}`:   `dict {2: ["it's"], 1: []}`,
		`"map": {"k": [true]}`:                            "map {'k': (True,)}",
		`"model": {"many": [{"id": 1}]}`:                  "model {'inner': {'id': 0, 'label': 'x', 'score': None}, 'many': [{'id': 1, 'label': 'x', 'score': None}]}",
		`"http_code": 4`:                                  "http_code 4",
		`"list": [1], "unknown": {"deep": [[[]]]}`:        "list [1]",
		`"list": [1], "list": [2]`:                        "list [2]",
		`"timeout": "3"`:                                  "list [7]",
	} {
		t.Run(body, func(t *testing.T) {
			t.Parallel()
			m := new(kinds)
			hash, err := synapse.DecodeHashed([]byte("{"+body+"}"), m)
			if err != nil {
				t.Fatal(err)
			}
			name, text, _ := strings.Cut(want, " ")
			got, err := synapse.FieldText(m, name)
			if err != nil || got != text {
				t.Errorf("text %q, %v, want %q", got, err, text)
			}
			if again := hashOf(t, m); again != hash {
				t.Errorf("hash of the message %s, of the body %s", again, hash)
			}
		})
	}
}

func TestDecodeRefuses(t *testing.T) {
	t.Parallel()
	for body, field := range map[string]string{
		`{"int": 128}`:                     "int",
		`{"int": 1.5}`:                     "int",
		`{"int": "1.5"}`:                   "int",
		`{"int": "1__0"}`:                  "int",
		`{"int": "_1"}`:                    "int",
		`{"int": null}`:                    "int",
		`{"int": []}`:                      "int",
		`{"int": NaN}`:                     "int",
		`{"uint": -1}`:                     "uint",
		`{"big": {}}`:                      "big",
		`{"float": ""}`:                    "float",
		`{"float": "0x10"}`:                "float",
		`{"bool": 2}`:                      "bool",
		`{"bool": "maybe"}`:                "bool",
		`{"text": 1}`:                      "text",
		`{"text": null}`:                   "text",
		`{"text": "\ud800"}`:               "text",
		`{"addr": "nowhere"}`:              "addr",
		`{"when": "2024-01-02T03:04:05Z"}`: "when",
		`{"list": {}}`:                     "list",
		`{"list": [null]}`:                 "list",
		`{"pair": [true]}`:                 "pair",
		`{"pair": [true, true, true]}`:     "pair",
		`{"dict": {"x": []}}`:              "dict",
		`{"dict": []}`:                     "dict",
		`{"pointer": {}}`:                  "pointer.id",
		`{"pointer": 1}`:                   "pointer",
		`{"model": {"many": [{"id": 1, "score": {}}]}}`: "model.many.score",
		`{"tensors": [{"buffer": null, "shape": [1]}]}`: "tensors.dtype",
		`{"axon": {"port": "x"}}`:                       "axon.port",
		`{"axon": {"ip": 1}}`:                           "axon.ip",
		`{"dendrite": []}`:                              "dendrite",
		`{"timeout": "soon"}`:                           "timeout",
		`{"total_size": [1]}`:                           "total_size",
		`{"name": 1}`:                                   "name",
	} {
		var at *synapse.FieldError
		m := new(kinds)
		if err := synapse.Decode([]byte(body), m); !errors.As(err, &at) || at.Field != field {
			t.Errorf("%s: error %v, want one of %s", body, err, field)
		}
		if _, err := synapse.DecodeHashed([]byte(body), m); !errors.As(err, &at) || at.Field != field {
			t.Errorf("%s: error %v, want one of %s", body, err, field)
		}
	}
	if err := synapse.Decode([]byte(`{}`), new(Ints)); err == nil {
		t.Error("a required field may be missing")
	}
}

func TestDecodeSyntax(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		"", " ", "{", "}", `{"a"}`, `{"a":}`, `{"a":1,}`, `{a:1}`, `{"a":01}`, `{"a":1.}`, `{"a":.5}`, `{"a":+1}`, `{"a":1e}`, `{"a":-}`,
		`{"a":"` + "\n" + `"}`, `{"a":"\x"}`, `{"a":"\u12"}`, `{"a":"\u12g4"}`, `{"a":"`, `{"a":tru}`, `{"a":nul}`, `{"a":[1 2]}`, `{"a":[1,]}`,
		`{"a":[,1]}`, `{"a":1}{}`, `{"a":1}x`, `{"a":{"b" 1}}`, "\ufeff{}", `{"a":Infin}`, `{"a":` + strings.Repeat("[", 201) + strings.Repeat("]", 201) + `}`,
		`{"a":` + strings.Repeat("1", 4301) + `}`,
	} {
		for _, field := range []string{"a", "any", "text"} {
			text := strings.Replace(body, `"a"`, `"`+field+`"`, 1)
			var syntax *synapse.SyntaxError
			var refused *synapse.FieldError
			err := synapse.Decode([]byte(text), new(kinds))
			if field == "text" && errors.As(err, &refused) {
				continue // the type is looked at before the rest of the value
			}
			if !errors.As(err, &syntax) {
				t.Errorf("%.40q: error %v", text, err)
			}
		}
	}
	for _, body := range []string{"{\"any\":\"\xff\"}", "{\"\xc3\x28\":1}", "{\"any\":[\"\xed\xa0\x80\"]}"} {
		if err := synapse.Decode([]byte(body), new(kinds)); !errors.Is(err, synapse.ErrUTF8) {
			t.Errorf("%q: error %v", body, err)
		}
	}
	for _, body := range []string{"[]", `"x"`, "1", "null", "true"} {
		var syntax *synapse.SyntaxError
		if err := synapse.Decode([]byte(body), new(kinds)); err == nil || errors.As(err, &syntax) {
			t.Errorf("%s: error %v", body, err)
		}
	}
	// As deep as it may be.
	decode(t, new(kinds), `{"any":`+strings.Repeat("[", 199)+strings.Repeat("]", 199)+`}`)
}

// What json.loads of CPython 3.11 says.
func TestDecodeSyntaxMessages(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]synapse.SyntaxError{
		`{"a": "\u12"}`:       {Offset: 8, Message: `Invalid \uXXXX escape`},
		`{"a": "\u12`:         {Offset: 8, Message: `Invalid \uXXXX escape`},
		`{"a": "\u`:           {Offset: 8, Message: `Invalid \uXXXX escape`},
		`{"a": "\ud800\u12"}`: {Offset: 14, Message: `Invalid \uXXXX escape`},
		`{"a": "\x"}`:         {Offset: 7, Message: `Invalid \escape`},
		`{"a": "\`:            {Offset: 6, Message: "Unterminated string starting at"},
		`{"a": "x`:            {Offset: 6, Message: "Unterminated string starting at"},
		`{"a`:                 {Offset: 1, Message: "Unterminated string starting at"},
		"{\"a\": \"\n\"}":     {Offset: 7, Message: "Invalid control character at"},
		"{\"a\x01\":1}":       {Offset: 3, Message: "Invalid control character at"},
		`{"a":1,}`:            {Offset: 7, Message: "Expecting property name enclosed in double quotes"},
		`{"a":1,  }`:          {Offset: 9, Message: "Expecting property name enclosed in double quotes"},
		`{"a":1,x}`:           {Offset: 7, Message: "Expecting property name enclosed in double quotes"},
		`{,}`:                 {Offset: 1, Message: "Expecting property name enclosed in double quotes"},
		`{"a": [1, ]}`:        {Offset: 10, Message: "Expecting value"},
		`{"a": nul}`:          {Offset: 6, Message: "Expecting value"},
		`{"a": -}`:            {Offset: 6, Message: "Expecting value"},
		`{"a": 01}`:           {Offset: 7, Message: "Expecting ',' delimiter"},
		`{"a" 1}`:             {Offset: 5, Message: "Expecting ':' delimiter"},
		`{"a": 1} x`:          {Offset: 9, Message: "Extra data"},
		"":                    {Offset: 0, Message: "Expecting value"},
	} {
		var got *synapse.SyntaxError
		if err := synapse.Decode([]byte(body), new(Anything)); !errors.As(err, &got) || *got != want {
			t.Errorf("%s: %v, want %v", body, err, &want)
		}
	}
}

// What a message held, or shares with another, is not changed by reading.
func TestDecodeSharesNothing(t *testing.T) {
	t.Parallel()
	first := new(kinds)
	decode(t, first, `{"list": [1, 2], "dict": {"1": []}, "map": {"a": []}, "pointer": {"id": 1}, "any": {"k": 1}}`)
	second := *first
	decode(t, &second, `{"list": [3], "dict": {"2": []}, "map": {"b": []}, "pointer": {"id": 2}, "any": {"l": 1}}`)
	got, err := synapse.AppendResponse(nil, first)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{`"list":[1,2]`, `"dict":{"1":[]}`, `"map":{"a":[]}`, `"id":1`, `"any":{"k":1}`} {
		if !strings.Contains(string(got), part) {
			t.Errorf("%s lost %s", got, part)
		}
	}
	defaults := new(kinds)
	decode(t, defaults, `{}`)
	defaults.List[0] = 99
	decode(t, defaults, `{}`)
	if defaults.List[0] != 7 {
		t.Error("a message changed the defaults of its type")
	}
}

// drawn makes any JSON value, as text and in Python's text.
func drawn(depth int) *rapid.Generator[any] {
	leaves := []*rapid.Generator[any]{
		rapid.Just[any](nil),
		rapid.Bool().AsAny(),
		rapid.Int64().AsAny(),
		rapid.Float64().AsAny(),
		rapid.String().AsAny(),
	}
	if depth == 0 {
		return rapid.OneOf(leaves...)
	}
	list := rapid.SliceOfN(drawn(depth-1), 0, 4).AsAny()
	object := rapid.Custom(func(t *rapid.T) any {
		var o synapse.Object
		for range rapid.IntRange(0, 12).Draw(t, "keys") {
			o.Set(rapid.String().Draw(t, "key"), drawn(depth-1).Draw(t, "value"))
		}
		return o
	})
	return rapid.OneOf(append(leaves, list, object)...)
}

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		in := &Anything{V: drawn(3).Draw(t, "value")}
		hash, err := synapse.BodyHash(in)
		if err != nil {
			t.Fatal(err)
		}
		body, err := synapse.AppendRequest(nil, in)
		if err != nil {
			t.Fatal(err)
		}
		out := new(Anything)
		read, err := synapse.DecodeHashed(body, out)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := synapse.BodyHash(out); err != nil || read != hash || again != hash {
			t.Fatalf("%s: sent as %s, read as %s, held as %s, %v", body, hash, read, again, err)
		}
		answer, err := synapse.AppendResponse(nil, in)
		if errors.Is(err, synapse.ErrNotFinite) {
			return
		}
		if err != nil || !json.Valid(answer) {
			t.Fatalf("answer %s, %v", answer, err)
		}
		if err := synapse.Decode(answer, out); err != nil {
			t.Fatal(err)
		}
		if again, err := synapse.BodyHash(out); err != nil || again != hash {
			t.Fatalf("answer %s: %s, %v", answer, again, err)
		}
	})
}

func TestDictBehavesLikeADict(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var d synapse.Dict[int, int]
		model := map[int]int{}
		var order []int
		for range rapid.IntRange(0, 60).Draw(t, "steps") {
			key := rapid.IntRange(0, 20).Draw(t, "key")
			if rapid.IntRange(0, 3).Draw(t, "what") == 0 {
				d.Delete(key)
				delete(model, key)
				for i := range order {
					if order[i] == key {
						order = append(order[:i:i], order[i+1:]...)
						break
					}
				}
				continue
			}
			value := rapid.Int().Draw(t, "value")
			if _, ok := model[key]; !ok {
				order = append(order, key)
			}
			d.Set(key, value)
			model[key] = value
		}
		var keys []int
		for key, value := range d.All() {
			keys = append(keys, key)
			if model[key] != value {
				t.Fatalf("%d is %d, want %d", key, value, model[key])
			}
		}
		if diff := cmp.Diff(order, keys); diff != "" && len(order)+len(keys) > 0 {
			t.Fatal(diff)
		}
		for key := range 21 {
			want, ok := model[key]
			if got, found := d.Get(key); got != want || found != ok {
				t.Fatalf("%d is %d %v, want %d %v", key, got, found, want, ok)
			}
		}
		if d.Len() != len(model) {
			t.Fatal(d.Len())
		}
	})
}

func TestCasts(t *testing.T) {
	t.Parallel()
	type named int
	for _, c := range []struct {
		in   any
		want string
	}{
		{nil, "None"},
		{"503", "503"},
		{" +8_091 ", "8091"},
		{1.9, "1"},
		{-1.9, "-1"},
		{true, "1"},
		{false, "0"},
		{named(4), "4"},
		{uint8(3), "3"},
		{big.NewInt(-5), "-5"},
		{(*big.Int)(nil), "None"},
		{"1.5", ""},
		{"", ""},
		{"abc", ""},
		{"1_", ""},
		{"0x10", ""},
		{math.NaN(), ""},
		{math.Inf(1), ""},
		{float64(1 << 63), ""},
		{uint64(1 << 63), ""},
		{new(big.Int).Lsh(big.NewInt(1), 63), ""},
		{[]int{1}, ""},
		{struct{}{}, ""},
	} {
		got, err := synapse.CastInt(c.in)
		if (err != nil) != (c.want == "") || err == nil && got.String() != c.want {
			t.Errorf("int(%v): %v, %v, want %s", c.in, got, err, c.want)
		}
	}
	for _, c := range []struct {
		in   any
		want string
	}{
		{nil, "None"},
		{"1e3", "1000"},
		{"inf", "+Inf"},
		{"-Infinity", "-Inf"},
		{"nan", "NaN"},
		{" 1_0.5 ", "10.5"},
		{"1e999", "+Inf"},
		{3, "3"},
		{uint(3), "3"},
		{true, "1"},
		{big.NewInt(2), "2"},
		{"", ""},
		{"1,5", ""},
		{"0x1p3", ""},
		{"1__0", ""},
		{[]int{}, ""},
		{new(big.Int).Lsh(big.NewInt(1), 2000), ""},
	} {
		got, err := synapse.CastFloat(c.in)
		if (err != nil) != (c.want == "") || err == nil && got.String() != c.want {
			t.Errorf("float(%v): %v, %v, want %s", c.in, got, err, c.want)
		}
	}
	if _, err := synapse.CastInt([]int{1}); !errors.Is(err, synapse.ErrCastType) {
		t.Errorf("a list is no kind of number: %v", err)
	}
}

type (
	badTag struct {
		synapse.Synapse
		A int `synapse:"requird"`
	}
	badNested struct {
		synapse.Synapse
		A struct {
			B int `synapse:"hash"`
		}
	}
	badType struct {
		synapse.Synapse
		A chan int
	}
	badKey struct {
		synapse.Synapse
		A map[[2]int]int
	}
	badTwice struct {
		synapse.Synapse
		X int
		B int `json:"x"`
	}
	badBase struct {
		synapse.Synapse
		A int `json:"timeout"`
	}
	badInterface struct {
		synapse.Synapse
		A fmt.Stringer
	}
	badHeader struct {
		synapse.Synapse
		A int `json:"ü" synapse:"required"`
	}
	noBase  struct{ *synapse.Synapse }
	badName struct{ synapse.Synapse }
	common  struct {
		synapse.Synapse
		First int `synapse:"hash"`
	}
	derived struct {
		common
		Second int `synapse:"hash"`
	}
	node struct {
		Value int
		Next  []node
	}
	recursive struct {
		synapse.Synapse
		Root node `synapse:"hash"`
	}
	generic[T any] struct {
		synapse.Synapse
		Value T
	}
)

func (badName) SynapseName() string { return "a/b" }

func TestCheck(t *testing.T) {
	t.Parallel()
	for want, m := range map[string]synapse.Message{
		`unknown option "requird"`:  new(badTag),
		`unknown option "hash"`:     new(badNested),
		"chan int":                  new(badType),
		"key of a dict":             new(badKey),
		"two fields are called x":   new(badTwice),
		"field of every message":    new(badBase),
		"fmt.Stringer":              new(badInterface),
		"no header can":             new(badHeader),
		"does not embed":            &noBase{new(synapse.Synapse)},
		"part of a URL":             new(badName),
		"HashFields names \"nope\"": new(HashUnknown),
		"nil *":                     (*Ints)(nil),
	} {
		if err := synapse.Check(m); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%T: error %v, want %s", m, err, want)
		}
		if _, err := synapse.ToHeaders(m); err == nil {
			t.Errorf("%T has headers", m)
		}
	}
	d := new(derived)
	decode(t, d, `{"first": 1, "second": 2}`)
	body, err := synapse.AppendResponse(nil, d)
	if err != nil || !strings.HasSuffix(string(body), `"first":1,"second":2}`) || !strings.HasPrefix(string(body), `{"name":"derived"`) {
		t.Errorf("%s, %v", body, err)
	}
	r := new(recursive)
	decode(t, r, `{"root": {"value": 1, "next": [{"next": [{}]}]}}`)
	if text, err := synapse.FieldText(r, "root"); err != nil || text != "{'value': 1, 'next': [{'value': 0, 'next': [{'value': 0, 'next': []}]}]}" {
		t.Errorf("%s, %v", text, err)
	}
	if name := synapse.NameOf(new(generic[int])); name != "generic" {
		t.Error(name)
	}
	// A value that contains itself is refused, not followed for ever.
	loop := []any{nil}
	loop[0] = loop
	if _, err := synapse.BodyHash(&Anything{V: loop}); err == nil {
		t.Error("a loop has a hash")
	}
	if _, err := synapse.AppendRequest(nil, &Anything{V: loop}); err == nil {
		t.Error("a loop has a body")
	}
	if _, err := synapse.AppendRequest(nil, &Anything{V: make(chan int)}); err == nil {
		t.Error("a channel has a body")
	}
}

func TestGetTotalSize(t *testing.T) {
	t.Parallel()
	for _, size := range []int{0, 400, 412, 413, 414, 415, 9000, 9400} {
		m := &Strs{S: strings.Repeat("x", size)}
		total, err := synapse.GetTotalSize(m)
		if err != nil {
			t.Fatal(err)
		}
		body, err := synapse.AppendRequest(nil, m)
		if err != nil || int64(len(body)) != total || m.TotalSize != synapse.Some(total) {
			t.Errorf("total size %d, body %d bytes, %v", total, len(body), err)
		}
	}
}

func TestAxonInfo(t *testing.T) {
	t.Parallel()
	info := synapse.AxonInfo{Version: 10002000, IP: "127.0.0.1", Port: 18091, IPType: 4, Hotkey: alice, Coldkey: bob, Protocol: 4}
	want := `{"version": 10002000, "ip": "127.0.0.1", "port": 18091, "ip_type": 4, "hotkey": "` + alice + `", "coldkey": "` + bob + `", "protocol": 4, "placeholder1": 0, "placeholder2": 0}`
	if got := info.ToString(); got != want {
		t.Errorf("got %s", got)
	}
	if back, err := synapse.AxonInfoFromString(want); err != nil || back != info {
		t.Errorf("%+v, %v", back, err)
	}
	if _, err := synapse.AxonInfoFromString("x"); err == nil {
		t.Error("x is an AxonInfo")
	}
	if got := info.String(); got != "AxonInfo( /ipv4/127.0.0.1:18091, "+alice+", "+bob+", 10002000 )" {
		t.Error(got)
	}
	if !info.IsServing() || (synapse.AxonInfo{IP: "0.0.0.0"}).IsServing() {
		t.Error("serving")
	}
}
