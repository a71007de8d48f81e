package synapse_test

import (
	"strings"
	"testing"

	"github.com/bittensor-pylon/pylon/synapse"
)

func benchBody(b *testing.B, m synapse.Message) []byte {
	b.Helper()
	body, err := synapse.AppendRequest(nil, m)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	return body
}

func BenchmarkDecodeHashed(b *testing.B) {
	body := benchBody(b, full())
	m := new(Prompting)
	for b.Loop() {
		if _, err := synapse.DecodeHashed(body, m); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkBodyHash(b *testing.B) {
	m := full()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := synapse.BodyHash(m); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppendRequest(b *testing.B) {
	m := full()
	buffer := benchBody(b, m)
	for b.Loop() {
		var err error
		if buffer, err = synapse.AppendRequest(buffer[:0], m); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkToHeaders(b *testing.B) {
	m := full()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := synapse.ToHeaders(m); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkFromHTTP(b *testing.B) {
	headers := map[string][]string{}
	for _, h := range parseLines(workedHeaders) {
		headers[strings.ToUpper(h.Name[:1])+h.Name[1:]] = []string{h.Value}
	}
	m := new(dummy)
	b.ReportAllocs()
	for b.Loop() {
		if err := synapse.FromHTTP(headers, m); err != nil {
			b.Fatal(err)
		}
	}
}

// The path of a tensor of a mebibyte through a message.
func BenchmarkTensor(b *testing.B) {
	values := make([]float32, 1<<18)
	for i := range values {
		values[i] = float32(i)
	}
	tensor, err := synapse.NewTensor(values)
	if err != nil {
		b.Fatal(err)
	}
	type carrier struct {
		synapse.Synapse
		T synapse.Optional[synapse.Tensor]
	}
	m := &carrier{T: synapse.Some(tensor)}
	body := benchBody(b, m)
	b.Run("decode", func(b *testing.B) {
		b.SetBytes(int64(len(body)))
		for b.Loop() {
			if err := synapse.Decode(body, m); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("encode", func(b *testing.B) {
		b.SetBytes(int64(len(body)))
		for b.Loop() {
			if body, err = synapse.AppendResponse(body[:0], m); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("values", func(b *testing.B) {
		b.SetBytes(4 << 18)
		for b.Loop() {
			if _, _, err := synapse.Values[float32](tensor); err != nil {
				b.Fatal(err)
			}
		}
	})
}
