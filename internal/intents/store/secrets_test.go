package store

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bittensor-pylon/pylon/internal/postgrestest"
)

// The credentials of the server are in no table, and those of this process, its environment among them, in no file, no
// log line and no error.
func TestNoSecrets(t *testing.T) {
	const secret = "t0k3n-canary-7e1b"
	t.Setenv("PYLON_OPEN_ACCESS_TOKEN", secret)
	for _, kind := range []string{"sqlite", "postgres"} {
		t.Run(kind, func(t *testing.T) {
			folder := t.TempDir()
			d := database{config: Config{Path: filepath.Join(folder, "pylon.db")}}
			if kind == "postgres" {
				d.config.URL = server.schema(t, nil)
			}
			var log bytes.Buffer
			s := d.open(t, func(c *Config) {
				c.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
			})
			log.WriteString(fmt.Sprint(s.Holder()))
			r := put(t, s, weights(), Policy{}).Record
			lease := acquire(t, s, "me", r)
			r = update(t, s, lease, r, sign(1))
			update(t, s, lease, r, end(s))
			_, err := s.Update(t.Context(), lease, r)
			log.WriteString(fmt.Sprint(err))
			if kind == "sqlite" {
				second := d.open(t, func(c *Config) { c.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
				_, err := second.Cancel(t.Context(), r.ID)
				log.WriteString(fmt.Sprint(err))
			}
			found := map[string]string{"log": log.String()}
			if kind == "postgres" {
				for _, table := range []string{"pylon_intents", "pylon_hotkeys", "pylon_schema"} {
					var rows string
					must(t, s.reader.QueryRowContext(t.Context(), "SELECT COALESCE(string_agg(t::text, ' '), '') FROM "+table+" t").Scan(&rows))
					found[table] = rows
				}
			}
			files, err := os.ReadDir(folder)
			must(t, err)
			for _, file := range files {
				content, err := os.ReadFile(filepath.Join(folder, file.Name()))
				must(t, err)
				found[file.Name()] = string(content)
			}
			if want := map[string]int{"sqlite": 5, "postgres": 4}[kind]; len(found) != want {
				t.Errorf("looked at %d places, want %d", len(found), want)
			}
			everything := ""
			for name, content := range found {
				everything += content
				if strings.Contains(content, secret) || strings.Contains(content, postgrestest.Password) {
					t.Errorf("a secret in %s", name)
				}
			}
			if !strings.Contains(everything, r.ID) {
				t.Error("what should be there was not found either")
			}
		})
	}
}

// What a put costs that waits for the disk, and what the statements around it cost.
func BenchmarkStore(b *testing.B) {
	for _, kind := range []string{"memory", "sqlite", "postgres"} {
		b.Run(kind, func(b *testing.B) {
			d := database{config: Config{Path: Memory}}
			switch kind {
			case "sqlite":
				d.config.Path = filepath.Join(b.TempDir(), "pylon.db")
			case "postgres":
				d.config.URL = server.schema(b, nil)
			}
			s := d.open(b)
			r := weights(func(r *Record) { r.Request = make([]byte, 5000) })
			b.Run("put", func(b *testing.B) {
				for b.Loop() {
					put(b, s, r, Policy{Replace: true})
				}
			})
			b.Run("put by many at once", func(b *testing.B) {
				b.SetParallelism(4)
				b.RunParallel(func(p *testing.PB) {
					mine := r
					mine.Hotkey[0] = byte(time.Now().UnixNano())
					for p.Next() {
						if _, err := s.Put(b.Context(), mine, Policy{Replace: true}); err != nil {
							b.Error(err)
						}
					}
				})
			})
			stored := put(b, s, r, Policy{}).Record
			lease := acquire(b, s, "me", r)
			b.Run("update", func(b *testing.B) {
				for b.Loop() {
					stored = update(b, s, lease, stored, func(r *Record) { r.Attempts++ })
				}
			})
			b.Run("acquire", func(b *testing.B) {
				for b.Loop() {
					acquire(b, s, "me", r)
				}
			})
			b.Run("acquire what another holds", func(b *testing.B) {
				for b.Loop() {
					if _, ok, err := s.Acquire(b.Context(), r.Genesis, r.Hotkey, "other", time.Minute); ok || err != nil {
						b.Fatal(ok, err)
					}
				}
			})
			b.Run("get", func(b *testing.B) {
				for b.Loop() {
					if _, err := s.Get(b.Context(), stored.ID); err != nil {
						b.Fatal(err)
					}
				}
			})
			b.Run("open", func(b *testing.B) {
				for b.Loop() {
					if _, err := s.Open(b.Context(), r.Genesis, r.Hotkey); err != nil {
						b.Fatal(err)
					}
				}
			})
		})
	}
}
