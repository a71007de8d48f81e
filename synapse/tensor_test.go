package synapse_test

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/bittensor-pylon/pylon/synapse"
)

// repack decodes a tensor into its own type and encodes the values again.
func repack(t *testing.T, in synapse.Tensor) synapse.Tensor {
	t.Helper()
	switch strings.TrimPrefix(in.DType(), "torch.") {
	case "float16":
		return repackAs[synapse.Float16](t, in)
	case "float32":
		return repackAs[float32](t, in)
	case "float64":
		return repackAs[float64](t, in)
	case "uint8":
		return repackAs[uint8](t, in)
	case "int8":
		return repackAs[int8](t, in)
	case "int16":
		return repackAs[int16](t, in)
	case "int32":
		return repackAs[int32](t, in)
	case "int64":
		return repackAs[int64](t, in)
	case "bool":
		return repackAs[bool](t, in)
	}
	t.Fatalf("dtype %s", in.DType())
	return synapse.Tensor{}
}

func repackAs[T synapse.Element](t *testing.T, in synapse.Tensor) synapse.Tensor {
	t.Helper()
	values, shape, err := synapse.Values[T](in)
	if err != nil {
		t.Fatal(err)
	}
	if len(shape) == 0 {
		return synapse.Scalar(values[0])
	}
	out, err := synapse.NewTensor(values, shape...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestConformance065TensorExamples(t *testing.T) {
	t.Parallel()
	for _, c := range vectors().Tensor.Encode {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			var in synapse.Tensor
			if err := json.Unmarshal([]byte(c.JSON), &in); err != nil {
				t.Fatal(err)
			}
			if in.Buffer() != synapse.Some(c.Buffer) || in.DType() != c.DType || !slices.Equal(in.Shape(), c.Shape) {
				t.Errorf("read %v %s %v", in.Buffer(), in.DType(), in.Shape())
			}
			out := repack(t, in)
			if out.Buffer() != synapse.Some(c.Buffer) {
				t.Errorf("buffer %s, want %s", out.Buffer(), c.Buffer)
			}
			raw, err := base64.StdEncoding.DecodeString(out.Buffer().Value)
			if err != nil || hex.EncodeToString(raw) != c.MsgpackHex {
				t.Errorf("msgpack %x, %v, want %s", raw, err, c.MsgpackHex)
			}
			if !strings.HasSuffix(c.MsgpackHex, c.DataHex) {
				t.Error("the data is not at the end")
			}
			m := synapse.New[WithTensor]()
			m.T = synapse.Some(out)
			if text, err := synapse.FieldText(m, "t"); err != nil || text != c.Str {
				t.Errorf("text %s, %v, want %s", text, err, c.Str)
			}
			body, err := synapse.AppendRequest(nil, m)
			if err != nil || !strings.HasSuffix(string(body), `"t": `+c.JSON+"}") {
				t.Errorf("body %s, %v, want %s", body, err, c.JSON)
			}
			_, shape, err := synapse.Values[float64](out)
			if err != nil || !slices.Equal(shape, c.ArrayShape) {
				t.Errorf("shape %v, %v, want %v", shape, err, c.ArrayShape)
			}
		})
	}
}

func TestConformance067TensorModel(t *testing.T) {
	t.Parallel()
	for _, c := range vectors().Tensor.Decode {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			var in synapse.Tensor
			err := json.Unmarshal(c.Input, &in)
			if c.Error != "" {
				if err == nil {
					t.Fatalf("no error, want %s", c.Error)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			model, err := json.Marshal(in)
			if err != nil || !sameJSON(t, model, c.Model) {
				t.Errorf("model %s, %v, want %s", model, err, c.Model)
			}
			values, shape, err := synapse.Values[float64](in)
			switch {
			case c.Name == "torch dtype name":
				// Python needs torch for this one, we do not.
				if err != nil || !slices.Equal(values, []float64{1, 2}) {
					t.Errorf("values %v, %v", values, err)
				}
				return
			case c.Value.Error != "":
				if err == nil {
					t.Errorf("values %v, want %s", values, c.Value.Error)
				}
				return
			case err != nil:
				t.Fatal(err)
			}
			if !slices.Equal(shape, c.Value.Shape) {
				t.Errorf("shape %v, want %v", shape, c.Value.Shape)
			}
			flat := strings.NewReplacer("[", "", "]", "").Replace(string(c.Value.List))
			var want []float64
			unmarshal(t, []byte("["+flat+"]"), &want)
			if !slices.Equal(values, want) {
				t.Errorf("values %v, want %v", values, want)
			}
		})
	}
}

func tensorOf(t *testing.T, msgpackHex, dtype string, shape ...int64) synapse.Tensor {
	t.Helper()
	raw, err := hex.DecodeString(strings.ReplaceAll(msgpackHex, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	out, err := synapse.RawTensor(synapse.Some(base64.StdEncoding.EncodeToString(raw)), dtype, shape...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestConformance066TensorFraming(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		msgpack string
		shape   []int // nil is an error
	}{
		"scalar":           {"85c4026e64c3c40474797065a33c6638c4046b696e64c400c405736861706590c40464617461c4080000000000000c40", []int{}},
		"empty":            {"85c4026e64c3c40474797065a33c6638c4046b696e64c400c40573686170659100c40464617461c400", []int{0}},
		"without kind":     {"84c4026e64c3c40474797065a33c6638c40573686170659101c40464617461c4080000000000000c40", []int{1}},
		"big-endian":       {"84c4026e64c3c40474797065a33e6638c40573686170659101c40464617461c408400c000000000000", []int{1}},
		"numpy scalar":     {"83c4026e64c2c40474797065a33c6638c40464617461c4080000000000000c40", []int{}},
		"text keys":        {"84a26e64c3a474797065a33c6638a573686170659101a464617461c4080000000000000c40", nil},
		"pickle":           {"85c4026e64c3c40474797065a33c6638c4046b696e64c4014fc40573686170659101c40464617461c4080000000000000c40", nil},
		"too little data":  {"84c4026e64c3c40474797065a33c6638c40573686170659102c40464617461c4080000000000000c40", nil},
		"too much data":    {"84c4026e64c3c40474797065a33c6638c405736861706590c40464617461c41000000000000000000000000000000c40", nil},
		"huge shape":       {"84c4026e64c3c40474797065a33c6638c405736861706594ce7fffffffce7fffffffce7fffffffce7fffffffc40464617461c4080000000000000c40", nil},
		"zero times huge":  {"84c4026e64c3c40474797065a33c6638c40573686170659300ce7fffffffce7fffffffc40464617461c400", []int{0, math.MaxInt32, math.MaxInt32}},
		"complex elements": {"84c4026e64c3c40474797065a33c6338c40573686170659101c40464617461c4080000000000000c40", nil},
		"trailing bytes":   {"84c4026e64c3c40474797065a33c6638c40573686170659101c40464617461c4080000000000000c4000", nil},
		"cut off":          {"84c4026e64c3c40474797065a33c6638c40573686170659101c40464617461c4ff0000000000000c40", nil},
		"nothing":          {"", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			values, shape, err := synapse.Values[float64](tensorOf(t, c.msgpack, "float64", 0))
			if (err == nil) != (c.shape != nil) {
				t.Fatalf("%v %v, %v", values, shape, err)
			}
			if err != nil {
				if !errors.Is(err, synapse.ErrTensorData) {
					t.Errorf("error %v", err)
				}
				return
			}
			if !slices.Equal(shape, c.shape) {
				t.Errorf("shape %v, want %v", shape, c.shape)
			}
			if len(values) == 1 && values[0] != 3.5 {
				t.Errorf("values %v", values)
			}
		})
	}
}

func TestTensorLengthSwitches(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]string{
		300:   "91cd012cc40464617461c504b0",
		20000: "91cd4e20c40464617461c600013880",
		70000: "91ce00011170c40464617461c6000445c0",
	} {
		out, err := synapse.NewTensor(make([]float32, n))
		if err != nil {
			t.Fatal(err)
		}
		raw, err := base64.StdEncoding.DecodeString(out.Buffer().Value)
		if err != nil || !strings.Contains(hex.EncodeToString(raw[:64]), want) {
			t.Errorf("%d elements: %x, %v, want %s", n, raw[:64], err, want)
		}
		if values, _, err := synapse.Values[float32](out); err != nil || len(values) != n {
			t.Errorf("%d values, %v", len(values), err)
		}
	}
}

func TestTensorShapes(t *testing.T) {
	t.Parallel()
	six := []int32{1, 2, 3, 4, 5, 6}
	for _, shape := range [][]int{{5}, {2, 2}, {-1}, {0}, {7, 0, 9}, {math.MaxInt, math.MaxInt}} {
		if _, err := synapse.NewTensor(six, shape...); !errors.Is(err, synapse.ErrShape) {
			t.Errorf("shape %v: error %v", shape, err)
		}
	}
	base, err := synapse.NewTensor(six, 2, 3)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		outer []int64
		want  []int
	}{
		{[]int64{2, 3}, []int{2, 3}},
		{[]int64{3, -1}, []int{3, 2}},
		{[]int64{0}, []int{2, 3}},
		{[]int64{1, 6, 1}, []int{1, 6, 1}},
		{[]int64{-1, -1}, nil},
		{[]int64{4, -1}, nil},
		{[]int64{0, -1}, nil},
		{[]int64{math.MaxInt64, math.MaxInt64}, nil},
	} {
		out, err := synapse.RawTensor(base.Buffer(), "int32", c.outer...)
		if err != nil {
			t.Fatal(err)
		}
		_, shape, err := synapse.Values[int32](out)
		if (err == nil) != (c.want != nil) || !slices.Equal(shape, c.want) {
			t.Errorf("shape %v: %v, %v", c.outer, shape, err)
		}
	}
}

// NumPy converts first to the tensor's own type and then to the one asked for.
func TestTensorConversion(t *testing.T) {
	t.Parallel()
	in, err := synapse.NewTensor([]float64{-1.75, 0, 300.5, math.NaN()})
	if err != nil {
		t.Fatal(err)
	}
	as := func(dtype string) []float64 {
		out, err := synapse.RawTensor(in.Buffer(), dtype, 4)
		if err != nil {
			t.Fatal(err)
		}
		values, _, err := synapse.Values[float64](out)
		if err != nil {
			t.Fatal(err)
		}
		return values
	}
	for dtype, want := range map[string][]float64{
		"int16": {-1, 0, 300, 0},
		"uint8": {255, 0, 44, 0},
		"bool":  {1, 0, 1, 1},
	} {
		if got := as(dtype); !slices.Equal(got, want) {
			t.Errorf("as %s: %v, want %v", dtype, got, want)
		}
	}
	ints, _, err := synapse.Values[int64](in)
	if err != nil || !slices.Equal(ints, []int64{-1, 0, 300, math.MinInt64}) {
		t.Errorf("int64 %v, %v", ints, err)
	}
}

func TestFloat16(t *testing.T) {
	t.Parallel()
	for bits := range 1 << 16 {
		h := synapse.Float16(bits)
		f := h.Float32()
		if f != f { // not a number keeps that
			if back := synapse.NewFloat16(f).Float32(); back == back {
				t.Fatalf("%04x became a number", bits)
			}
			continue
		}
		if back := synapse.NewFloat16(f); back != h {
			t.Fatalf("%04x -> %v -> %04x", bits, f, uint16(back))
		}
		// Between two neighbours the even one wins.
		if next := (h + 1).Float32(); bits&0x7fff < 0x7bff {
			even := h
			if bits&1 == 1 {
				even = h + 1
			}
			if got := synapse.NewFloat16((f + next) / 2); got != even {
				t.Fatalf("half way from %04x: %04x", bits, uint16(got))
			}
		}
	}
	for f, want := range map[float32]synapse.Float16{
		65519: 0x7bff, 65520: 0x7c00, float32(math.Inf(-1)): 0xfc00, 1e-8: 0, 5.96e-8: 1, 2.98023223876953125e-8: 0, 3e-8: 1,
	} {
		if got := synapse.NewFloat16(f); got != want {
			t.Errorf("%v: %04x, want %04x", f, uint16(got), uint16(want))
		}
	}
}

func TestTensorRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOf(rapid.Int64()).Draw(t, "values")
		in, err := synapse.NewTensor(values)
		if err != nil {
			t.Fatal(err)
		}
		out, shape, err := synapse.Values[int64](in)
		if err != nil || !slices.Equal(out, values) || !slices.Equal(shape, []int{len(values)}) {
			t.Fatalf("%v %v, %v", out, shape, err)
		}
	})
}
