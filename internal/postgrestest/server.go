package postgrestest

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
)

// Variable is the variable of the environment that names a server to test with.
const Variable = "PYLON_TEST_POSTGRES"

// Password is the one that our own server asks for, a text to look for where no secret belongs.
const Password = "canary-9f3a51"

// Server is a PostgreSQL server. Close ends it if it is our own.
type Server struct {
	// URL is where it is, with the user and the password of its owner.
	URL     string
	folder  string
	process *exec.Cmd
}

// Start returns a server that takes connections.
func Start() (*Server, error) {
	if named := os.Getenv(Variable); named != "" {
		return &Server{URL: named}, nil
	}
	bin, err := programs()
	if err != nil {
		return nil, err
	}
	// A short name: the path of a socket has at most 107 bytes.
	folder, err := os.MkdirTemp("", "pylonpg")
	if err != nil {
		return nil, err
	}
	s := &Server{folder: folder}
	if err := s.start(bin); err != nil {
		s.Close()
		return nil, err
	}
	query := url.Values{"host": {folder}, "sslmode": {"disable"}}
	s.URL = "postgres://pylon:" + Password + "@/postgres?" + query.Encode()
	return s, nil
}

// Socket is the path of the Unix socket of our own server, "" for one that the environment names.
func (s *Server) Socket() string {
	if s.folder == "" {
		return ""
	}
	return filepath.Join(s.folder, ".s.PGSQL.5432")
}

func (s *Server) start(bin string) error {
	secret, data := filepath.Join(s.folder, "password"), filepath.Join(s.folder, "data")
	if err := os.WriteFile(secret, []byte(Password+"\n"), 0o644); err != nil {
		return err
	}
	initdb, err := s.command(bin, "initdb", "--pgdata="+data, "--username=pylon", "--auth=scram-sha-256", "--pwfile="+secret,
		"--no-sync", "--encoding=UTF8", "--locale=C")
	if err != nil {
		return err
	}
	if out, err := initdb.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w: %s", err, out)
	}
	process, err := s.command(bin, "postgres", "-D", data, "-k", s.folder, "-c", "listen_addresses=")
	if err != nil {
		return err
	}
	said, err := process.StderrPipe()
	if err != nil {
		return err
	}
	if err := process.Start(); err != nil {
		return err
	}
	s.process = process
	return awaitReady(said)
}

// awaitReady reads what a server says until it takes connections, and lets
// somebody read the rest, because a full pipe would stop the server.
func awaitReady(said io.Reader) error {
	var words strings.Builder
	for lines := bufio.NewScanner(said); lines.Scan(); {
		if strings.Contains(lines.Text(), "ready to accept connections") {
			go func() { _, _ = io.Copy(io.Discard, said) }()
			return nil
		}
		words.WriteString(lines.Text() + "\n")
	}
	return errors.New("postgres: " + words.String())
}

// command runs a program as a user that is not root, which the server asks for,
// and gives that user the folder.
func (s *Server) command(bin, program string, arguments ...string) (*exec.Cmd, error) {
	cmd := exec.Command(filepath.Join(bin, program), arguments...) //nolint:noctx // Close ends it
	cmd.Dir = s.folder
	if os.Geteuid() != 0 {
		endWithUs(cmd, -1, -1)
		return cmd, nil
	}
	account, err := user.Lookup("postgres")
	if err != nil {
		if account, err = user.Lookup("nobody"); err != nil {
			return nil, err
		}
	}
	uid, err := strconv.Atoi(account.Uid)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.Atoi(account.Gid)
	if err != nil {
		return nil, err
	}
	endWithUs(cmd, uid, gid)
	return cmd, os.Chown(s.folder, uid, gid)
}

// Close ends the server and removes its files.
func (s *Server) Close() {
	if s.process != nil && s.process.Process != nil {
		_ = s.process.Process.Signal(os.Interrupt)
		_ = s.process.Wait()
	}
	if s.folder != "" {
		_ = os.RemoveAll(s.folder)
	}
}

// programs finds the folder of initdb and postgres.
func programs() (string, error) {
	if path, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(path), nil
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil || len(found) == 0 {
		return "", errors.New("initdb is neither in PATH nor in /usr/lib/postgresql/*/bin, and " + Variable + " is not set")
	}
	return filepath.Dir(found[len(found)-1]), nil
}
