package intents

import (
	"context"
	"database/sql"
	"net/url"
	"os"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"

	pylon "github.com/bittensor-pylon/pylon"
	"github.com/bittensor-pylon/pylon/devchain"
)

// schemaURL is an empty place on a PostgreSQL server.
func schemaURL(t *testing.T, name string) string {
	t.Helper()
	p, err := postgres()
	if err != nil {
		if os.Getenv("PYLON_REQUIRE_ALL") == "1" {
			t.Fatalf("a PostgreSQL server: %v", err)
		}
		t.Skipf("a PostgreSQL server: %v", err)
	}
	name = "pylon_intents_" + name
	db, err := sql.Open("pgx", p.URL)
	must(t, err)
	defer func() { _ = db.Close() }()
	for _, statement := range []string{"DROP SCHEMA IF EXISTS " + name + " CASCADE", "CREATE SCHEMA " + name} {
		_, err = db.ExecContext(t.Context(), statement)
		must(t, err)
	}
	u, err := url.Parse(p.URL)
	must(t, err)
	query := u.Query()
	query.Set("search_path", name)
	u.RawQuery = query.Encode()
	return u.String()
}

// Two processes on one PostgreSQL server: when the one that works for a hotkey is killed, the other takes over when its
// lease is over, and goes on with the same bytes.
func TestTakeOverOnPostgres(t *testing.T) {
	t.Parallel()
	for _, point := range []string{PointSignRecorded, PointSent, PointInBlock} {
		t.Run(point, func(t *testing.T) {
			w := newWorld(t, worldConfig{subnets: []devchain.Subnet{{Netuid: 1, Neurons: 16, Tempo: 300}}, config: Config{LeaseTTL: time.Second}})
			w.close()
			w.path = schemaURL(t, point)
			if !killVictim(t, w, point) {
				t.Fatal("the process was not killed")
			}
			w.open()
			intents, _, err := w.engine.Intents(t.Context(), pylon.IntentFilter{Identity: "sn"})
			must(t, err)
			intent, err := during2(w, func(ctx context.Context) (pylon.Intent, error) {
				return w.engine.Wait(ctx, intents[0].ID, pylon.WaitFinalized)
			})
			must(t, err)
			if intent.State != pylon.StateFinalized || intent.Attempts != 1 || len(w.succeeded()) != 1 {
				t.Errorf("%s; %v", describe(intent), w.extrinsics())
			}
			must(t, w.dev.CheckNonces())
		})
	}
}
