package intents

import (
	"context"
	"database/sql"
	"sync"
	"testing"
	"time"

	pylon "github.com/bittensor-pylon/pylon"
	"github.com/bittensor-pylon/pylon/devchain"
)

// locker takes the database for itself when the engine comes to a point for the first time, so that nothing can be
// written down from there on.
type locker struct {
	point, path string
	once        sync.Once
	taken       chan error
	conn        *sql.Conn
	db          *sql.DB
}

func (l *locker) at(point string) {
	if point == l.point {
		l.once.Do(func() { l.taken <- l.take() })
	}
}

func (l *locker) take() (err error) {
	if l.db, err = sql.Open("sqlite", "file:"+l.path); err != nil {
		return err
	}
	if l.conn, err = l.db.Conn(context.Background()); err != nil {
		return err
	}
	_, err = l.conn.ExecContext(context.Background(), "BEGIN IMMEDIATE")
	return err
}

func (l *locker) release(t *testing.T) {
	t.Helper()
	_, err := l.conn.ExecContext(context.Background(), "ROLLBACK")
	must(t, err)
	must(t, l.conn.Close())
	must(t, l.db.Close())
}

// The database takes nothing any more at some point of an intent's life, for some blocks: what could not be written down
// is not sent, and when it takes something again the intent goes on, and is on the chain once.
func TestLockedDatabaseBetweenTwoSteps(t *testing.T) {
	t.Parallel()
	for _, point := range []string{PointPlanned, PointSigned, PointSent, PointInBlock, PointFinalized, PointOutcome} {
		t.Run(point, func(t *testing.T) {
			t.Parallel()
			lock := &locker{point: point, taken: make(chan error, 1)}
			w := newWorld(t, worldConfig{file: true, lag: 1, subnets: []devchain.Subnet{{Netuid: 1, Neurons: 16, Tempo: 300}}})
			w.close()
			lock.path, w.storeTimeout, w.config.Crash, w.config.Logger = w.path, 100*time.Millisecond, lock.at, quiet()
			w.open()
			w.produce(1)
			id := w.put(0, miners(t))
			for locked := false; !locked; {
				select {
				case err := <-lock.taken:
					must(t, err)
					locked = true
				default:
					w.produce(1)
				}
			}
			before := len(w.extrinsics())
			w.produce(4)
			if point == PointPlanned || point == PointSigned {
				if sent := len(w.extrinsics()) - before + len(w.dev.Pending()); sent != 0 || before != 0 {
					t.Errorf("%d extrinsics were sent that are not written down", sent)
				}
			}
			lock.release(t)
			intent := w.until(id, 8, pylon.StateFinalized)
			if calls := w.extrinsics(); len(calls) != 1 || intent.Attempts != 1 {
				t.Errorf("%v; %s", calls, describe(intent))
			}
			must(t, w.dev.CheckNonces())
		})
	}
}
