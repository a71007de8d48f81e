package app

import (
	"encoding/json"
	"os"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The vectors hold what python-dotenv, which the Python service reads its files with, makes of some hundred texts.
func TestDotenvReadsWhatPythonReads(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("testdata/dotenv.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors struct {
		Environment map[string]string
		Cases       []struct {
			Text     string
			Values   map[string]string
			BadLines []int `json:"bad_lines"`
		}
	}
	if err := json.Unmarshal(raw, &vectors); err != nil {
		t.Fatal(err)
	}
	if len(vectors.Cases) < 400 {
		t.Fatalf("only %d vectors", len(vectors.Cases))
	}
	lookup := func(name string) (string, bool) {
		value, ok := vectors.Environment[name]
		return value, ok
	}
	for _, c := range vectors.Cases {
		assignments, badLines := parseDotenv(c.Text, lookup)
		got := make(map[string]string)
		for _, a := range assignments {
			got[a.name] = a.value
		}
		if diff := cmp.Diff(c.Values, got); diff != "" {
			t.Errorf("%q: values (-python +ours):\n%s", c.Text, diff)
		}
		if !slices.Equal(badLines, c.BadLines) {
			t.Errorf("%q: bad lines %v, Python says %v", c.Text, badLines, c.BadLines)
		}
	}
}

func FuzzDotenv(f *testing.F) {
	f.Add("A=1\nB='${A}'\n# c\nexport C=\"x\\n\"")
	f.Fuzz(func(t *testing.T, text string) {
		assignments, badLines := parseDotenv(text, func(string) (string, bool) { return "", false })
		if len(assignments)+len(badLines) > len(text) {
			t.Fatalf("%d statements in %d bytes", len(assignments)+len(badLines), len(text))
		}
	})
}
