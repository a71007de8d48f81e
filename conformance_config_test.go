package pylon_test

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	pylon "github.com/bittensor-pylon/pylon"
)

func TestConformance141Environment(t *testing.T) {
	t.Parallel()
	environ := []string{
		"PYLON_CLIENT_ADDRESS=http://env", "PYLON_CLIENT_OPEN_ACCESS_TOKEN=open", "pylon_client_identity_name=sn1",
		"PYLON_CLIENT_IDENTITY_TOKEN=secret", `PYLON_CLIENT_TIMEOUT={"read":3,"pool":4}`, "PYLON_CLIENT_TIMEOUT__READ=7",
		"PYLON_CLIENT_MTLS_CERT_PATH=/c", "PYLON_CLIENT_MTLS_KEY_PATH=/k", "PYLON_CLIENT_NEURONS_FILE=/n",
		"PYLON_CLIENT_NEURON_KEEPALIVE_EXPIRY=2.5", "PYLON_CLIENT_UNKNOWN=x", "PYLON_OPEN_ACCESS_TOKEN=not ours",
		"PYLON_CLIENT_OPEN_ACCESS_WITHOUT_TOKEN=true",
	}
	got, err := pylon.Config{}.WithEnv(environ)
	if err != nil {
		t.Fatal(err)
	}
	want := pylon.Config{
		Address: "http://env", OpenAccessToken: "open", OpenAccessWithoutToken: true, IdentityName: "sn1", IdentityToken: "secret",
		Timeouts:     pylon.Timeouts{Read: 7 * time.Second, Pool: 4 * time.Second},
		MTLSCertPath: "/c", MTLSKeyPath: "/k", NeuronsFile: "/n", NeuronKeepAlive: 2500 * time.Millisecond,
	}
	ignore := cmpopts.IgnoreTypes(pylon.RetryPolicy{})
	if diff := cmp.Diff(want, got, ignore, cmpopts.IgnoreFields(pylon.Config{}, "DecodeNeuronsFile")); diff != "" {
		t.Error(diff)
	}

	explicit := pylon.Config{
		Address: "http://given", OpenAccessToken: "given", IdentityName: "given", IdentityToken: "given",
		Timeouts: pylon.Timeouts{Read: time.Second}, NeuronKeepAlive: time.Second, NeuronsFile: "/given", MTLSCertPath: "/g", MTLSKeyPath: "/g",
	}
	got, err = explicit.WithEnv(environ)
	if err != nil {
		t.Fatal(err)
	}
	explicit.OpenAccessWithoutToken, explicit.Timeouts.Pool = true, 4*time.Second
	if diff := cmp.Diff(explicit, got, ignore, cmpopts.IgnoreFields(pylon.Config{}, "DecodeNeuronsFile")); diff != "" {
		t.Errorf("explicit: %s", diff)
	}

	for _, wrong := range []string{
		"PYLON_CLIENT_RETRY=3", "PYLON_CLIENT_TIMEOUT=x", "PYLON_CLIENT_TIMEOUT=[]", "PYLON_CLIENT_TIMEOUT__READ=x", "PYLON_CLIENT_TIMEOUT__READ=-1",
		"PYLON_CLIENT_TIMEOUT__READ=nan", "PYLON_CLIENT_TIMEOUT__READ=0", "PYLON_CLIENT_TIMEOUT__READ=1e300", "PYLON_CLIENT_NEURON_KEEPALIVE_EXPIRY=x",
		"PYLON_CLIENT_OPEN_ACCESS_WITHOUT_TOKEN=maybe",
	} {
		_, err := pylon.Config{}.WithEnv([]string{wrong})
		name, _, _ := strings.Cut(wrong, "=")
		if !errors.Is(err, pylon.ErrMisconfigured) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", wrong, err)
		}
	}
	if kept, err := (pylon.Config{}).WithEnv([]string{"PYLON_CLIENT_NEURON_KEEPALIVE_EXPIRY=0"}); err != nil || kept.NeuronKeepAlive >= 0 {
		t.Errorf("no keep-alive: %v, %v", kept.NeuronKeepAlive, err)
	}
}

func TestFromEnvReadsTheProcess(t *testing.T) {
	t.Setenv("PYLON_CLIENT_ADDRESS", "http://localhost")
	client, err := pylon.FromEnv(pylon.Config{})
	if err != nil {
		t.Fatal(err)
	}
	_ = client.Close()
	t.Setenv("PYLON_CLIENT_RETRY", "3")
	if _, err := pylon.FromEnv(pylon.Config{}); !errors.Is(err, pylon.ErrMisconfigured) {
		t.Errorf("error %v", err)
	}
}

func TestConformance142MissingFiles(t *testing.T) {
	t.Parallel()
	absent := filepath.Join(t.TempDir(), "absent.pem")
	present := filepath.Join(t.TempDir(), "present.pem")
	if err := os.WriteFile(present, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		config pylon.Config
		want   string
	}{
		"neurons": {pylon.Config{NeuronsFile: absent}, "neurons_file not found: '" + absent + "'"},
		"cert":    {pylon.Config{MTLSCertPath: absent, MTLSKeyPath: present}, "mtls_cert_path not found: '" + absent + "'"},
		"key":     {pylon.Config{MTLSCertPath: present, MTLSKeyPath: absent}, "mtls_key_path not found: '" + absent + "'"},
		"no key":  {pylon.Config{MTLSCertPath: present}, "mtls_cert_path and mtls_key_path must be provided together."},
		"no cert": {pylon.Config{MTLSKeyPath: present}, "mtls_cert_path and mtls_key_path must be provided together."},
		"no PEM":  {pylon.Config{MTLSCertPath: present, MTLSKeyPath: present}, "cannot be used"},
	} {
		test.config.Address = "http://h"
		_, err := pylon.New(test.config)
		if !errors.Is(err, pylon.ErrMisconfigured) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestConformance143AddressWithAPath(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) { answer(w, 200, aBlockInfo) })
	for suffix, want := range map[string]string{
		"": "/api/v1/block/latest", "/": "/api/v1/block/latest", "/p": "/p/api/v1/block/latest", "/p/q/": "/p/q/api/v1/block/latest",
	} {
		if _, err := connect(t, config(s.URL+suffix)).V1().LatestBlock(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := s.last(t).path; got != want {
			t.Errorf("address with %q: asked for %s", suffix, got)
		}
	}
}

func TestWrongConfigurations(t *testing.T) {
	t.Parallel()
	for want, c := range map[string]pylon.Config{
		"required":            {},
		"begin with http":     {Address: "localhost:8000"},
		"has no host":         {Address: "http://"},
		"query":               {Address: "http://h?x=1"},
		"a query":             {Address: "http://h/?"},
		"not a URL":           {Address: "http://user:pass@h:x"},
		"white space":         {Address: "http://h", OpenAccessToken: "a b"},
		"control characters":  {Address: "http://h", IdentityName: "sn1", IdentityToken: "a\x00b"},
		"Retry.Attempts":      {Address: "http://h", Retry: pylon.RetryPolicy{Attempts: -1}},
		"Retry.MaxRetryAfter": {Address: "http://h", Retry: pylon.RetryPolicy{MaxRetryAfter: -1}},
		"Timeouts":            {Address: "http://h", Timeouts: pylon.Timeouts{Read: -1}},
		"MaxAnswer":           {Address: "http://h", MaxAnswer: -1},
	} {
		_, err := pylon.New(c)
		if !errors.Is(err, pylon.ErrMisconfigured) || !strings.Contains(err.Error(), want) {
			t.Errorf("want an error with %q: %v", want, err)
		}
		if err != nil && strings.Contains(err.Error(), "pass") {
			t.Errorf("a secret in %v", err)
		}
	}
}

// Whoever logs a configuration or a client tells no secrets.
func TestSecretsAreNotPrinted(t *testing.T) {
	t.Parallel()
	const canary = "canary-7f3a"
	config := pylon.Config{
		Address: "http://user:" + canary + "@h", OpenAccessToken: canary, IdentityName: "sn1", IdentityToken: canary,
	}
	client := connect(t, config)
	var printed strings.Builder
	for _, handler := range []slog.Handler{slog.NewJSONHandler(&printed, nil), slog.NewTextHandler(&printed, nil)} {
		slog.New(handler).Info("x", "config", config, "pointer", &config, "client", client, "identity", client.Unstable().Identity())
	}
	for _, value := range []any{config, &config, client, client.V1(), client.Unstable().Identity(), []pylon.Config{config}} {
		fmt.Fprintf(&printed, "%v %+v %#v\n", value, value, value)
	}
	fmt.Fprintf(&printed, "%s %s %s\n", config, &config, client)
	wrong := config
	wrong.Address = "http://user:" + canary + "@h:x"
	fmt.Fprintln(&printed, wrong)
	if strings.Contains(printed.String(), canary) || !strings.Contains(printed.String(), "sn1") {
		t.Error(printed.String())
	}
}
