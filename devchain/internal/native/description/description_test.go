package description_test

import (
	"fmt"
	"testing"

	"go.uber.org/goleak"

	"github.com/bittensor-pylon/pylon/devchain/internal/native/description"
	"github.com/bittensor-pylon/pylon/internal/scale"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var specs = []uint32{218, 233, 320, 343, 393, 425, 475}

func load(t testing.TB, o description.Options) *description.Runtime {
	t.Helper()
	if o.Constants == nil {
		o.Constants = map[string][]byte{"System.Version": nil}
	}
	r, err := description.Load(o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestEverySpecParses(t *testing.T) {
	t.Parallel()
	for _, spec := range specs {
		t.Run(fmt.Sprint(spec), func(t *testing.T) {
			t.Parallel()
			r := load(t, description.Options{Spec: spec})
			for _, version := range []uint32{14, 15} {
				raw, err := r.Metadata(version)
				if err != nil {
					t.Fatal(err)
				}
				_, err = scale.ParseMetadata(raw)
				if err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkLoad(b *testing.B) {
	for b.Loop() {
		load(b, description.Options{Spec: 475})
	}
}
