package server

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	pylon "github.com/bittensor-pylon/pylon"
)

func intentIDs(t *testing.T, body string) string {
	t.Helper()
	var list struct{ Intents []pylon.Intent }
	if err := json.Unmarshal([]byte(body), &list); err != nil || list.Intents == nil {
		t.Fatalf("%v: %s", err, body)
	}
	var ids []string
	for _, intent := range list.Intents {
		ids = append(ids, intent.ID)
	}
	return strings.Join(ids, " ")
}

func TestIntentsAreListed(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	f.writer.record("sn1", pylon.IntentCommitment, 0, pylon.StateFinalized, "")
	f.writer.record("another", pylon.IntentWeights, 0, pylon.StateRecorded, "")
	f.writer.record("sn1", pylon.IntentWeights, 1, pylon.StateSigned, "")
	const path = unstableOwn + "/intents"
	for query, want := range map[string]string{
		"": "i4 i2 i1", "?kind=weights": "i4 i1", "?state=signed": "i4", "?open=true": "i4 i1", "?open=false": "i4 i2 i1",
		"?kind=axon": "", "?limit=2": "i4 i2", "?limit=2&before=i2": "i1", "?limit=5000": "i4 i2 i1", "?before=nothing": "",
	} {
		got := f.ask(t, path+query, authorization(sn1Token)...)
		if ids := intentIDs(t, got.Body.String()); got.Code != 200 || ids != want {
			t.Errorf("%s: %d %s", query, got.Code, got.Body)
		}
	}
	got := f.ask(t, path+"?limit=1&kind=weights", authorization(sn1Token)...)
	next := "<" + path + `?before=i4&kind=weights&limit=1>; rel="next"`
	wantHeader(t, got, "Link", next)
	wantHeader(t, f.ask(t, path, authorization(sn1Token)...), "Link", "")
	got = f.ask(t, path+"?kind=x&state=y&open=z&limit=0", authorization(sn1Token)...)
	if got.Code != 400 || strings.Count(got.Body.String(), `"source":"query"`) != 4 {
		t.Errorf("%d %s", got.Code, got.Body)
	}
}

func TestIntentsOfOthersDoNotExist(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	f.writer.record("another", pylon.IntentWeights, 0, pylon.StateRecorded, "")
	for _, id := range []string{"i2", "i99", "é"} {
		for _, method := range []string{http.MethodGet, http.MethodDelete} {
			wantProblem(t, f.send(t, method, unstableOwn+"/intents/"+id, nil, authorization(sn1Token)...), 404, "Intent '"+id+"' not found.")
		}
	}
	got := f.ask(t, unstableOwn+"/intents/i1", authorization(sn1Token)...)
	if got.Code != 200 || !strings.HasPrefix(got.Body.String(), `{"id":"i1","kind":"weights","identity":"sn1","hotkey":"`+hotkeyA+`","netuid":1,"mechanism":0,"state":"recorded",`) {
		t.Errorf("%d %s", got.Code, got.Body)
	}
}

func TestIntentsAreCancelled(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	cancel := func(id string) (int, string) {
		got := f.send(t, http.MethodDelete, unstableOwn+"/intents/"+id, nil, authorization(sn1Token)...)
		return got.Code, got.Body.String()
	}
	if status, answer := cancel("i1"); status != 200 || !strings.Contains(answer, `"state":"cancelled","reason":"cancelled"`) {
		t.Errorf("%d %s", status, answer)
	}
	f.writer.record("sn1", pylon.IntentWeights, 0, pylon.StateSigned, "")
	const signed = `{"status_code":409,"detail":"The intent is signed and can not be cancelled any more."}`
	if status, answer := cancel("i2"); status != 409 || answer != signed {
		t.Errorf("%d %s", status, answer)
	}
}

func TestIntentsAreStreamedToTheirIdentity(t *testing.T) {
	t.Parallel()
	bubble(t, nil, func(t *testing.T, r *running) {
		own := listen(t, r, ownEvents, sn1Token, "")
		open := listen(t, r, openEvents, openToken, "")
		r.writer.record("another", pylon.IntentWeights, 0, pylon.StateRecorded, "")
		r.writer.move("i2", func(i *pylon.Intent) { i.State = pylon.StateSigned })
		r.writer.move("i1", func(i *pylon.Intent) { i.State, i.LastError = pylon.StateSigned, "<a>\nb" })
		got := own.next()
		if !strings.HasPrefix(got, `intent {"intent":{"id":"i1",`) || !strings.HasSuffix(got, `,"before":"recorded"}`) || !strings.Contains(got, `"last_error":"<a>\nb"`) {
			t.Errorf("got %s", got)
		}
		synctest.Wait()
		r.events.head(7)
		own.want(headText(7))
		open.want(headText(7)) // and nothing of the intents
		seen := own.lastID
		own.close()
		r.writer.move("i1", func(i *pylon.Intent) { i.State = pylon.StateSubmitted })
		r.writer.move("i1", func(i *pylon.Intent) { i.State = pylon.StateIncluded })
		synctest.Wait()
		again := listen(t, r, ownEvents, sn1Token, seen)
		for _, state := range []string{"submitted", "included"} {
			if got := again.next(); !strings.Contains(got, `"state":"`+state+`"`) {
				t.Errorf("after the last id: %s, want %s", got, state)
			}
		}
		// The intents of an identity leave the events of others where they are.
		for i := range eventsKept {
			r.writer.move("i1", func(intent *pylon.Intent) { intent.Attempts = i })
		}
		synctest.Wait()
		late := listen(t, r, ownEvents, sn1Token, seen)
		late.want("gap {}", headText(7))
		late.close()
		run, _, _ := strings.Cut(seen, "-")
		r.events.head(8)
		synctest.Wait()
		others := listen(t, r, openEvents, openToken, run+"-1")
		others.want(headText(7), headText(8))
		others.close()
		again.close()
		open.close()
	})
}

func TestReadersOfIntentsThatFallBehind(t *testing.T) {
	t.Parallel()
	s := newStream(1, []Identity{{Name: "sn1", Netuid: 1}})
	own := s.own["sn1"]
	for i := range 3 * ownEventsKept {
		s.addIntent(pylon.IntentEvent{Intent: pylon.Intent{Identity: "sn1", Attempts: i}})
		s.addIntent(pylon.IntentEvent{Intent: pylon.Intent{Identity: "nobody"}})
		events, next, _, ok := s.since(own, uint64(max(1, i+2-ownEventsKept)))
		if !ok || next != uint64(i+2) || len(events) != min(i+1, ownEventsKept) || events[len(events)-1].number != uint64(i+1) {
			t.Fatal(i, len(events), next, ok)
		}
		if i >= ownEventsKept {
			if _, _, _, ok := s.since(own, uint64(i+1-ownEventsKept)); ok {
				t.Fatal(fmt.Sprint(i, ": an event that is gone was there"))
			}
		}
	}
}
