package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// MaxPage is how many records a page has at most.
const MaxPage = 500

// Filter chooses records. The zero value chooses all of them; each field that is set narrows the choice.
type Filter struct {
	Genesis   *[32]byte
	Hotkey    *[32]byte
	Identity  string
	Kind      string
	Netuid    *uint16
	Mechanism *uint8
	States    []string
	// Open chooses records that have not ended, Ended those that have. Both: none.
	Open, Ended bool
}

// Page is a part of a list.
type Page struct {
	// After is Listing.Next of the page before; empty for the first page.
	After string
	// Limit is how many records the page may have, at most MaxPage. Defaults to 100.
	Limit int
}

// Listing is a page of records, newest first.
type Listing struct {
	Records []Record
	// Next is the Page.After of the page that follows; empty when there is none.
	Next string
}

// Get returns one record. It fails with [ErrNotFound].
func (s *Store) Get(ctx context.Context, id string) (Record, error) {
	var r Record
	err := s.read(ctx, "get", func(ctx context.Context, db *sql.DB) error {
		return get(ctx, db, id, "", &r)
	})
	return r, err
}

func get(ctx context.Context, db asker, id, lock string, r *Record) error {
	if len(id) > maxWord || strings.ContainsRune(id, 0) {
		return ErrNotFound
	}
	err := r.scan(db.QueryRowContext(ctx, selectRecord+"WHERE id = $1"+lock, strings.ToValidUTF8(id, "")))
	if errors.Is(err, sql.ErrNoRows) {
		return ErrNotFound
	}
	return err
}

// Open returns the records of a hotkey that have not ended, in the order of their arrival.
func (s *Store) Open(ctx context.Context, genesis, hotkey [32]byte) ([]Record, error) {
	var found []Record
	err := s.read(ctx, "read open intents", func(ctx context.Context, db *sql.DB) (err error) {
		found, err = records(db.QueryContext(ctx, selectRecord+"WHERE genesis = $1 AND hotkey = $2 AND ended_at = 0 ORDER BY seq",
			genesis[:], hotkey[:]))
		return err
	})
	return found, err
}

// List returns a page of the records that filter chooses, newest first. It fails with [ErrInvalid] when Page.After is
// not from a listing.
func (s *Store) List(ctx context.Context, filter Filter, page Page) (Listing, error) {
	query, args, limit, err := filter.query(page)
	if err != nil {
		return Listing{}, s.failure(ctx, "list", err)
	}
	var listing Listing
	err = s.read(ctx, "list", func(ctx context.Context, db *sql.DB) (err error) {
		listing.Records, err = records(db.QueryContext(ctx, query, args...))
		return err
	})
	if err != nil {
		return Listing{}, err
	}
	if len(listing.Records) > limit {
		listing.Records = listing.Records[:limit]
		listing.Next = strconv.FormatInt(listing.Records[limit-1].seq, 36)
	}
	return listing, nil
}

// Count is how many records of an identity are in a state.
type Count struct {
	Identity string
	State    string
	Records  int
}

// Counts returns how many records there are by identity and state, in the order of both. It looks at every record.
func (s *Store) Counts(ctx context.Context) ([]Count, error) {
	var found []Count
	err := s.read(ctx, "count", func(ctx context.Context, db *sql.DB) error {
		rows, err := db.QueryContext(ctx, "SELECT identity, state, count(*) FROM pylon_intents GROUP BY identity, state ORDER BY identity, state")
		if err != nil {
			return err
		}
		defer rows.Close()
		found = nil
		for rows.Next() {
			var c Count
			if err := rows.Scan(&c.Identity, &c.State, &c.Records); err != nil {
				return err
			}
			found = append(found, c)
		}
		return rows.Err()
	})
	return found, err
}

// query asks for one record more than the page has, to know whether another page follows.
func (f Filter) query(page Page) (query string, args []any, limit int, err error) {
	limit = page.Limit
	if limit == 0 {
		limit = 100
	}
	if limit < 0 || limit > MaxPage {
		return "", nil, 0, fmt.Errorf("%w: a page of %d records is not between 1 and %d", ErrInvalid, limit, MaxPage)
	}
	var where []string
	add := func(condition string, arg any) {
		args = append(args, arg)
		where = append(where, condition+" $"+strconv.Itoa(len(args)))
	}
	if page.After != "" {
		seq, err := strconv.ParseInt(page.After, 36, 64)
		if err != nil || seq < 1 {
			return "", nil, 0, fmt.Errorf("%w: %q is not the name of a page", ErrInvalid, plain(page.After))
		}
		add("seq <", seq)
	}
	if f.Genesis != nil {
		add("genesis =", f.Genesis[:])
	}
	if f.Hotkey != nil {
		add("hotkey =", f.Hotkey[:])
	}
	if f.Identity != "" {
		add("identity =", plain(f.Identity))
	}
	if f.Kind != "" {
		add("kind =", plain(f.Kind))
	}
	if f.Netuid != nil {
		add("netuid =", int64(*f.Netuid))
	}
	if f.Mechanism != nil {
		add("mechanism =", int64(*f.Mechanism))
	}
	if len(f.States) > 0 {
		in := make([]string, len(f.States))
		for i, state := range f.States {
			args = append(args, plain(state))
			in[i] = "$" + strconv.Itoa(len(args))
		}
		where = append(where, "state IN ("+strings.Join(in, ", ")+")")
	}
	if f.Open {
		where = append(where, "ended_at = 0")
	}
	if f.Ended {
		where = append(where, "ended_at > 0")
	}
	query = selectRecord
	if len(where) > 0 {
		query += "WHERE " + strings.Join(where, " AND ")
	}
	args = append(args, limit+1)
	return query + " ORDER BY seq DESC LIMIT $" + strconv.Itoa(len(args)), args, limit, nil
}

// records reads all rows of selectRecord.
func records(rows *sql.Rows, err error) ([]Record, error) {
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []Record
	for rows.Next() {
		var r Record
		if err := r.scan(rows); err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	return all, rows.Err()
}
