package server

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/swaggest/swgui/v5/static"

	"github.com/bittensor-pylon/pylon/internal/problem"
)

// golden compares text with a generated document, or writes it with -update.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("..", "..", "docs", name)
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != string(got) {
		t.Errorf("docs/%s is stale: run go test ./internal/server -update and look at the difference", name)
	}
}

func TestConformance012OpenAPIDocument(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	got := f.ask(t, "/schema/openapi.json")
	wantHeader(t, got, "Content-Type", "application/json")
	var readable bytes.Buffer
	if err := json.Indent(&readable, got.Body.Bytes(), "", "  "); err != nil {
		t.Fatal(err)
	}
	readable.WriteByte('\n')
	golden(t, "openapi.json", readable.Bytes())

	var document struct {
		Info  struct{ Title, Version string }
		Paths map[string]map[string]any
	}
	if err := json.Unmarshal(got.Body.Bytes(), &document); err != nil {
		t.Fatal(err)
	}
	if document.Info.Title != "Bittensor Pylon API" || document.Info.Version != "0.1.0" {
		t.Errorf("info %+v", document.Info)
	}
	f.routes.each(func(e *endpoint) {
		for _, route := range e.routes {
			if _, ok := document.Paths[e.template][strings.ToLower(route.method)]; !ok && route.method != "OPTIONS" {
				t.Errorf("%s %s is not in the document", route.method, e.template)
			}
		}
		delete(document.Paths, e.template)
	})
	for path := range document.Paths {
		t.Errorf("%s is in the document and not served", path)
	}
	for _, ref := range regexp.MustCompile(`"#/components/(?:schemas|responses)/([^"]+)"`).FindAllStringSubmatch(got.Body.String(), -1) {
		if !strings.Contains(got.Body.String(), `"`+ref[1]+`":{`) {
			t.Errorf("there is no component %s", ref[1])
		}
	}
	for name, text := range propertyTexts {
		if !strings.Contains(got.Body.String(), `"`+text+`"`) {
			t.Errorf("the text of %s describes nothing", name)
		}
	}
}

// Real answers have exactly the members that the document names.
func TestAnswersAreAsDocumented(t *testing.T) {
	t.Parallel()
	var document struct {
		Components struct {
			Schemas map[string]struct {
				Properties map[string]any
				Required   []string
			}
		}
	}
	if err := json.Unmarshal(openAPIDocument(resources), &document); err != nil {
		t.Fatal(err)
	}
	member := func(body map[string]any, name string) map[string]any {
		if list, ok := body[name].([]any); ok {
			return list[0].(map[string]any)
		}
		return body[name].(map[string]any)
	}
	var neurons, validators, block map[string]any
	for name, into := range map[string]any{"neurons.json": &neurons, "validators.json": &validators, "block-info.json": &block} {
		if err := json.Unmarshal(testdata(t, name), into); err != nil {
			t.Fatal(err)
		}
	}
	validator := member(validators, "validators")
	for schema, body := range map[string]map[string]any{
		"Neurons": neurons, "Validators": validators, "BlockInfo": block, "Block": member(neurons, "block"),
		"Neuron": validator, "AxonInfo": member(validator, "axon_info"), "Stakes": member(validator, "stakes"),
	} {
		documented := document.Components.Schemas[schema]
		if len(body) != len(documented.Properties) || len(body) != len(documented.Required) {
			t.Errorf("%s: %d members, %d documented, %d required", schema, len(body), len(documented.Properties), len(documented.Required))
		}
		for name := range documented.Properties {
			if _, ok := body[name]; !ok {
				t.Errorf("%s: %s is documented and not there", schema, name)
			}
		}
	}
}

func TestLegacyLoginIsDocumentedWhenServed(t *testing.T) {
	t.Parallel()
	const path = `"/api/v1/login/identity/{identity_name}"`
	if strings.Contains(newFixture(t, nil).ask(t, "/schema/openapi.json").Body.String(), path) {
		t.Error("it is documented and not served")
	}
	if !strings.Contains(legacyFixture(t).ask(t, "/schema/openapi.json").Body.String(), path) {
		t.Error("it is served and not documented")
	}
}

func TestSwaggerLoadsNothingFromElsewhere(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	for _, path := range []string{"/schema", "/schema/", "/schema/swagger", "/schema//swagger/"} {
		got := f.ask(t, path)
		page := got.Body.String()
		if got.Code != 200 || !strings.HasPrefix(got.Header().Get("Content-Type"), "text/html") || !strings.Contains(page, "Bittensor Pylon API") {
			t.Fatalf("%s: %d %s", path, got.Code, page)
		}
		for _, link := range regexp.MustCompile(`(?:src|href)="([^"]*)"`).FindAllStringSubmatch(page, -1) {
			if target := f.ask(t, link[1]); target.Code != 200 || target.Body.Len() == 0 {
				t.Errorf("%s links to %s: %d", path, link[1], target.Code)
			}
		}
		if regexp.MustCompile(`//[a-z0-9-]+\.[a-z]`).MatchString(page) {
			t.Errorf("%s names another host:\n%s", path, page)
		}
	}
	if !strings.Contains(f.ask(t, "/schema/swagger").Body.String(), "/schema/openapi.json") {
		t.Error("the page does not show the document")
	}
	files, err := fs.ReadDir(static.FS, ".")
	if err != nil || len(files) == 0 {
		t.Fatal(err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(file.Name(), ".gz")
		for _, accept := range []string{"", "gzip"} {
			if got := f.ask(t, "/schema/swagger/"+name, "Accept-Encoding", accept); got.Code != 200 || got.Body.Len() == 0 {
				t.Errorf("%s: %d", name, got.Code)
			}
		}
	}
}

func TestErrorsDocs(t *testing.T) {
	t.Parallel()
	var page strings.Builder
	page.WriteString(`# Errors

<!-- Generated from the table in internal/server/answers.go: go test ./internal/server -update -->

An error answer is a JSON object with the keys ` + "`status_code`, `detail` and, when a request's fields are wrong, `extra`" + `:

` + "```json" + `
{"status_code":400,"detail":"Validation failed for PUT /api/v1/...","extra":[{"message":"Field required","key":"weights"}]}
` + "```" + `

Clients should look at the status; the texts of ` + "`detail`" + ` are part of the contract all the same. The default is
what it says when there is nothing more exact to say.

| Status | Kind | Default detail | When |
|---|---|---|---|
`)
	for _, kind := range problem.Kinds() {
		row, ok := answers[kind]
		if !ok || row.status == 0 || row.detail == "" || row.when == "" {
			t.Errorf("the kind %v has no complete row", kind)
		}
		fmt.Fprintf(&page, "| %d | %s | `%s` | %s |\n", row.status, kind, row.detail, row.when)
	}
	page.WriteString(`
An answer that says when to try again has a ` + "`Retry-After`" + ` header in seconds:

- **429**: ten wrong tokens within a minute came from the client's address; one try is given back every six seconds. An IPv6 address
  counts with its /64 network. Behind a proxy all clients have the proxy's address: headers such as ` + "`X-Forwarded-For`" + ` are not
  believed. A token that was right from the same address before goes on to work meanwhile.
- **503** ` + "`Too many requests are waiting for this. Try again later.`" + `: that many requests for the same kind of thing wait for the chain.
  Answers from memory are never refused. The streams of events have a limit of their own.
- **503** ` + "`Too many connections. Try again later.`" + `: the service, or the client's address, has as many connections as it may have. The
  connection is closed.

Besides, a path that is unknown is 404 ` + "`Not Found`" + `, a method that is not served there is 405 ` + "`Method Not Allowed`" + ` with the ones
that are in the ` + "`Allow`" + ` header, and an identity's route with another netuid than the identity's is 308 with the right path in the
` + "`Location`" + ` header and no body.
`)
	if len(answers) != len(problem.Kinds()) {
		t.Errorf("%d rows for %d kinds", len(answers), len(problem.Kinds()))
	}
	golden(t, "errors.md", []byte(page.String()))
}
