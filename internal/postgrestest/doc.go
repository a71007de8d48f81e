// Package postgrestest gives tests a real PostgreSQL server: the one that
// PYLON_TEST_POSTGRES names ("postgres://user:password@host:port/database"), or
// one of their own, started from the programs in PATH or of Debian's package
// postgresql. For tests only.
package postgrestest
