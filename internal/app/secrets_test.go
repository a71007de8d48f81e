package app

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/bittensor-pylon/pylon/devchain"
)

// TestSecretsStayInside puts a marker wherever a setting can hold a secret, makes the service work and fail with its
// log at debug level, and looks for the markers in everything that comes out.
func TestSecretsStayInside(t *testing.T) {
	t.Parallel()
	markers := make(map[string]string)
	marker := func(name string) string {
		markers[name] = fmt.Sprintf("canary%x", []byte(name))
		return markers[name]
	}
	chain := newDevchain(t)
	host := strings.TrimPrefix(chain.URL(), "ws://")
	main := "ws://" + marker("user") + ":" + marker("password") + "@" + host + "/" + marker("path") + "?key=" + marker("query")
	node, err := chain.AddNode(devchain.NodeConfig{})
	if err != nil {
		t.Fatal(err)
	}
	host = strings.TrimPrefix(node.URL(), "ws://")
	archive := "ws://" + marker("archive user") + ":" + marker("archive password") + "@" + host + "/" + marker("archive path") + "?key=" + marker("archive query")
	node.Hook("state_call", func(_ context.Context, call *devchain.Call) { // a node that says back what it was asked by
		call.Error = &devchain.RPCError{Code: -32000, Message: "not for " + archive}
	})
	environ := environment(chain.URL(),
		"PYLON_BITTENSOR_NETWORK="+main, "PYLON_BITTENSOR_ARCHIVE_NETWORK="+archive, "PYLON_BITTENSOR_ARCHIVE_BLOCKS_CUTOFF=10",
		"PYLON_OPEN_ACCESS_TOKEN="+marker("open access"), "PYLON_METRICS_TOKEN="+marker("metrics"), "PYLON_ID_SN1_TOKEN="+marker("identity"),
		"PYLON_EVM_RPC_URL=http://"+marker("evm")+"@127.0.0.1:1/"+marker("evm path"), "PYLON_EVM_ARCHIVE_RPC_URL=http://127.0.0.1:1?"+marker("evm query"),
	)
	s := startService(t, environ...)
	var out strings.Builder
	settings := mustLoad(t, environ...)
	encoded, err := json.Marshal(settings)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(&out, "%v %+v %#v %s\n", settings, *settings, *settings, encoded)
	s.logger.Error("settings", "settings", settings)

	ask := func(path, token string, header ...string) int {
		status, body := s.get(t, path, token, header...)
		fmt.Fprintf(&out, "%s %d %s\n", path, status, body)
		return status
	}
	for path, token := range map[string]string{
		latestNeurons:          "open access",
		"/api/v1/block/latest": "open access",
		"/api/v1/identity/sn1/subnet/1/block/latest/neurons": "identity",
		"/schema/openapi.json":                               "open access",
	} {
		if status := ask(path, markers[token]); status != http.StatusOK {
			t.Errorf("%s: status %d", path, status)
		}
	}
	ask(latestNeurons, markers["identity"])                                        // 403
	ask("/api/v1/identity/sn1/subnet/9/block/latest/neurons", markers["identity"]) // 308
	ask("/api/v1/identity/sn2/subnet/1/block/latest/neurons", markers["identity"]) // 404
	ask(neuronsAt(1), markers["open access"])                                      // 502, from the archive
	ask(latestNeurons, markers["open access"], "X-Pylon-Timeout", "x")             // 400
	chain.Refuse()
	chain.DropConnections()
	ask(neuronsAt(15), markers["open access"]) // 502
	ask("/ready", "")
	ask("/metrics", markers["metrics"])

	// Settings that are wrong, with secrets in them.
	for _, environ := range [][]string{
		{"PYLON_OPEN_ACCESS_TOKEN=" + markers["open access"] + " x"},
		{"PYLON_BITTENSOR_NETWORK=" + main + "#x", "PYLON_BITTENSOR_ARCHIVE_NETWORK=" + archive},
		{"PYLON_BITTENSOR_NETWORK=" + main},
		{"PYLON_BITTENSOR_NETWORK=" + strings.Replace(main, "ws:", "http:", 1)},
		{"PYLON_BITTENSOR_NETWORK=" + strings.Replace(main, "/"+markers["path"], ":port/"+markers["path"], 1)},
		{"PYLON_BITTENSOR_NETWORK=" + strings.Replace(main, "ws://", "", 1)},
		{"PYLON_EVM_RPC_URL=ftp://" + markers["evm"] + "@x"},
		{"PYLON_EVM_RPC_URL=http://" + markers["evm"] + "@x"},
		{"PYLON_OPEN_ACCESS_TOKEN=" + markers["open access"], "PYLON_OPEN_ACCESS_TOKEN_FILE=x"},
	} {
		_, err := load(t, environ...)
		if err == nil {
			t.Errorf("%s is fine?", environ[0][:30])
		}
		fmt.Fprintln(&out, err)
	}

	text := out.String() + s.log.String()
	for name, value := range markers {
		for form, secret := range map[string]string{
			"as it is": value, "in hex": hex.EncodeToString([]byte(value)), "in base64": base64.RawStdEncoding.EncodeToString([]byte(value))[:16],
			"escaped": url.QueryEscape(value), "half of it": value[:len(value)*3/4],
		} {
			if at := strings.Index(text, secret); at >= 0 {
				t.Errorf("the %s came out, %s: …%s…", name, form, text[max(0, at-100):min(len(text), at+100)])
			}
		}
	}
}
