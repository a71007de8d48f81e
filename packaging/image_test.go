package packaging

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"
)

// needs skips the test when something is missing, or fails it where nothing may be missing.
func needs(t *testing.T, there bool, what string) {
	t.Helper()
	switch {
	case there:
	case os.Getenv("PYLON_REQUIRE_ALL") == "1":
		t.Fatalf("%s is needed", what)
	default:
		t.Skipf("%s is needed", what)
	}
}

// instruction is one line of a Dockerfile, continued ones joined.
type instruction struct{ name, rest string }

func TestDockerfile(t *testing.T) {
	t.Parallel()
	text := regexp.MustCompile(`(?m)^\s*#.*\n`).ReplaceAllString(read(t, "../Dockerfile"), "")
	stages := map[string][]instruction{}
	bases := map[string]string{}
	var order []string
	stage := ""
	for line := range strings.Lines(strings.ReplaceAll(text, "\\\n", " ")) {
		name, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		if name == "" {
			continue
		}
		if name == "FROM" {
			words := slices.DeleteFunc(strings.Fields(rest), func(w string) bool { return strings.HasPrefix(w, "--") })
			stage = "default"
			if len(words) == 3 && words[1] == "AS" {
				stage = words[2]
			}
			order, bases[stage] = append(order, stage), words[0]
			continue
		}
		stages[stage] = append(stages[stage], instruction{name, rest})
	}
	if want := []string{"build", "base", "nonroot", "default"}; !slices.Equal(order, want) {
		t.Fatalf("the stages are %v, want %v", order, want)
	}
	if bases["base"] != "scratch" || bases["nonroot"] != "base" || bases["default"] != "base" {
		t.Errorf("the stages stand on %v", bases)
	}
	// The image that a plain build makes runs as root, because people mount key files that only root may read.
	if len(stages["default"]) != 0 || !slices.Equal(stages["nonroot"], []instruction{{"USER", "65532:65532"}}) {
		t.Errorf("the last stages do %v and %v", stages["default"], stages["nonroot"])
	}
	for _, want := range []instruction{{"ENTRYPOINT", `["/pylon"]`}, {"CMD", `["serve"]`}, {"EXPOSE", "8000"}} {
		if !slices.Contains(stages["base"], want) {
			t.Errorf("the image has no %v", want)
		}
	}
	for _, i := range stages["base"] {
		if i.name == "RUN" || i.name == "USER" {
			t.Errorf("an empty image can not %s %s", i.name, i.rest)
		}
	}
	version := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindStringSubmatch(read(t, "../go.mod"))[1]
	if bases["build"] != "golang:"+version {
		t.Errorf("it is built with %s, go.mod wants %s", bases["build"], version)
	}
	compiled := slices.ContainsFunc(stages["build"], func(i instruction) bool {
		return i.name == "RUN" && strings.Contains(i.rest, "CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH") && strings.Contains(i.rest, "-X main.version=")
	})
	if !compiled {
		t.Error("nothing compiles a static binary for the target")
	}
}

// settingNames are the names of docs/settings.md, {NAME} included.
func settingNames(t *testing.T) []string {
	t.Helper()
	var names []string
	for _, match := range regexp.MustCompile("`((?:PYLON|PROMETHEUS)_[A-Z_{}]+)`").FindAllStringSubmatch(read(t, "../docs/settings.md"), -1) {
		names = append(names, match[1])
	}
	return names
}

func TestCompose(t *testing.T) {
	t.Parallel()
	text := read(t, "../docker-compose.yaml")
	var file struct {
		Services map[string]struct {
			Build           any
			Image           string
			Restart         string
			EnvFile         any `yaml:"env_file"`
			Environment     map[string]string
			Ports           []string
			Volumes         []string
			ReadOnly        bool     `yaml:"read_only"`
			Tmpfs           []string `yaml:"tmpfs"`
			CapDrop         []string `yaml:"cap_drop"`
			SecurityOpt     []string `yaml:"security_opt"`
			StopGracePeriod string   `yaml:"stop_grace_period"`
		}
		Volumes map[string]any
	}
	decoder := yaml.NewDecoder(strings.NewReader(text))
	decoder.KnownFields(true)
	if err := decoder.Decode(&file); err != nil {
		t.Fatal(err)
	}
	service, ok := file.Services["pylon"]
	if !ok || len(file.Services) != 1 {
		t.Fatalf("the services are %v", file.Services)
	}
	names := settingNames(t)
	for _, match := range regexp.MustCompile(`PYLON_[A-Z_]+`).FindAllString(text, -1) {
		if !slices.Contains(names, match) {
			t.Errorf("it names %s, which is no setting", match)
		}
	}
	mounted := false
	for _, volume := range service.Volumes {
		parts := strings.Split(volume, ":")
		mounted = mounted || len(parts) == 3 && parts[1] == "/root/.bittensor/wallets" && parts[2] == "ro"
		if name := parts[0]; !strings.ContainsAny(name, "/$.") {
			if _, ok := file.Volumes[name]; !ok {
				t.Errorf("the volume %s is not declared", name)
			}
		}
	}
	if !mounted {
		t.Error("the wallets are not where PYLON_BITTENSOR_WALLET_PATH looks for them by default, or can be written")
	}
	// A service with its default of eight seconds must have finished before it is killed.
	if grace, err := time.ParseDuration(service.StopGracePeriod); err != nil || grace <= 8*time.Second {
		t.Errorf("it is killed after %s", service.StopGracePeriod)
	}
	if !slices.ContainsFunc(service.Ports, func(p string) bool { return strings.HasSuffix(p, ":8000") }) || service.EnvFile == nil {
		t.Errorf("ports %v, settings %v", service.Ports, service.EnvFile)
	}
}

func TestSystemdUnit(t *testing.T) {
	t.Parallel()
	unit := read(t, "pylon.service")
	names := settingNames(t)
	for _, match := range regexp.MustCompile(`(?m)^Environment=([A-Z_]+)=`).FindAllStringSubmatch(unit, -1) {
		if !slices.Contains(names, match[1]) {
			t.Errorf("it sets %s, which is no setting", match[1])
		}
	}
	analyze, err := exec.LookPath("systemd-analyze")
	needs(t, err == nil, "systemd-analyze (of the package systemd)")
	// The unit names where the binary will be installed; here another one has to stand in for it.
	standIn, err := exec.LookPath("true")
	needs(t, err == nil, "true")
	changed := strings.Replace(unit, "ExecStart=/usr/local/bin/pylon", "ExecStart="+standIn, 1)
	if changed == unit {
		t.Fatal("the unit starts something else")
	}
	path := filepath.Join(t.TempDir(), "pylon.service")
	if err := os.WriteFile(path, []byte(changed), 0o644); err != nil {
		t.Fatal(err)
	}
	verify := func(path string) (string, error) {
		out, err := exec.CommandContext(t.Context(), analyze, "verify", "--man=no", "--generators=no", path).CombinedOutput()
		var ours []string // complaints about units of this machine are not
		for line := range strings.Lines(string(out)) {
			if strings.Contains(line, filepath.Base(path)) {
				ours = append(ours, line)
			}
		}
		return strings.Join(ours, ""), err
	}
	if out, err := verify(path); out != "" {
		t.Errorf("%v: %s", err, out)
	}
	// It would say so if something were wrong.
	wrong := filepath.Join(t.TempDir(), "wrong.service")
	if err := os.WriteFile(wrong, []byte(strings.Replace(changed, "ProtectSystem=strict", "ProtectSystem=perhaps", 1)), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, _ := verify(wrong); !strings.Contains(out, "perhaps") {
		t.Errorf("systemd-analyze finds no mistake: %q", out)
	}
}
