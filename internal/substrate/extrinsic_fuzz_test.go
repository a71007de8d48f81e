package substrate

import (
	"testing"
)

// What nodes say about extrinsics never crashes, and no status that is understood is one that only we can say.
func FuzzStatus(f *testing.F) {
	for _, text := range []string{`"ready"`, `"future"`, `{"broadcast":["a"]}`, `{"inBlock":"` + Hash{1}.String() + `"}`, `{"usurped":null}`, `{"lost":1}`, `null`, `[]`, `{"finalized":"0x","x":1}`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		s, known, err := decodeStatus(raw)
		if err == nil && known && (s.Kind < StatusFuture || s.Kind >= StatusLost || s.Err != nil) {
			t.Errorf("%q is %+v", raw, s)
		}
	})
}

// Events of any sort give an outcome that holds together, or an error.
func FuzzOutcome(f *testing.F) {
	r := runtimeOf(f, 425)
	f.Add(r.encodeEvents(f, success(0), feeEvent(1, 5), success(1)), uint32(1))
	f.Add(r.encodeEvents(f, success(0), failure(1, module(7, 3))), uint32(1))
	f.Add(r.encodeEvents(f, failure(0, "BadOrigin")), uint32(0))
	f.Fuzz(func(t *testing.T, events []byte, index uint32) {
		found, err := r.outcome(events, index)
		if err == nil && (found.Success == (found.Error != nil) || len(found.Events) == 0) {
			t.Errorf("%x: %+v", events, found)
		}
	})
}
