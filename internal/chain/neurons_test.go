package chain

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	pylon "github.com/bittensor-pylon/pylon"
	"github.com/bittensor-pylon/pylon/internal/substrate"
)

// decodeRecorded does what a visit does with the recorded answers.
func decodeRecorded(tb testing.TB, l *layout, book *addressBook) *pylon.Neurons {
	tb.Helper()
	r := recorded343(tb)
	lists := must(l.neurons())(tb)
	states := must(l.subnetState())(tb)
	records := must(lists.decode(r.result(lists.method, []byte{1, 0})))(tb)
	state := must(states.decode(r.result(states.method, []byte{1, 0})))(tb)
	at := block{Number: recorded343Number, Hash: must(substrate.ParseHash(r.BlockHash))(tb)}
	return must(neuronsOf(at, 1, *records, state, book))(tb)
}

// The 1,024 neurons of a main-network block, every field of each, beside what polkadot-js made of the same bytes
// (interop/replay/decode.mjs wrote testdata/neurons-343.json.gz).
func TestConformance031To036NeuronsOfARecordedBlock(t *testing.T) {
	t.Parallel()
	l := newLayout(runtimeOf(t, 343, "v15"))
	got := decodeRecorded(t, l, new(addressBook))
	var want pylon.Neurons
	readJSON(t, "neurons-343.json.gz", &want)
	if len(want.Neurons) != 1024 {
		t.Fatalf("%d neurons to compare with", len(want.Neurons))
	}
	if diff := cmp.Diff(&want, got, cmp.Comparer(sameAddress)); diff != "" {
		t.Errorf("neurons (-polkadot-js +ours):\n%s", diff)
	}
	text := must(json.Marshal(got))(t)
	var again pylon.Neurons
	if err := json.Unmarshal(text, &again); err != nil || !cmp.Equal(got, &again, cmp.Comparer(sameAddress)) {
		t.Errorf("the answer does not survive its JSON form: %v", err)
	}
}

func sameAddress(a, b pylon.AxonInfo) bool { return a == b }

func BenchmarkNeurons(b *testing.B) {
	l := newLayout(runtimeOf(b, 343, "v15"))
	b.Run("first block", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			decodeRecorded(b, l, new(addressBook))
		}
	})
	b.Run("next block", func(b *testing.B) {
		b.ReportAllocs()
		book := new(addressBook)
		decodeRecorded(b, l, book)
		for b.Loop() {
			decodeRecorded(b, l, book)
		}
	})
}
