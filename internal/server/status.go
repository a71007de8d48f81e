package server

import (
	"encoding/json"
	"net/http"
	"sync"
	"time"

	pylon "github.com/bittensor-pylon/pylon"
)

// StatusReader tells what an operator wants to see at a glance.
type StatusReader interface {
	// Status returns what is known at the moment. It asks nobody and does not wait. Nothing in it may be secret, and what it
	// returns is the caller's.
	Status() Status
}

// Status is the state of the service. Ages are in seconds; a list that is empty is left out of the page.
type Status struct {
	Version       string  `json:"version" doc:"Version of the service."`
	Network       string  `json:"network" doc:"Name or address of the network, without credentials."`
	UptimeSeconds float64 `json:"uptime_seconds"`
	// Head is the newest block, Finalized the newest that stays; nil, and left out, before the first.
	Head      *BlockStatus   `json:"head,omitempty"`
	Finalized *BlockStatus   `json:"finalized,omitempty"`
	Nodes     []NodeStatus   `json:"nodes"`
	Subnets   []SubnetStatus `json:"subnets" doc:"The subnets whose neurons are in memory."`
	Caches    []CacheStatus  `json:"caches"`
	// Intents are counted by identity and state. Nil means that the service has none to tell of.
	Intents []IntentStatus `json:"intents,omitempty" doc:"Changes on their way to the chain, by identity and state."`
}

// BlockStatus is a block and how long it has been the newest.
type BlockStatus struct {
	Number     uint64  `json:"number"`
	Hash       string  `json:"hash"`
	AgeSeconds float64 `json:"age_seconds" doc:"How long ago the service first heard of it."`
}

// NodeStatus is a node of the chain.
type NodeStatus struct {
	Role  string `json:"role" doc:"main or archive."`
	Name  string `json:"name" doc:"Address, without credentials."`
	State string `json:"state" doc:"healthy, idle, or what is wrong with it."`
	// Head is the number of the newest block that the node has told of, 0 before the first.
	Head           uint64  `json:"head"`
	HeadAgeSeconds float64 `json:"head_age_seconds"`
	Reconnects     uint64  `json:"reconnects"`
	LastError      string  `json:"last_error,omitempty" doc:"What kind of failure the last one was."`
}

// SubnetStatus is a subnet whose neurons are in memory.
type SubnetStatus struct {
	Netuid  pylon.Netuid `json:"netuid"`
	Neurons int          `json:"neurons"`
	// Block is the block that they belong to.
	Block uint64 `json:"block"`
	// Kept says what for: "latest" is read ahead on every block, "recent" is the cache of recent objects.
	Kept string `json:"kept"`
}

// CacheStatus is a cache in memory.
type CacheStatus struct {
	Name    string `json:"name"`
	Bytes   int64  `json:"bytes"`
	Limit   int64  `json:"limit" doc:"In bytes."`
	Entries int64  `json:"entries"`
	Hits    uint64 `json:"hits"`
	Misses  uint64 `json:"misses"`
}

// IntentStatus counts the intents of an identity that are in the same state.
type IntentStatus struct {
	Identity string `json:"identity"`
	State    string `json:"state"`
	Count    int    `json:"count"`
}

// report is the status with what the server itself knows.
type report struct {
	Status

	Identities   []identityStatus `json:"identities"`
	Connections  int              `json:"connections"`
	EventReaders int              `json:"event_readers"`
	Errors       []failureStatus  `json:"recent_errors" doc:"The newest answers that are failures of the service, newest first."`
}

type identityStatus struct {
	Name   string       `json:"name"`
	Netuid pylon.Netuid `json:"netuid"`
}

// failureStatus is an answer that went wrong, with nothing that its client was not told.
type failureStatus struct {
	At        time.Time `json:"at"`
	Status    int       `json:"status"`
	Method    string    `json:"method"`
	Route     string    `json:"route"`
	Detail    string    `json:"detail"`
	RequestID string    `json:"request_id" doc:"Of the newest, as the log has it."`
	Count     int       `json:"count" doc:"How often it happened in a row."`
}

func (x *exchange) answerStatus() error {
	s := x.server
	report := report{Status: s.config.Status.Status(), Errors: s.failures.newest(), EventReaders: s.stream.readerCount()}
	report.Connections = int(s.connections.Load())
	report.Identities = make([]identityStatus, len(s.identityList))
	for i, known := range s.identityList {
		report.Identities[i] = identityStatus(known)
	}
	report.Caches = append(report.Caches, s.bodies.status())
	report.Nodes = orEmpty(report.Nodes)
	report.Subnets = orEmpty(report.Subnets)
	body, err := json.Marshal(report)
	if err != nil {
		return err
	}
	x.writer.Header()["Cache-Control"] = noStore
	x.writeJSON(http.StatusOK, body)
	return nil
}

var noStore = []string{"no-store"}

// orEmpty makes a list that is missing an empty one, which JSON writes as a list.
func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// failures are the newest answers that went wrong. Equal ones in a row count as one.
type failures struct {
	mu   sync.Mutex
	ring [failuresKept]failureStatus // guarded by mu
	next int                         // place of the next one, guarded by mu
}

const failuresKept = 32

func (f *failures) add(failure failureStatus) {
	f.mu.Lock()
	defer f.mu.Unlock()
	last := &f.ring[(f.next+failuresKept-1)%failuresKept]
	if last.Status == failure.Status && last.Method == failure.Method && last.Route == failure.Route && last.Detail == failure.Detail {
		last.At, last.RequestID = failure.At, failure.RequestID
		last.Count++
		return
	}
	failure.Count = 1
	f.ring[f.next] = failure
	f.next = (f.next + 1) % failuresKept
}

// newest returns them, newest first.
func (f *failures) newest() []failureStatus {
	f.mu.Lock()
	defer f.mu.Unlock()
	found := make([]failureStatus, 0, failuresKept)
	for i := range failuresKept {
		if failure := f.ring[(f.next+2*failuresKept-1-i)%failuresKept]; failure.Count > 0 {
			found = append(found, failure)
		}
	}
	return found
}
