package store

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

// openPostgres connects to a server. Many processes may do so.
func (s *Store) openPostgres(ctx context.Context, config Config) error {
	s.dialect, s.name = postgresDialect, "the server of the database URL"
	if !strings.HasPrefix(config.URL, "postgres://") && !strings.HasPrefix(config.URL, "postgresql://") {
		return fmt.Errorf("%w: the database URL does not begin with postgres://", ErrSettings)
	}
	server, err := pgx.ParseConfig(config.URL)
	if err != nil {
		// The parser's words may repeat parts of the URL.
		return fmt.Errorf("%w: the database URL is not one of PostgreSQL", ErrSettings)
	}
	s.name = "database " + strconv.Quote(server.Database) + " at " + net.JoinHostPort(server.Host, strconv.Itoa(int(server.Port)))
	if server.ConnectTimeout == 0 {
		server.ConnectTimeout = config.Timeout
	}
	if server.RuntimeParams["application_name"] == "" {
		server.RuntimeParams["application_name"] = "pylon"
	}
	db := stdlib.OpenDB(*server)
	db.SetMaxOpenConns(8)
	db.SetMaxIdleConns(8)
	db.SetConnMaxIdleTime(5 * time.Minute)
	s.reader, s.writer = db, db
	return s.migrate(ctx, db)
}
