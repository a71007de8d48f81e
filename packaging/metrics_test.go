package packaging

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"
)

// metric is a row of docs/metrics.md, which a test of internal/app keeps equal to the registry of a running service.
type metric struct {
	kind   string
	labels []string
}

func knownMetrics(t *testing.T) map[string]metric {
	t.Helper()
	known := make(map[string]metric)
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\| ([a-z]+) \\| ([^|]*) \\|").FindAllStringSubmatch(read(t, "../docs/metrics.md"), -1) {
		m := metric{kind: row[2]}
		for _, label := range strings.Split(row[3], ", ") {
			if label = strings.Trim(label, "` "); label != "" {
				m.labels = append(m.labels, label)
			}
		}
		known[row[1]] = m
	}
	if len(known) < 20 {
		t.Fatalf("docs/metrics.md tells of %d metrics", len(known))
	}
	// Those of the Prometheus client, which have no labels.
	for _, name := range []string{"process_open_fds", "process_max_fds", "process_resident_memory_bytes", "go_memstats_heap_inuse_bytes"} {
		known[name] = metric{kind: "gauge"}
	}
	known["process_cpu_seconds_total"] = metric{kind: "counter"}
	return known
}

func read(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

var (
	quoted    = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)
	reference = regexp.MustCompile(`\b((?:pylon|process|go)_[a-z0-9_]+)(\{[^}]*\})?(\[[^\]]*\])?`)
	matcher   = regexp.MustCompile(`([a-zA-Z_]+)\s*(?:=~|!~|!=|=)`)
	grouping  = regexp.MustCompile(`\b(?:by|without|on|ignoring)\s*\(([^)]*)\)`)
	series    = regexp.MustCompile(`_(bucket|sum|count)$`)
)

// complainer is the part of a test that a check needs.
type complainer interface {
	Helper()
	Errorf(format string, args ...any)
}

// checkQuery looks whether the metrics and labels of a query exist, and are of the right kind for what is done with them.
func checkQuery(t complainer, known map[string]metric, where, query string) {
	t.Helper()
	plain := quoted.ReplaceAllString(query, `""`) // label values may hold anything
	labels := []string{"instance", "job"}
	found := reference.FindAllStringSubmatchIndex(plain, -1)
	if len(found) == 0 {
		t.Errorf("%s uses no metric: %s", where, query)
	}
	for _, at := range found {
		name, selector, window := plain[at[2]:at[3]], "", at[6] >= 0
		if at[4] >= 0 {
			selector = plain[at[4]:at[5]]
		}
		m, ok := known[name]
		if base := series.ReplaceAllString(name, ""); !ok && known[base].kind == "histogram" {
			m, ok = known[base], true
			m.kind = "counter"
			if strings.HasSuffix(name, "_bucket") {
				m.labels = append(slices.Clone(m.labels), "le")
			}
		}
		if !ok || m.kind == "histogram" {
			t.Errorf("%s uses %s, which does not exist", where, name)
			continue
		}
		before := strings.TrimRight(plain[:at[0]], " ")
		rated := strings.HasSuffix(before, "rate(") || strings.HasSuffix(before, "increase(")
		if counts := m.kind == "counter"; counts != rated || rated != window {
			t.Errorf("%s uses the %s %s with a rate or a window: %v, %v", where, m.kind, name, rated, window)
		}
		labels = append(labels, m.labels...)
		for _, match := range matcher.FindAllStringSubmatch(selector, -1) {
			if !slices.Contains(m.labels, match[1]) && match[1] != "instance" && match[1] != "job" {
				t.Errorf("%s: %s has no label %s", where, name, match[1])
			}
		}
	}
	for _, group := range grouping.FindAllStringSubmatch(plain, -1) {
		for label := range strings.SplitSeq(group[1], ",") {
			if label = strings.TrimSpace(label); label != "" && !slices.Contains(labels, label) {
				t.Errorf("%s groups by %s, which nothing in it has", where, label)
			}
		}
	}
	if strings.Count(plain, "(") != strings.Count(plain, ")") {
		t.Errorf("%s: the parentheses do not match: %s", where, query)
	}
}

func TestTheQueryCheckFindsMistakes(t *testing.T) {
	t.Parallel()
	known := knownMetrics(t)
	checkQuery(t, known, "a good query", `sum by (path, le) (rate(pylon_request_duration_seconds_bucket{status_code=~"5..", instance="a"}[5m]))`)
	for _, query := range []string{
		"pylon_no_such_metric", "up", "rate(pylon_head_block[5m])", "pylon_requests_total", "rate(pylon_requests_total)", `pylon_head_block{netuid="1"}`,
		"sum by (netuid) (pylon_head_block)", "sum(pylon_head_block", "rate(pylon_request_duration_seconds[5m])",
	} {
		var probe complaints
		checkQuery(&probe, known, "a bad query", query)
		if probe == 0 {
			t.Errorf("%s is fine?", query)
		}
	}
}

// complaints counts them.
type complaints int

func (c *complaints) Helper()               {}
func (c *complaints) Errorf(string, ...any) { *c++ }

// watched are the metrics that an operator has to find on the dashboard.
var watched = regexp.MustCompile("^pylon_(requests_|request_|bittensor_|evm_|head_|finalized_|node_(calls|state|head_age|reconnects)|cache_(bytes|hits|misses)|token_|connections|intent|apply_weights|set_)")

func TestDashboard(t *testing.T) {
	t.Parallel()
	type panel struct {
		ID      int
		Type    string
		Title   string
		GridPos struct{ X, Y, W, H int }
		Targets []struct{ RefID, Expr, LegendFormat string }
	}
	var dashboard struct {
		Title      string
		UID        string
		Templating struct {
			List []struct{ Name, Query string }
		}
		Panels []panel
	}
	if err := json.Unmarshal([]byte(read(t, "grafana/pylon.json")), &dashboard); err != nil {
		t.Fatal(err)
	}
	known := knownMetrics(t)
	ids := make(map[int]bool)
	shown := make(map[string]bool)
	for _, p := range dashboard.Panels {
		if ids[p.ID] || p.Title == "" || p.GridPos.X+p.GridPos.W > 24 {
			t.Errorf("panel %d %q: the id is used twice, the title is empty or it does not fit", p.ID, p.Title)
		}
		ids[p.ID] = true
		if (p.Type == "row") != (len(p.Targets) == 0) {
			t.Errorf("panel %q has %d queries", p.Title, len(p.Targets))
		}
		for _, target := range p.Targets {
			query := strings.ReplaceAll(target.Expr, "$instance", "i")
			checkQuery(t, known, "panel "+p.Title, query)
			for _, match := range reference.FindAllStringSubmatch(query, -1) {
				shown[series.ReplaceAllString(match[1], "")] = true
			}
			for _, match := range regexp.MustCompile(`\{\{([a-z_]+)\}\}`).FindAllStringSubmatch(target.LegendFormat, -1) {
				if !regexp.MustCompile(`by \([^)]*\b` + match[1] + `\b`).MatchString(target.Expr) {
					t.Errorf("panel %s: the legend shows %s, which the query does not keep", p.Title, match[1])
				}
			}
		}
	}
	for name := range known {
		if watched.MatchString(name) && !shown[name] {
			t.Errorf("no panel shows %s", name)
		}
	}
	for _, variable := range dashboard.Templating.List {
		if metric, label, ok := strings.Cut(strings.TrimSuffix(strings.TrimPrefix(variable.Query, "label_values("), ")"), ", "); ok && (known[metric].kind == "" || label != "instance") {
			t.Errorf("the variable %s asks for %s", variable.Name, variable.Query)
		}
	}
}

func TestAlertRules(t *testing.T) {
	t.Parallel()
	var file struct {
		Groups []struct {
			Name  string
			Rules []struct {
				Alert       string
				Expr        string
				For         string
				Labels      map[string]string
				Annotations map[string]string
			}
		}
	}
	decoder := yaml.NewDecoder(strings.NewReader(read(t, "prometheus/pylon.rules.yml")))
	decoder.KnownFields(true)
	if err := decoder.Decode(&file); err != nil {
		t.Fatal(err)
	}
	known := knownMetrics(t)
	names := make(map[string]bool)
	for _, group := range file.Groups {
		for _, rule := range group.Rules {
			if !strings.HasPrefix(rule.Alert, "Pylon") || names[rule.Alert] {
				t.Errorf("the name %q", rule.Alert)
			}
			names[rule.Alert] = true
			checkQuery(t, known, rule.Alert, rule.Expr)
			if rule.For != "" {
				if _, err := time.ParseDuration(rule.For); err != nil {
					t.Errorf("%s: %v", rule.Alert, err)
				}
			}
			if severity := rule.Labels["severity"]; severity != "warning" && severity != "critical" || rule.Annotations["summary"] == "" {
				t.Errorf("%s says neither how bad it is nor what", rule.Alert)
			}
			for _, text := range rule.Annotations {
				for _, match := range regexp.MustCompile(`\$labels\.([a-z_]+)`).FindAllStringSubmatch(text, -1) {
					if !regexp.MustCompile(`by \([^)]*\b` + match[1] + `\b`).MatchString(rule.Expr) {
						t.Errorf("%s shows %s, which the query does not keep", rule.Alert, match[1])
					}
				}
			}
		}
	}
	if len(names) < 10 {
		t.Errorf("%d rules", len(names))
	}
}
