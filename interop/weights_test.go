//go:build interop

package interop

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

const devToken = "my_secret_token"

// intent is what the service tells of one.
type intent struct {
	ID, State, Reason, Detail, Method string
	StartBlock                        uint64 `json:"start_block"`
	NotBefore                         uint64 `json:"not_before"`
	Block                             struct{ Number uint64 }
}

// write asks the service for something to be written.
func write(t *testing.T, method, url, token, body string) (status int, answer string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+token)
	request.Header.Set("X-Pylon-Timeout", "120")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(content)
}

// putWeights hands weights over and waits. In the last blocks of an epoch, which have no room any more, it is done again.
func putWeights(t *testing.T, url, token, body, wait string) intent {
	t.Helper()
	for deadline := time.After(time.Minute); ; {
		status, answer := write(t, http.MethodPut, url+"?wait="+wait, token, body)
		var scheduled struct{ Intent intent }
		if err := json.Unmarshal([]byte(answer), &scheduled); err != nil {
			t.Fatalf("%d %s", status, answer)
		}
		if status == http.StatusOK {
			return scheduled.Intent
		}
		if status != http.StatusBadGateway || !strings.Contains(answer, "and them over") {
			t.Fatalf("PUT %s: %d %s", url, status, answer)
		}
		select {
		case <-deadline:
			t.Fatalf("the epochs have no room: %s", answer)
		case <-time.After(100 * time.Millisecond): // a block is longer
		}
	}
}

// readBack lets polkadot-js find the weights on the chain.
func readBack(t *testing.T, chain string, netuid, mechanism int, validator, expected string) {
	t.Helper()
	script(t, time.Minute, "node", filepath.Join(root, "interop", "polkadotjs", "weights.mjs"), filepath.Join(cache, "polkadotjs"), chain,
		strconv.Itoa(netuid), strconv.Itoa(mechanism), validator, expected)
}

const (
	aliceAddress = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY"
	bobAddress   = "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty"

	// A stranger's hotkey is dropped; half of the largest is rounded to even.
	someWeights     = `{"weights":{"` + aliceAddress + `":2,"` + bobAddress + `":1,"5DTestUPts3kjeXSTMyerHihn1uwMfLj8vU8sqF7qYrFabHE":9}}`
	someOnTheChain  = `{"//Alice":65535,"//Bob":32768}`
	otherWeights    = `{"weights":{"` + bobAddress + `":7}}`
	otherOnTheChain = `{"//Bob":65535}`
)

// Each subnet of the development chain takes weights in its own way; after all of them polkadot-js reads the same back.
func TestWeightsAreReadBack(t *testing.T) {
	service, chain := startDev(t, "--block-time", "250ms")
	url := func(netuid, mechanism int) string {
		return fmt.Sprintf("%s/api/_unstable/identity/sn%d/subnet/%d/mechanism/%d/weights", service, netuid, netuid, mechanism)
	}
	t.Run("direct", func(t *testing.T) {
		if done := putWeights(t, url(1, 0), devToken, someWeights, "finalized"); done.State != "finalized" || done.Method != "direct" {
			t.Errorf("%+v", done)
		}
		readBack(t, chain, 1, 0, "//Alice", someOnTheChain)
	})
	t.Run("revealed within two tempos", func(t *testing.T) {
		done := putWeights(t, url(2, 0), devToken, someWeights, "revealed")
		if done.State != "revealed" || done.Method != "timelocked_commit" {
			t.Errorf("%+v", done)
		}
		var latest struct{ Number uint64 }
		getJSON(t, service+"/api/v1/block/latest", "", &latest)
		if took := latest.Number - done.StartBlock; took > 2*21 {
			t.Errorf("it took %d blocks", took)
		}
		readBack(t, chain, 2, 0, "//Bob", someOnTheChain)
	})
	t.Run("mechanisms", func(t *testing.T) {
		putWeights(t, url(3, 1), devToken, otherWeights, "finalized")
		putWeights(t, url(3, 0), devToken, someWeights, "finalized")
		readBack(t, chain, 3, 1, "//Charlie", otherOnTheChain)
		readBack(t, chain, 3, 0, "//Charlie", someOnTheChain)
	})
	t.Run("rate limit", func(t *testing.T) {
		first := putWeights(t, url(4, 0), devToken, someWeights, "finalized")
		second := putWeights(t, url(4, 0), devToken, otherWeights, "finalized")
		if second.Block.Number < first.Block.Number+20 {
			t.Errorf("the first in block %d, the second in block %d", first.Block.Number, second.Block.Number)
		}
		readBack(t, chain, 4, 0, "//Dave", otherOnTheChain)
	})
}

// The README's commands do what it says. Should the epoch have no room left, they are run again, as it says too.
func TestWeightsOfTheREADME(t *testing.T) {
	readme, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(readme), "<!-- interop/weights_test.go runs this block. -->\n```bash\n")
	block, _, whole := strings.Cut(rest, "```")
	if !found || !whole {
		t.Fatal("the README has no such block")
	}
	service, chain := startDev(t, "--block-time", "500ms")
	block = strings.NewReplacer("http://127.0.0.1:8000", service, "ws://127.0.0.1:9944", chain).Replace(block)
	for attempt := range 4 {
		cmd := exec.CommandContext(t.Context(), "bash", "-e", "-c", block)
		cmd.Dir = root
		out, err := cmd.CombinedOutput()
		t.Logf("%s", out)
		if err == nil {
			return
		}
		exit := new(exec.ExitError)
		if noRoom := errors.As(err, &exit) && exit.ExitCode() == 22; !noRoom || attempt == 3 { // what curl -f says of a 502
			t.Fatal(err)
		}
		<-time.After(4 * 500 * time.Millisecond) // the rest of the epoch
	}
}
