package sqlnonces_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/bittensor-pylon/pylon/axon"
	"github.com/bittensor-pylon/pylon/sqlnonces"
	"github.com/bittensor-pylon/pylon/wallet"
)

func Example() {
	ctx := context.Background()
	folder, _ := os.MkdirTemp("", "nonces")
	defer func() { _ = os.RemoveAll(folder) }()

	// The program imports the driver: _ "modernc.org/sqlite".
	db, err := sql.Open("sqlite", "file:"+filepath.Join(folder, "nonces.db")+"?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = db.Close() }()

	hotkey, _ := wallet.FromURI("//Bob")
	nonces, err := sqlnonces.New(ctx, sqlnonces.Config{DB: db, Dialect: sqlnonces.SQLite, Receiver: hotkey.Address()})
	if err != nil {
		fmt.Println(err)
		return
	}
	a, err := axon.New(axon.Config{Signer: hotkey, Verifier: wallet.NewVerifier(0), Nonces: nonces})
	fmt.Println(a, err)

	// What the axon does with a message, twice.
	now := time.Now()
	for range 2 {
		fmt.Println(nonces.Advance(ctx, "5Grwva…:id", now.UnixNano(), now, now.Add(time.Minute)))
	}
	// Output:
	// Axon([::], 8091, 5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty, stopped, ['Synapse']) <nil>
	// true <nil>
	// false <nil>
}
