package synapse_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/big"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bittensor-pylon/pylon/synapse"
	"github.com/bittensor-pylon/pylon/wallet"
)

// The numbers are those of the conformance statements of the protocol. 65 to 67
// are in tensor_test.go, 27 to 53 in package axon and 54 to 64 in package
// dendrite.

func TestConformance001DefaultInstance(t *testing.T) {
	t.Parallel()
	body, err := synapse.AppendRequest(nil, &synapse.Synapse{})
	if err != nil {
		t.Fatal(err)
	}
	var terminal synapse.TerminalInfo
	ten, err := json.Marshal(terminal)
	if err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf(`{"name":"Synapse","timeout":12.0,"total_size":0,"header_size":0,"dendrite":%s,"axon":%s,"computed_body_hash":""}`, ten, ten)
	if got := strings.NewReplacer(", ", ",", ": ", ":").Replace(string(body)); got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
}

// Everything has a value, so every header is there.
func full() *Prompting {
	m := synapse.New[Prompting]()
	m.Roles, m.Messages = []string{"user"}, []string{"hi"}
	info := synapse.TerminalInfo{
		StatusCode: synapse.Some(200), StatusMessage: synapse.Some("Success"), ProcessTime: synapse.Some(0.25),
		IP: synapse.Some("1.2.3.4"), Port: synapse.Some(8091), Version: synapse.Some(10002000),
		Nonce: synapse.Some[int64](1700000000000000000), UUID: synapse.Some("u"), Hotkey: synapse.Some(alice),
		Signature: synapse.Some("0x00"),
	}
	m.Axon, m.Dendrite = info, info
	return m
}

func TestConformance002HeaderOrder(t *testing.T) {
	t.Parallel()
	headers, err := synapse.ToHeaders(full())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, h := range headers {
		got = append(got, h.Name)
	}
	want := []string{"name", "timeout"}
	for _, end := range []string{"axon", "dendrite"} {
		for _, f := range strings.Fields("status_code status_message process_time ip port version nonce uuid hotkey signature") {
			want = append(want, "bt_header_"+end+"_"+f)
		}
	}
	want = append(want, "bt_header_input_obj_roles", "bt_header_input_obj_messages", "header_size", "total_size", "computed_body_hash")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestConformance003NoneHasNoHeader(t *testing.T) {
	t.Parallel()
	m := synapse.New[synapse.Synapse]()
	m.Dendrite.Port = synapse.Some(0)
	headers, err := synapse.ToHeaders(m)
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range headers {
		if strings.HasPrefix(h.Name, "bt_header") && h != (synapse.Header{Name: "bt_header_dendrite_port", Value: "0"}) {
			t.Errorf("header %v", h)
		}
	}
	if _, ok := headers.Get("bt_header_dendrite_port"); !ok {
		t.Error("a zero that is set has no header")
	}
}

func TestConformance004TimeoutText(t *testing.T) {
	t.Parallel()
	for seconds, want := range map[float64]string{12: "12.0", 0.5: "0.5", 1e-5: "1e-05"} {
		m := synapse.New[synapse.Synapse]()
		m.Timeout = synapse.Some(seconds)
		headers, err := synapse.ToHeaders(m)
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := headers.Get("timeout"); got != want {
			t.Errorf("timeout %v is %s, want %s", seconds, got, want)
		}
	}
}

type everyKind struct {
	synapse.Synapse
	I int             `synapse:"required"`
	F float64         `synapse:"required"`
	S string          `synapse:"required"`
	B bool            `synapse:"required"`
	L []string        `synapse:"required"`
	D map[string]int  `synapse:"required"`
	M Inner           `synapse:"required"`
	O *int            `synapse:"required"`
	T synapse.Tensor  `synapse:"required"`
	A any             `synapse:"required"`
	P *[]int          `synapse:"required"`
	U *big.Int        `synapse:"required"`
	N synapse.Object  `synapse:"required"`
	X synapse.Object  `json:"defaulted"`
	Y [2]int          `synapse:"required"`
	Z synapse.Float16 `synapse:"required"`
}

func TestConformance005EmptyInputs(t *testing.T) {
	t.Parallel()
	m := &everyKind{A: 1.5, P: new([]int)}
	headers, err := synapse.ToHeaders(m)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"i": "MA==", "f": "MC4w", "s": "IiI=", "b": "ZmFsc2U=", "l": "W10=", "d": "e30=", "m": "e30=", "t": "e30=",
		"a": "MC4w", "p": "W10=", "n": "e30=", "y": "W10=", "z": "MA==",
	}
	got := map[string]string{}
	for _, h := range headers {
		if name, ok := strings.CutPrefix(h.Name, "bt_header_input_obj_"); ok {
			got[name] = h.Value
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestConformance006UnserializableInput(t *testing.T) {
	t.Parallel()
	_, err := synapse.ToHeaders(&RequiredBytes{B: []byte("ab")})
	const want = "Error serializing b with value b'ab'. Objects must be json serializable."
	if err == nil || !strings.HasSuffix(err.Error(), want) || !errors.Is(err, synapse.ErrNotSerializable) {
		t.Errorf("error %v, want %s", err, want)
	}
}

func TestConformance007DefaultedInput(t *testing.T) {
	t.Parallel()
	headers, err := synapse.ToHeaders(full())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"temperature", "meta", "completion"} {
		if _, ok := headers.Get("bt_header_input_obj_" + name); ok {
			t.Errorf("a header for %s, which has a default", name)
		}
	}
}

// dummy is the request that the protocol's description works through.
type dummy struct {
	synapse.Synapse
	Input  int  `synapse:"required,hash"`
	Output *int `json:"output"`
	Note   string
}

func (dummy) SynapseName() string { return "Dummy" }

func (d *dummy) SetDefaults() { d.Note = "é" }

func (*dummy) HashFields() []string { return []string{"input", "note"} }

const workedHeaders = `name: Dummy
timeout: 12.0
bt_header_axon_ip: 203.0.113.9
bt_header_axon_port: 8091
bt_header_axon_hotkey: 5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty
bt_header_dendrite_ip: 198.51.100.7
bt_header_dendrite_version: 10002000
bt_header_dendrite_nonce: 1700000000000000000
bt_header_dendrite_uuid: 5ecbd69c-1cec-11ee-b0dc-e29ce36fec1a
bt_header_dendrite_hotkey: 5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY
bt_header_dendrite_signature: 0x000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f
bt_header_input_obj_input: MA==
header_size: 464
total_size: 3131
computed_body_hash: 3ee5dc4888e2918e58f285608cdad0f604da85fa389a82869f0fc879082aaa98`

const workedBody = `{"name": "Dummy", "timeout": 12.0, "total_size": 3131, "header_size": 0, "dendrite": {"status_code": null, "status_message": null, "process_time": null, "ip": "198.51.100.7", "port": null, "version": 10002000, "nonce": 1700000000000000000, "uuid": "5ecbd69c-1cec-11ee-b0dc-e29ce36fec1a", "hotkey": "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY", "signature": "0x000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f"}, "axon": {"status_code": null, "status_message": null, "process_time": null, "ip": "203.0.113.9", "port": 8091, "version": null, "nonce": null, "uuid": null, "hotkey": "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty", "signature": null}, "computed_body_hash": "", "input": 41, "output": null, "note": "\u00e9"}`

func parseLines(text string) (headers synapse.Headers) {
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		headers = append(headers, synapse.Header{Name: name, Value: value})
	}
	return headers
}

func TestConformance008WorkedRequest(t *testing.T) {
	t.Parallel()
	m := synapse.New[dummy]()
	if err := synapse.FromHeaders(parseLines(workedHeaders), m); err != nil {
		t.Fatal(err)
	}
	wantAxon := synapse.TerminalInfo{IP: synapse.Some("203.0.113.9"), Port: synapse.Some(8091), Hotkey: synapse.Some(bob)}
	if m.Axon != wantAxon {
		t.Errorf("axon %+v", m.Axon)
	}
	wantDendrite := synapse.TerminalInfo{
		IP: synapse.Some("198.51.100.7"), Version: synapse.Some(10002000), Nonce: synapse.Some[int64](1700000000000000000),
		UUID: synapse.Some("5ecbd69c-1cec-11ee-b0dc-e29ce36fec1a"), Hotkey: synapse.Some(alice), Signature: m.Dendrite.Signature,
	}
	if m.Dendrite != wantDendrite || len(m.Dendrite.Signature.Value) != 130 {
		t.Errorf("dendrite %+v", m.Dendrite)
	}
	if m.Input != 0 || m.Note != "é" {
		t.Errorf("input %d, note %q", m.Input, m.Note)
	}

	// And the same request the other way: headers and body, byte for byte.
	m.Input = 41
	m.HeaderSize = synapse.Some[int64](0)
	headers, err := synapse.ToHeaders(m)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(parseLines(workedHeaders), headers); diff != "" {
		t.Errorf("headers (-want +got):\n%s", diff)
	}
	fresh := synapse.New[dummy]() // whose own body hash is empty, as in every body
	fresh.TotalSize, fresh.Axon, fresh.Dendrite, fresh.Input = m.TotalSize, m.Axon, m.Dendrite, 41
	body, err := synapse.AppendRequest(nil, fresh)
	if err != nil || string(body) != workedBody || len(body) != 809 {
		t.Errorf("body %s, %v", body, err)
	}
}

func TestConformance009UnknownHeaders(t *testing.T) {
	t.Parallel()
	headers := append(parseLines(workedHeaders), synapse.Header{Name: "bt_header_axon_foo", Value: "1"}, synapse.Header{Name: "x-other", Value: "2"})
	if err := synapse.FromHeaders(headers, new(dummy)); err != nil {
		t.Error(err)
	}
}

func TestConformance010HeaderNumbers(t *testing.T) {
	t.Parallel()
	for name, value := range map[string]string{"bt_header_axon_nonce": "abc", "total_size": "xyz"} {
		headers := append(synapse.Headers{{Name: name, Value: value}}, parseLines(workedHeaders)...)
		if name == "bt_header_axon_nonce" { // the last one counts
			headers = append(headers, headers[0])
		}
		var field *synapse.FieldError
		if err := synapse.FromHeaders(headers, new(dummy)); !errors.As(err, &field) {
			t.Errorf("%s: error %v", name, err)
		}
	}
	m := new(dummy)
	headers := append(parseLines(workedHeaders), synapse.Header{Name: "bt_header_axon_port", Value: " +8_091 "})
	if err := synapse.FromHeaders(headers, m); err != nil || m.Axon.Port != synapse.Some(8091) {
		t.Errorf("port %v, %v", m.Axon.Port, err)
	}
}

// An input that is decoded but does not fit fails the parse, and the error has
// the whole way to what is wrong.
func TestHeaderInputDoesNotFit(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{"{}": "m.id", `{"id": "x"}`: "m.id", "[]": "m"} {
		headers := synapse.Headers{{Name: "bt_header_input_obj_m", Value: base64.StdEncoding.EncodeToString([]byte(value))}}
		var field *synapse.FieldError
		if err := synapse.FromHeaders(headers, new(RequiredModel)); !errors.As(err, &field) || field.Field != want || strings.Count(err.Error(), "synapse: ") != 1 {
			t.Errorf("%s: %v, want a FieldError of %s", value, err, want)
		}
	}
}

func TestConformance011UndecodableInput(t *testing.T) {
	t.Parallel()
	m := new(dummy)
	headers := append(parseLines(workedHeaders), synapse.Header{Name: "bt_header_input_obj_note", Value: "%%%"})
	if err := synapse.FromHeaders(headers, m); err != nil || m.Note != "é" {
		t.Errorf("note %q, %v", m.Note, err)
	}
}

func TestConformance012InputsAreNoTerminals(t *testing.T) {
	t.Parallel()
	m := new(dummy)
	headers := append(
		synapse.Headers{{Name: "bt_header_input_obj_axon", Value: "eyJpcCI6IjkuOS45LjkifQ=="}, {Name: "bt_header_input_obj_dendrite", Value: "e30="}},
		parseLines(workedHeaders)...,
	)
	if err := synapse.FromHeaders(headers, m); err != nil || m.Axon.IP != synapse.Some("203.0.113.9") || m.Dendrite.Hotkey != synapse.Some(alice) {
		t.Errorf("axon %+v, %v", m.Axon, err)
	}
}

func TestConformance013HeaderCase(t *testing.T) {
	t.Parallel()
	headers := map[string][]string{}
	for _, h := range parseLines(workedHeaders) {
		headers[strings.ToUpper(h.Name[:1])+h.Name[1:]] = []string{h.Value}
	}
	m := new(dummy)
	if err := synapse.FromHTTP(headers, m); err != nil || m.Axon.Port != synapse.Some(8091) || m.Input != 0 {
		t.Errorf("%+v, %v", m, err)
	}
}

func TestConformance014Name(t *testing.T) {
	t.Parallel()
	m := new(dummy)
	m.Name = "other"
	body, err := synapse.AppendRequest(nil, m)
	if err != nil || !strings.HasPrefix(string(body), `{"name": "Dummy"`) {
		t.Errorf("body %s, %v", body, err)
	}
	if err := synapse.Decode([]byte(`{"name": "Other", "input": 1}`), m); err != nil || m.Name != "Dummy" {
		t.Errorf("name %s, %v", m.Name, err)
	}
	headers, err := synapse.ToHeaders(m)
	if got, _ := headers.Get("name"); err != nil || got != "Dummy" {
		t.Errorf("name %s, %v", got, err)
	}
}

func TestConformance015BodyHashReadOnly(t *testing.T) {
	t.Parallel()
	typ := reflect.TypeFor[synapse.Synapse]()
	for f := range typ.NumField() {
		if field := typ.Field(f); strings.Contains(strings.ToLower(field.Name), "hash") && field.IsExported() {
			t.Errorf("field %s can be assigned", field.Name)
		}
	}
	m := new(dummy)
	if err := synapse.Decode([]byte(`{"computed_body_hash": "00", "input": 1}`), m); err != nil || m.ComputedBodyHash() != synapse.Some("00") {
		t.Errorf("hash %v, %v", m.ComputedBodyHash(), err)
	}
	hash, err := synapse.BodyHash(m)
	if err != nil || hash == "00" {
		t.Errorf("hash %s, %v", hash, err)
	}
}

func TestConformance016Predicates(t *testing.T) {
	t.Parallel()
	var s synapse.Synapse
	if s.IsSuccess() || !s.IsFailure() || s.IsTimeout() || s.IsBlacklist() || s.FailedVerification() {
		t.Error("a call that has not ended is only a failure")
	}
	s.Dendrite.SetStatus(200, "Success")
	if !s.IsSuccess() || s.IsFailure() {
		t.Error("200 is no success")
	}
}

func TestConformance017VersionAsInt(t *testing.T) {
	t.Parallel()
	for version, want := range map[string]int{
		"10.2.0": 10002000, "7.2.0": 7002000, "10.5.0rc1": 10005000, "9.12.2": 9012002, "1.2.3.4": 1002003,
	} {
		if got, err := synapse.VersionAsInt(version); err != nil || got != want {
			t.Errorf("%s: %d, %v", version, got, err)
		}
	}
	for _, version := range []string{"", "10", "10.2", "a.b.c", "1.1000.0", "2147.483.648", "1.-2.3", "1.2.rc1"} {
		if got, err := synapse.VersionAsInt(version); err == nil {
			t.Errorf("%q: %d", version, got)
		}
	}
	if got, err := synapse.VersionAsInt("10.5.0"); err != nil || got != synapse.ProtocolVersion {
		t.Errorf("%d, %v", got, err)
	}
}

func hashOf(t *testing.T, m synapse.Message) string {
	t.Helper()
	hash, err := synapse.BodyHash(m)
	if err != nil {
		t.Fatal(err)
	}
	return hash
}

func TestConformance018SingleValues(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		v    any
		want string
	}{
		{"", "42012470e20e90036b3098da71e1056ce0e561031bc41fa47faa1d1269f93a2e"},
		{nil, "374b5d095204fc2ce2201a0f3c315571a7097e854d9babc9ed634954d4dd9e10"},
		{true, "8f2f2a68cd34894eb7a63d8c59237817b43f47bfba09463f678b964d55a25290"},
		{false, "e8593afee175e1705a83f318d37773b9d52b6eef96da2139c547f05b4786cd66"},
		{0, "a68efd02bf8190c171a54f9de439df1e213eecc103415619956235432088c17a"},
		{42, "4adc92a2d30b60490fd7b501c488fea6d9c10ee8525c0193e2757acd8d2d3b5f"},
		{-1, "5e7ae49fda1cf9edce8235a354084c8a5dbab248be10c39d3c6c9d08a008aa3d"},
		{uint64(1) << 63, "394760328c1d0054002f83cbc79cd7969876817422a17da0cb4c59c190763007"},
		{1.0, "6e9db2fcbcbac0c460b4894eec0f658d594d7db94b441e6cff12a7a67e48e402"},
		{math.Copysign(0, -1), "19d79fa68a21064e7661f27cab57e663d10f1b50d3c7b0a31416f9995f84cc74"},
		{0.1, "8ed8e1d798c52760c82adc97169c1341418ae027f746e23c080a021e7525aa0a"},
		{1e-4, "296601971d4bd3ab85316edc17d03cfb405b8f60c961dbd0430a613e90b03be5"},
		{1e-5, "1ca2ac6218ec91e89d9a7db8a47bcde57389a2d24d5cb6d60c7d01b1c66c7083"},
		{1e15, "ebb930080871bad17340c0247d65601dd8db9b8d9b7f6caea2860481d72b4ad4"},
		{1e16, "6bbcb1075c61498cb4fab9f5570d0a1652afbc44914e8bb82bd3e70e38675619"},
		{1.0 / 3, "7852508b1a9248fb82ab5dd11f5d08f36b16ff51288bda17f55c61ea4a878f09"},
		{"hello", "cd1ba9b9d9fae7c1e56ddf6aa2947ad2e0b83b96bd91dd4b67fc560e83589bad"},
		{"é", "f65679463fd95c5f5abf8cc168c5b0ee7801e59419092687a77811ce2fa5295e"},
		{"日本", "85f0fff9c5ff265ab7a51026427721f61448427fd2f59200e8a44f9543169f97"},
		{[]any{}, "a8ea28e4d52d34cdb5899a7d172856e378d786898fd92d0af8659a25bbee7098"},
		{[]int{1, 2, 3}, "c56908861d1c9afdab9225b5ef8f2f9089b92123c5f5f75d6cfba12de7532867"},
		{[]float64{1, 2.5}, "c8268e2a7f63792ac6a17369bc9cb14c96a53ec2e1f0a0e1abaa8e79f1d4f4b5"},
		{[]string{"a", "b"}, "3367b97beae48a9dca4a5718a3d059e97f482a50f03dc93cb95541cd60a8cf65"},
		{[]string{"it's"}, "031d2bb853fdbce3697e62bcb945464e07823eecc94c6e14de5e8f5957128ed9"},
		{[]string{`say "hi"`}, "2761ae5f2d46604979a1fd7cdeb234954776cbd9778a727f7c26f7a5995c3ee6"},
		{[]string{`both ' and "`}, "ee67fd40589c8eadae7fd82ffef949c9131b02b271db903cec0fb9e0061592a0"},
		{[]string{"line\nbreak\ttab\\"}, "51968a5ff2b8ca232d1fc6253b42983e83b62e43588ecb79a29d38ecb71db24c"},
		{[]string{"\x00\x1f\x7f\u0080\u00a0\u00ad\u200b\u2028\ue000\uffff"}, "8bac4be65b0ef41db05f27768865aa229a9575956f43f7450e5d6011e95b0162"},
		{[]any{nil, true, false}, "79b9de714b64466f7074ec403dd4bfe4cfc18ba4fcf5bb77e441ed4221d957ef"},
		{[]any{[]any{1}, []any{2, []any{3}}}, "2dedd2ad4660578fd1e68eb58387246bdbb5a004de281ea41f2f4f9735b72000"},
		{map[string]any{}, "bdfd5a6c747ed5e6963881b227efb94f9438370bc4acd2301fb56b1f8aa5bc2a"},
		{map[string]any{"a": "x", "b": []any{1, 2.0, nil}}, "118e5138ca15cf3aefdc931fa3b08f783486946d68c4c2cf83209b5b18b4700d"},
		{map[int]string{1: "one"}, "d822ed75b79e7c24bf2ac46bd43599dbb13fd0c682bd3c9f3e15311447570348"},
		{synapse.Tuple[int]{1}, "6809a6dea86d8bc43dec1d6607eb7bf76a2c2f002fcf00b72a8631f4fac7e832"},
		{synapse.Tuple[int]{1, 2}, "8ca2dbfb00242945733443e0cf04a072b8c20d080264f89082bc9bd86d614ca6"},
	} {
		if got := hashOf(t, &Anything{V: c.v}); got != c.want {
			t.Errorf("%#v: %s, want %s", c.v, got, c.want)
		}
	}
}

type abd struct {
	synapse.Synapse
	A int      `synapse:"hash"`
	B int      `synapse:"hash"`
	D []string `synapse:"hash"`
}

type abdOptional struct {
	synapse.Synapse
	A int                        `synapse:"hash"`
	B int                        `synapse:"hash"`
	D synapse.Optional[[]string] `synapse:"hash"`
}

func TestConformance019SeveralFields(t *testing.T) {
	t.Parallel()
	prompting := synapse.New[Prompting]()
	prompting.Roles = []string{"system", "user"}
	prompting.Messages = []string{"You're a bot", "Say \"hi\"\nplease – thanks"}
	prompting.Meta.Set("k", []any{1, 2.5, nil, true})
	prompting.Meta.Set("é", "ü")
	tensor, err := synapse.NewTensor([]float32{1, 2})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		m    synapse.Message
		want string
	}{
		{&abd{A: 1, B: 2, D: []string{"foobar"}}, "ae06397d08f30f75c91395c59f05c62ac3b62b88250eb78b109213258e6ced0c"},
		{synapse.New[HashOrder](), "05f03bc49e874d7165eee2581e1805bd13b3fdea5eb285054770d50280fd8f76"},
		{&abdOptional{A: 1, B: 2}, "74206c06daa8ed9ff696af797404a312e5bedd91964b7d281535790495fac371"},
		{&dummy{Input: 41, Note: "é"}, "3ee5dc4888e2918e58f285608cdad0f604da85fa389a82869f0fc879082aaa98"},
		{prompting, "d8c7a99c59fb40fffa6f9c95b9904ed3429461dd578d1746507878632333749d"},
		{&WithTensor{T: synapse.Some(tensor)}, "31b8d32965a35173cc32526ea430a640cdcfaa870097dd25bd7ebab0869707b5"},
	} {
		if got := hashOf(t, c.m); got != c.want {
			t.Errorf("%T: %s, want %s", c.m, got, c.want)
		}
	}
}

func TestFieldNames(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		m                synapse.Message
		required, hashed []string
	}{
		{new(Prompting), []string{"roles", "messages"}, []string{"roles", "messages", "temperature", "meta"}},
		{new(HashOrder), []string{}, []string{"d", "b", "a"}},
		{new(synapse.Synapse), []string{}, []string{}},
	} {
		required, err := synapse.RequiredFields(c.m)
		if diff := cmp.Diff(c.required, required); err != nil || diff != "" {
			t.Errorf("%T: required %s, %v", c.m, diff, err)
		}
		hashed, err := synapse.RequiredHashFields(c.m)
		if diff := cmp.Diff(c.hashed, hashed); err != nil || diff != "" {
			t.Errorf("%T: hashed %s, %v", c.m, diff, err)
		}
	}
}

func TestConformance020NoHashFields(t *testing.T) {
	t.Parallel()
	if got := hashOf(t, new(Empty)); got != synapse.EmptyBodyHash {
		t.Error(got)
	}
	if got, err := synapse.DecodeHashed([]byte(`{}`), new(Empty)); err != nil || got != synapse.EmptyBodyHash {
		t.Errorf("%s, %v", got, err)
	}
}

func textOf(t *testing.T, v any) string {
	t.Helper()
	text, err := synapse.FieldText(&Anything{V: v}, "v")
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestConformance021FloatText(t *testing.T) {
	t.Parallel()
	for text, f := range map[string]float64{
		"1e+16": 1e16, "1000000000000000.0": 1e15, "1e-05": 1e-5, "0.0001": 1e-4, "9999999999999998.0": 9999999999999998, "1e+100": 1e100,
	} {
		if got := textOf(t, f); got != text {
			t.Errorf("%v is %s, want %s", f, got, text)
		}
	}
	if got := textOf(t, math.Copysign(0, -1)); got != "-0.0" {
		t.Error(got)
	}
}

func TestConformance022Repr(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"it's":                   `["it's"]`,
		`say "hi"`:               `['say "hi"']`,
		`both ' and "`:           `['both \' and "']`,
		"line\nbreak\ttab\\":     `['line\nbreak\ttab\\']`,
		"\x00\x1f\u007f\u0080":   `['\x00\x1f\x7f\x80']`,
		"\u00a0\u00ad\u200b":     `['\xa0\xad\u200b']`,
		"\u2028\ue000\uffff":     `['\u2028\ue000\uffff']`,
		"\U000e0001\U0010ffff é": `['\U000e0001\U0010ffff é']`,
	} {
		if got := textOf(t, []string{in}); got != want {
			t.Errorf("%q: %s, want %s", in, got, want)
		}
	}
}

func TestConformance023UntypedNumbers(t *testing.T) {
	t.Parallel()
	hash := func(m synapse.Message, field, value string) string {
		t.Helper()
		hash, err := synapse.DecodeHashed([]byte(`{"`+field+`": `+value+`}`), m)
		if err != nil {
			t.Fatal(err)
		}
		return hash
	}
	if hash(new(Anything), "v", "1") == hash(new(Anything), "v", "1.0") {
		t.Error("untyped 1 and 1.0 hash the same")
	}
	if hash(new(Floats), "x", "1") != hash(new(Floats), "x", "1.0") {
		t.Error("1 and 1.0 in a float field hash differently")
	}
	if hash(new(Anything), "v", "-0") != hash(new(Anything), "v", "0") || hash(new(Anything), "v", "-0.0") == hash(new(Anything), "v", "0.0") {
		t.Error("minus zero")
	}
}

type goMaps struct {
	synapse.Synapse
	D map[string]any   `synapse:"hash"`
	N map[int]string   `synapse:"hash"`
	M map[string]Inner `synapse:"hash"`
}

func TestConformance024KeyOrder(t *testing.T) {
	t.Parallel()
	body := func(d string) []byte { return []byte(`{"d": ` + d + `, "n": {}, "m": {}}`) }
	ordered := new(Dicts)
	byMap := new(goMaps)
	for _, d := range []string{`{"z": 1, "a": 2, "m": 3}`, `{"a": 2, "m": 3, "z": 1}`, `{"z": 0, "a": 2, "m": 3, "z": 1}`} {
		a, err := synapse.DecodeHashed([]byte(`{"d": `+d+`}`), ordered)
		if err != nil {
			t.Fatal(err)
		}
		text, err := synapse.FieldText(ordered, "d")
		if err != nil {
			t.Fatal(err)
		}
		inOrder := strings.HasPrefix(d, `{"z"`)
		if want := "{'z': 1, 'a': 2, 'm': 3}"; (text == want) != inOrder {
			t.Errorf("%s is %s", d, text)
		}
		if again := hashOf(t, ordered); again != a {
			t.Errorf("%s: hashes %s and %s", d, a, again)
		}
		// A Go map forgets the order, but the hash of the body does not.
		b, err := synapse.DecodeHashed(body(d), byMap)
		if err != nil {
			t.Fatal(err)
		}
		if (b == hashOf(t, byMap)) == inOrder {
			t.Errorf("%s: the hash of the body has the order of a sorted map", d)
		}
	}
	if _, err := synapse.DecodeHashed([]byte(`{"n": {"1": "a", "01": "b"}, "m": {"k": {"id": "7"}}}`), byMap); err != nil || len(byMap.N) != 1 || byMap.M["k"].ID != 7 {
		t.Errorf("%+v, %v", byMap, err)
	}
}

func TestConformance025Message(t *testing.T) {
	t.Parallel()
	m := new(dummy)
	if err := synapse.FromHeaders(parseLines(workedHeaders), m); err != nil {
		t.Fatal(err)
	}
	const want = "1700000000000000000.5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY.5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty.5ecbd69c-1cec-11ee-b0dc-e29ce36fec1a.3ee5dc4888e2918e58f285608cdad0f604da85fa389a82869f0fc879082aaa98"
	if got := synapse.RequestMessage(m.Dendrite, bob, m.ComputedBodyHash()); string(got) != want {
		t.Errorf("got %s", got)
	}
	axon := synapse.TerminalInfo{Nonce: synapse.Some[int64](1700000000123456789), Hotkey: synapse.Some(bob), UUID: synapse.Some("c0ffee00-1cec-11ee-b0dc-e29ce36fec1a")}
	const reply = "1700000000123456789.5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY.5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty.c0ffee00-1cec-11ee-b0dc-e29ce36fec1a"
	if got := synapse.ResponseMessage(axon, m.Dendrite); string(got) != reply {
		t.Errorf("got %s", got)
	}
}

func TestConformance026Signature(t *testing.T) {
	t.Parallel()
	key, err := wallet.FromURI("//Alice")
	if err != nil {
		t.Fatal(err)
	}
	var signer synapse.Signer = key
	var verifier synapse.Verifier = wallet.Sr25519
	message := synapse.RequestMessage(synapse.TerminalInfo{Hotkey: synapse.Some(signer.Address())}, bob, synapse.Some(synapse.EmptyBodyHash))
	text := synapse.FormatSignature(signer.Sign(message))
	if len(text) != 130 || strings.ToLower(text) != text || !strings.HasPrefix(text, "0x") {
		t.Errorf("signature %s", text)
	}
	signature, err := synapse.ParseSignature(text)
	if err != nil || !verifier.Verify(key.PublicKey(), message, signature) {
		t.Errorf("the signature does not verify: %v", err)
	}
	// Signed by the Python SDK.
	for _, c := range vectors().Requests {
		signature, err := synapse.ParseSignature(value(c.Headers, "bt_header_dendrite_signature"))
		if err != nil || !verifier.Verify(key.PublicKey(), []byte(c.Message), signature) {
			t.Errorf("%s: the signature of the SDK does not verify: %v", c.Name, err)
		}
	}
}

func TestParseSignatureErrors(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                                "Invalid signature format. Expected hex string.",
		"00":                              "Invalid signature format. Expected hex string.",
		"0x":                              "Invalid SR25519 signature.",
		"0xzz":                            "Invalid hex string: InvalidHexCharacter { c: 'z', index: 0 }",
		"0x0é":                            "Invalid hex string: OddLength",
		"0x" + strings.Repeat("ab", 63):   "Invalid SR25519 signature.",
		"0x" + strings.Repeat("0g", 64):   "Invalid hex string: InvalidHexCharacter { c: 'g', index: 1 }",
		"0x0x" + strings.Repeat("00", 63): "Invalid hex string: InvalidHexCharacter { c: 'x', index: 1 }",
	} {
		if _, err := synapse.ParseSignature(text); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}
