package synapse_test

import (
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/bittensor-pylon/pylon/synapse"
)

// Whatever a body says, reading it does not panic, and what was read hashes as
// the text did and survives being written and read again.
func FuzzBody(f *testing.F) {
	for _, c := range vectors().Cases {
		if c.RequestBody.OK != nil {
			f.Add([]byte(*c.RequestBody.OK))
		}
	}
	for _, seed := range []string{
		`{"any": [1, 1.0, "x", null, true, {"b":1,"a":2,"b":3}], "dict": {"1": [], "01": ["x"]}}`,
		`{"model": {"inner": {"id": "1"}, "many": [{"id": 1e0}]}, "pair": [0, 1], "tuple": [1, -0]}`,
		`{"tensors": [{"buffer": null, "dtype": "float32", "shape": "[2, -1]"}]}`,
		`{"when": "2024-01-02T03:04:05.5", "single": 1e40, "any": -Infinity, "text": "\ud83d\ude00"}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		m := new(kinds)
		hash, err := synapse.DecodeHashed(body, m)
		if err != nil {
			return
		}
		sameInExchange(t, body, m, hash)
		// A single-precision float is written as what it is, not as it came.
		again, err := synapse.BodyHash(m)
		if err != nil {
			t.Fatal(err)
		}
		if len(m.Map) < 2 && again != hash {
			t.Fatalf("hash of the message %s, of the body %s", again, hash)
		}
		m.When = m.When.UTC()
		answer, err := synapse.AppendResponse(nil, m)
		if err != nil {
			return // an infinity
		}
		if !json.Valid(answer) {
			t.Fatalf("not JSON: %s", answer)
		}
		back := new(kinds)
		if err := synapse.Decode(answer, back); err != nil {
			t.Fatalf("%s: %v", answer, err)
		}
		if third, err := synapse.BodyHash(back); err != nil || third != again {
			t.Fatalf("%s: hash %s, %v, was %s", answer, third, err, again)
		}
		if _, err := synapse.ToHeaders(m); err != nil {
			t.Fatal(err)
		}
	})
}

// sameInExchange checks that an Exchange reads a body and writes headers as the
// functions do of which it saves the work, also when the head has all the texts
// of the body.
func sameInExchange(t *testing.T, body []byte, m *kinds, hash string) {
	t.Helper()
	for _, head := range []synapse.Message{nil, new(kinds), m} {
		x := synapse.NewExchange(head)
		got := new(kinds)
		gotHash, err := x.Decode(body, got)
		if err != nil || gotHash != hash || got.ComputedBodyHash() != m.ComputedBodyHash() {
			t.Fatalf("hash %s, %v, want %s", gotHash, err, hash)
		}
		like := *m
		for range 2 {
			a, aErr := synapse.AppendRequest(nil, &like)
			b, bErr := synapse.AppendRequest(nil, got)
			if string(a) != string(b) || (aErr == nil) != (bErr == nil) {
				t.Fatalf("%s %v, want %s %v", b, bErr, a, aErr)
			}
			want, wantErr := synapse.ToHeaders(got)
			headers, err := x.AppendHeaders(nil, got)
			if (err == nil) != (wantErr == nil) || !slices.Equal(headers, want) {
				t.Fatalf("%v %v, want %v %v", headers, err, want, wantErr)
			}
			like.Text += "'"
			got.Text += "'"
		}
		x.Release()
	}
}

// Both ways to read headers agree where their rules are the same.
func FuzzHeaders(f *testing.F) {
	for _, c := range vectors().ParseHeaders {
		var lines []string
		for _, p := range c.Headers {
			lines = append(lines, p[0]+": "+p[1])
		}
		f.Add(strings.Join(lines, "\n"))
	}
	f.Add(workedHeaders)
	f.Fuzz(func(t *testing.T, text string) {
		headers := parseLines(text)
		listed, mapped := new(Ints), new(Ints)
		err := synapse.FromHeaders(headers, listed)

		byName := map[string][]string{}
		for _, h := range headers {
			name := strings.ToLower(h.Name)
			if name != h.Name || strings.Count(name, "bt_header") > 1 || strings.Contains(name, "bt_header") && !strings.HasPrefix(name, "bt_header") {
				return // read by one of the two only
			}
			if name == "" {
				continue
			}
			name = strings.ToUpper(name[:1]) + name[1:]
			if _, twice := byName[name]; twice {
				return
			}
			byName[name] = []string{h.Value}
		}
		mappedErr := synapse.FromHTTP(byName, mapped)
		if (err == nil) != (mappedErr == nil) {
			t.Fatalf("%v, but %v", err, mappedErr)
		}
		if err != nil {
			return
		}
		a, err := synapse.ToHeaders(listed)
		if err != nil {
			t.Fatal(err)
		}
		b, err := synapse.ToHeaders(mapped)
		if err != nil || !slices.Equal(a, b) {
			t.Fatalf("%v\n%v, %v", a, b, err)
		}
	})
}

func FuzzTensor(f *testing.F) {
	for _, c := range vectors().Tensor.Encode {
		raw, err := base64.StdEncoding.DecodeString(c.Buffer)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw, c.DType, c.Shape[0])
	}
	f.Fuzz(func(t *testing.T, raw []byte, dtype string, size int64) {
		in, err := synapse.RawTensor(synapse.Some(base64.StdEncoding.EncodeToString(raw)), dtype, size)
		if err != nil {
			return
		}
		values, shape, err := synapse.Values[int64](in)
		if err != nil {
			return
		}
		if len(values) > len(raw) {
			t.Fatalf("%d values from %d bytes", len(values), len(raw))
		}
		product := 1
		for _, n := range shape {
			product *= n
		}
		if product != len(values) {
			t.Fatalf("shape %v of %d values", shape, len(values))
		}
	})
}

// The text of a signature.
func FuzzSignature(f *testing.F) {
	f.Add("0x" + strings.Repeat("ab", 64))
	f.Add("0X00")
	f.Fuzz(func(t *testing.T, text string) {
		signature, err := synapse.ParseSignature(text)
		if err == nil && synapse.FormatSignature(signature) != strings.ToLower(text) {
			t.Fatalf("%q", text)
		}
	})
}
