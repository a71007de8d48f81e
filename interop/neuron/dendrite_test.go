//go:build interop

package neuron

import (
	"bytes"
	"errors"
	"io"
	"math/big"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bittensor-pylon/pylon/dendrite"
	"github.com/bittensor-pylon/pylon/internal/proctest"
	"github.com/bittensor-pylon/pylon/synapse"
	"github.com/bittensor-pylon/pylon/wallet"
)

func key(t *testing.T, uri string) *wallet.Keypair {
	t.Helper()
	k, err := wallet.FromURI(uri)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func newDendrite(t *testing.T, c dendrite.Config) *dendrite.Dendrite {
	t.Helper()
	c.Signer = key(t, "//Alice")
	d, err := dendrite.New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	return d
}

// meddler changes requests on their way, or leaves them alone when it is nil.
type meddler func(*http.Request)

func (m meddler) RoundTrip(r *http.Request) (*http.Response, error) {
	if m != nil {
		m(r)
	}
	return http.DefaultTransport.RoundTrip(r)
}

// Our dendrite calls the axons of the SDK.
func TestDendriteCallsPythonAxon(t *testing.T) {
	binary := buildPylon(t)
	for _, version := range versions {
		t.Run(version, func(t *testing.T) {
			port := proctest.FreePort(t)
			_, hotkey := run(t, version, "serve.py", itoa(port))
			target := synapse.AxonInfo{IP: "127.0.0.1", Port: port, IPType: 4, Hotkey: hotkey}
			d := newDendrite(t, dendrite.Config{ExternalIP: "198.51.100.7"})
			testValues(t, d, target)
			testTensors(t, d, target)
			testHooks(t, d, target)
			testSignatures(t, target, version)
			testStream(t, d, target)
			testDendriteCommand(t, binary, target)
		})
	}
}

func itoa(n int) string { return big.NewInt(int64(n)).String() }

func testValues(t *testing.T, d *dendrite.Dendrite, target synapse.AxonInfo) {
	t.Helper()
	ping, err := dendrite.Call(t.Context(), d, target, new(synapse.Synapse))
	if err != nil || !ping.IsSuccess() || ping.Axon.ProcessTime.Value <= 0 || ping.Dendrite.UUID != synapse.Some(d.UUID()) {
		t.Errorf("ping: %+v, %v", ping, err)
	}

	wide, _ := new(big.Int).SetString("-123456789012345678901234567890", 10)
	for _, m := range []*Numbers{
		{A: 41, B: 1, Big: big.NewInt(0)},
		{A: -7, B: 1e16, Flag: true, C: new(9), Big: wide, Floats: []float64{1, 2.5, 1e-05, 1e22, -0.5, 5e-324, 1.7976931348623157e308}},
		{A: 1 << 62, B: 0.1, Big: big.NewInt(-1), Floats: []float64{}},
	} {
		want := seen(t, m, "a", "b", "flag", "c", "big", "floats")
		got, err := dendrite.Call(t.Context(), d, target, m)
		if err != nil || got.Seen != want || got.C == nil || *got.C != m.A+1 || got.Big.Cmp(m.Big) != 0 {
			t.Errorf("numbers: saw %s, want %s, %v", got.Seen, want, err)
		}
	}

	for _, text := range []string{"", "it's", `say "hi"`, `both ' and "`, "line\nbreak\ttab\\ cr\r", "\x00\x1b\u007f", "é 日本 😀", "\u200b\u2028\u00a0\u00ad", "</script>&amp;", "\U000e0001"} {
		m := &Texts{S: text, Strs: []string{text, "x" + text, text}}
		want := seen(t, m, "s", "strs")
		got, err := dendrite.Call(t.Context(), d, target, m)
		if err != nil || got.Seen != want || got.S != text || !slices.Equal(got.Strs, []string{text, "x" + text, text}) {
			t.Errorf("text %q: saw %s, want %s, %v", text, got.Seen, want, err)
		}
	}

	c := &Containers{Pair: synapse.Tuple[int]{1, 2}}
	c.D.Set("z", int64(1))
	c.D.Set("a", []any{1.0, nil, true, "it's"})
	var inner synapse.Object
	inner.Set("é", "ü")
	inner.Set("b", 1e16)
	c.D.Set("deep", inner)
	c.ByInt.Set(2, "two")
	c.ByInt.Set(-1, "minus")
	c.Anything = []any{int64(1), 1.0, "1", nil, inner, []any{[]any{}}}
	want := seen(t, c, "d", "by_int", "pair", "anything")
	got, err := dendrite.Call(t.Context(), d, target, c)
	if err != nil || got.Seen != want {
		t.Errorf("containers: saw %s, want %s, %v", got.Seen, want, err)
	}
	if back := seen(t, got, "d", "by_int", "pair", "anything"); back != want {
		t.Errorf("containers came back as %s, want %s", back, want)
	}

	m := &Models{One: &Inner{ID: 5, Label: "it's", Score: new(1e16)}, Many: []Inner{{ID: 1, Label: "x"}, {ID: 2, Label: "é", Score: new(0.5)}}}
	want = seen(t, m, "one", "many")
	models, err := dendrite.Call(t.Context(), d, target, m)
	if err != nil || models.Seen != want || len(models.Many) != 1 || models.Many[0].ID != 7 || *models.Many[0].Score != 1e16 || models.One.Label != "it's" {
		t.Errorf("models: saw %s, want %s, %v", models.Seen, want, err)
	}
	none, err := dendrite.Call(t.Context(), d, target, new(Models))
	if err != nil || none.Seen != "None;[]" || none.One != nil {
		t.Errorf("models: saw %s, %v", none.Seen, err)
	}
}

// seen is Python's text of fields.
func seen(t *testing.T, m synapse.Message, fields ...string) string {
	t.Helper()
	var texts []string
	for _, f := range fields {
		text, err := synapse.FieldText(m, f)
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, text)
	}
	return strings.Join(texts, ";")
}

func testTensors(t *testing.T, d *dendrite.Dendrite, target synapse.AxonInfo) {
	t.Helper()
	for _, c := range []struct {
		tensor synapse.Tensor
		seen   string
		want   []float64
	}{
		{tensor(t, []float32{1, 2, 3, 4}, 2, 2), "float32;[2, 2];[[1.0, 2.0], [3.0, 4.0]]", []float64{2, 4, 6, 8}},
		{tensor(t, []float64{0.5, -1.5}), "float64;[2];[0.5, -1.5]", []float64{1, -3}},
		{tensor(t, []int64{1, -2}), "int64;[2];[1, -2]", []float64{2, -4}},
		{tensor(t, []int32{7}, 1, 1, 1), "int32;[1, 1, 1];[[[7]]]", []float64{14}},
		{tensor(t, []int16{-3, 300}), "int16;[2];[-3, 300]", []float64{-6, 600}},
		{tensor(t, []int8{5}), "int8;[1];[5]", []float64{10}},
		{tensor(t, []uint8{100}), "uint8;[1];[100]", []float64{200}},
		{tensor(t, []bool{true, false}), "bool;[2];[True, False]", []float64{0, 1}},
		{tensor(t, []synapse.Float16{synapse.NewFloat16(0.5)}), "float16;[1];[0.5]", []float64{1}},
		{tensor(t, []float32{}), "float32;[0];[]", []float64{}},
	} {
		got, err := dendrite.Call(t.Context(), d, target, &Tensors{T: synapse.Some(c.tensor)})
		if err != nil || got.Seen != c.seen || !got.Doubled.Present {
			t.Errorf("tensor: saw %s, want %s, %v", got.Seen, c.seen, err)
			continue
		}
		values, shape, err := synapse.Values[float64](got.Doubled.Value)
		if err != nil || !slices.Equal(values, c.want) || got.Doubled.Value.DType() != c.tensor.DType() {
			t.Errorf("doubled %s %v %v, %v", got.Doubled.Value.DType(), values, shape, err)
		}
	}
}

func tensor[T synapse.Element](t *testing.T, values []T, shape ...int) synapse.Tensor {
	t.Helper()
	out, err := synapse.NewTensor(values, shape...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func testHooks(t *testing.T, d *dendrite.Dendrite, target synapse.AxonInfo) {
	t.Helper()
	refused, err := dendrite.Call(t.Context(), d, target, new(Refused))
	if err == nil || !refused.IsBlacklist() || refused.Dendrite.StatusMessage.Or("") != "Forbidden. Key is blacklisted: no stake." || !refused.Axon.Signature.Present {
		t.Errorf("blacklist: %+v, %v", refused, err)
	}
	guarded, err := dendrite.Call(t.Context(), d, target, new(Guarded))
	if err != nil || guarded.Seen != "in" {
		t.Errorf("custom verify: %+v, %v", guarded, err)
	}
	stranger, err := dendrite.New(dendrite.Config{Signer: key(t, "//Eve")})
	if err != nil {
		t.Fatal(err)
	}
	defer stranger.Close()
	guarded, err = dendrite.Call(t.Context(), stranger, target, new(Guarded))
	if err == nil || !guarded.FailedVerification() || guarded.Dendrite.StatusMessage.Or("") != "Not Verified with error: you are not Alice" {
		t.Errorf("custom verify: %+v, %v", guarded, err)
	}
	prioritized, err := dendrite.Call(t.Context(), d, target, new(Prioritized))
	if err != nil || prioritized.Seen != "served" {
		t.Errorf("priority: %+v, %v", prioritized, err)
	}
	prioritized, err = dendrite.Call(t.Context(), d, target, new(Prioritized), dendrite.Options{Timeout: 3 * time.Second})
	if err == nil || !prioritized.IsTimeout() || prioritized.Dendrite.StatusMessage.Or("") != "Response timeout after: 3.0s" {
		t.Errorf("priority: %+v, %v", prioritized, err)
	}
	unknown, err := dendrite.Call(t.Context(), d, target, new(Unattached))
	if err == nil || unknown.Dendrite.StatusCode != synapse.Some(404) || !strings.HasPrefix(unknown.Dendrite.StatusMessage.Or(""), "Synapse name 'Unattached' not found.") {
		t.Errorf("unknown: %+v, %v", unknown, err)
	}
	failed, err := dendrite.Call(t.Context(), d, target, &Hooked{How: "raise"})
	if err == nil || failed.Dendrite.StatusCode != synapse.Some(500) || !strings.HasPrefix(failed.Dendrite.StatusMessage.Or(""), "Internal Server Error #") {
		t.Errorf("raise: %+v, %v", failed, err)
	}
	status, err := dendrite.Call(t.Context(), d, target, &Hooked{How: "status"})
	if err == nil || status.Dendrite.StatusCode != synapse.Some(404) || status.Dendrite.StatusMessage != synapse.Some("nothing there") || status.Seen != "" {
		t.Errorf("status: %+v, %v", status, err)
	}
	conflict, err := dendrite.Call(t.Context(), d, target, &Hooked{How: "conflict"})
	if err == nil || conflict.Dendrite.StatusCode != synapse.Some(409) || conflict.Dendrite.StatusMessage != synapse.Some("Conflicting request") {
		t.Errorf("conflict: %+v, %v", conflict, err)
	}
	began := time.Now()
	slow, err := dendrite.Call(t.Context(), d, target, &Hooked{How: "slow"}, dendrite.Options{Timeout: time.Second})
	if err == nil || !slow.IsTimeout() || slow.Dendrite.StatusMessage.Or("") != "Request timeout after 1.0 seconds" || time.Since(began) > 15*time.Second {
		t.Errorf("slow: %+v, %v", slow, err)
	}
}

// forger says that it is somebody, and signs as somebody else.
type forger struct {
	synapse.Signer
	address string
}

func (f forger) Address() string { return f.address }

func testSignatures(t *testing.T, target synapse.AxonInfo, version string) {
	t.Helper()
	refused := func(what string, c dendrite.Config, m meddler, says string) {
		t.Helper()
		c.Transport = m
		if c.Signer == nil {
			c.Signer = key(t, "//Alice")
		}
		d, err := dendrite.New(c)
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		got, err := dendrite.Call(t.Context(), d, target, &Hooked{How: "ok"})
		if err == nil || !got.FailedVerification() || !strings.HasPrefix(got.Dendrite.StatusMessage.Or(""), "Not Verified with error: "+says) || got.Seen != "" {
			t.Errorf("%s: %+v, %v", what, got, err)
		}
	}
	refused("wrong signature", dendrite.Config{Signer: forger{key(t, "//Eve"), key(t, "//Alice").Address()}}, nil, "Signature mismatch with ")
	refused("no hexadecimal", dendrite.Config{}, func(r *http.Request) { r.Header["bt_header_dendrite_signature"] = []string{"0xzz"} }, "Invalid hex string: ")
	refused("no nonce", dendrite.Config{}, func(r *http.Request) { delete(r.Header, "bt_header_dendrite_nonce") }, "Missing Nonce")
	past := func() time.Time { return time.Now().Add(-2 * time.Hour) }
	refused("two hours ago", dendrite.Config{Now: past}, nil, "Nonce is too old: acceptable delta is 16.00 seconds but request was 7200.")
	unsigned := func(r *http.Request) { delete(r.Header, "bt_header_dendrite_signature") }
	switch version {
	case "10.5.0":
		refused("no signature", dendrite.Config{}, unsigned, "Missing Signature")
	case "8.5.2":
		refused("no signature", dendrite.Config{}, unsigned, "Unsupported signature format.")
	default: // 9.3.0 to 10.4.1 take it
	}
	call := func(m meddler, target synapse.AxonInfo) (*Hooked, error) {
		return dendrite.Call(t.Context(), newDendrite(t, dendrite.Config{Transport: m}), target, &Hooked{How: "ok"})
	}
	if got, err := call(nil, target); err != nil || got.Seen != "ok" {
		t.Errorf("nothing wrong: %+v, %v", got, err)
	}
	another := target
	another.Hotkey = key(t, "//Eve").Address()
	if got, err := call(nil, another); err == nil || !got.FailedVerification() || !strings.Contains(got.Dendrite.StatusMessage.Or(""), "Signature mismatch with") {
		t.Errorf("signed for another: %+v, %v", got, err)
	}
	got, err := call(func(r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		body = bytes.Replace(body, []byte(`"how": "ok"`), []byte(`"how": "no"`), 1)
		r.Body = io.NopCloser(bytes.NewReader(body))
	}, target)
	if err == nil || got.Dendrite.StatusCode != synapse.Some(500) || got.Seen != "" {
		t.Errorf("tampered body: %+v, %v", got, err)
	}

	// A message that was taken, once more.
	var header http.Header
	var body []byte
	replaying := false
	d := newDendrite(t, dendrite.Config{Transport: meddler(func(r *http.Request) {
		if replaying {
			r.Header, r.Body = header, io.NopCloser(bytes.NewReader(body))
			return
		}
		header = r.Header.Clone()
		body, err = io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
	})})
	if got, err := dendrite.Call(t.Context(), d, target, &Hooked{How: "ok"}); err != nil {
		t.Errorf("first: %+v, %v", got, err)
	}
	replaying = true
	got, err = dendrite.Call(t.Context(), d, target, &Hooked{How: "ok"})
	if err == nil || !got.FailedVerification() || got.Dendrite.StatusMessage.Or("") != "Not Verified with error: Nonce is too old, a newer one was last processed" {
		t.Errorf("replay: %+v, %v", got, err)
	}
}

func testStream(t *testing.T, d *dendrite.Dendrite, target synapse.AxonInfo) {
	t.Helper()
	const prompt = "one two three é"
	var text strings.Builder
	var answer *Streamed
	for item := range dendrite.Stream(t.Context(), d, target, &Streamed{Prompt: prompt}) {
		text.Write(item.Piece)
		if item.Answer != nil {
			answer = item.Answer
			if item.Err != nil {
				t.Errorf("stream: %v", item.Err)
			}
		}
	}
	if text.String() != prompt+" " || answer == nil || answer.Text != text.String() || !answer.IsSuccess() {
		t.Errorf("stream: %q, %+v", text.String(), answer)
	}
	refused := target
	refused.Hotkey = key(t, "//Eve").Address()
	for item := range dendrite.Stream(t.Context(), d, refused, &Streamed{Prompt: prompt}) {
		var failure *dendrite.Error
		if item.Answer == nil || !item.Answer.FailedVerification() || !errors.As(item.Err, &failure) {
			t.Errorf("refused stream: %+v", item)
		}
	}
}
