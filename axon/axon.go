package axon

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/bittensor-pylon/pylon/synapse"
)

// Axon serves messages. It is safe for concurrent use.
type Axon struct {
	config    Config
	uuid      string
	hotkey    string
	notBefore int64 // nonces before this one are refused; 0 for none
	queue     *queue
	known     addresses

	mu     sync.RWMutex
	routes map[string]*route // guarded by mu
	names  []string          // guarded by mu; of the routes, as they were attached

	server server
}

// New returns an Axon that serves the message Synapse, the ping of the
// protocol, which it sends back as it came.
func New(c Config) (*Axon, error) {
	if err := c.validate(); err != nil {
		return nil, err
	}
	a := &Axon{
		config: c,
		uuid:   newUUID(),
		hotkey: c.Signer.Address(),
		queue:  newQueue(c.MaxWorkers, c.MaxQueue),
		routes: make(map[string]*route),
	}
	if c.Nonces == nil {
		a.config.Nonces = NewMemoryNonces(0)
		if c.Mode == Strict {
			a.notBefore = c.Now().UnixNano()
		}
	}
	ping := func(context.Context, *synapse.Synapse) error { return nil }
	if err := Attach(a, ping); err != nil {
		return nil, err
	}
	for _, r := range a.routes {
		r.builtIn = true
	}
	return a, nil
}

// Hotkey returns the address of the axon's hotkey.
func (a *Axon) Hotkey() string { return a.hotkey }

// UUID returns the id of this Axon, which error answers carry.
func (a *Axon) UUID() string { return a.uuid }

// Attached returns the names of the messages that the axon serves, in the order
// in which they were attached.
func (a *Axon) Attached() []string {
	a.mu.RLock()
	defer a.mu.RUnlock()
	return append([]string(nil), a.names...)
}

func (a *Axon) route(name string) *route {
	a.mu.RLock()
	defer a.mu.RUnlock()
	return a.routes[name]
}

var errNoExternalIP = errors.New("axon: ExternalIP is not set; DiscoverIP finds it")

// Info returns what the axon announces on the chain. It fails when there is no
// ExternalIP or it is no address.
func (a *Axon) Info() (synapse.AxonInfo, error) {
	if a.config.ExternalIP == "" {
		return synapse.AxonInfo{}, errNoExternalIP
	}
	ip, err := netip.ParseAddr(a.config.ExternalIP)
	if err != nil {
		return synapse.AxonInfo{}, fmt.Errorf("axon: ExternalIP: %w", err)
	}
	return synapse.AxonInfo{
		Version:  synapse.ProtocolVersion,
		IP:       ip.String(),
		Port:     a.config.ExternalPort,
		IPType:   ipType(ip),
		Hotkey:   a.hotkey,
		Coldkey:  a.config.Coldkey,
		Protocol: protocol,
	}, nil
}

// protocol is what every axon of the SDK announces.
const protocol = 4

func ipType(ip netip.Addr) int {
	if ip.Unmap().Is4() {
		return 4
	}
	return 6
}

// FullAddress is the IP and the port of the settings, such as "[::]:8091".
func (a *Axon) FullAddress() string { return a.config.IP + ":" + strconv.Itoa(a.config.Port) }

// String is Axon([::], 8091, hotkey, stopped, ['Synapse']).
func (a *Axon) String() string {
	state := "stopped"
	if a.Started() {
		state = "started"
	}
	return fmt.Sprintf("Axon(%s, %d, %s, %s, %s)", a.config.IP, a.config.Port, a.hotkey, state, pythonList(a.Attached()))
}

// pythonList writes names as Python prints a list of them.
func pythonList(names []string) string {
	if len(names) == 0 {
		return "[]"
	}
	return "['" + strings.Join(names, "', '") + "']"
}

// Caller is who sent a message.
type Caller struct {
	// Hotkey is the address of the hotkey, and PublicKey its key. They are what
	// the sender says until Verified.
	Hotkey    string
	PublicKey [32]byte
	// Verified tells that the signature was checked, with DefaultVerify or by
	// btauth. In the hook Blacklist it is always false.
	Verified bool
	// UUID and Version are what the sender says of its software; btauth has none.
	UUID    string
	Version int
	// Nonce is when the message was signed, in nanoseconds since 1970.
	Nonce int64
	// Remote is the other end of the connection.
	Remote netip.AddrPort
	// BTAuth tells that the message was signed with btauth/1.
	BTAuth bool
}

// CallerFrom returns who sent the message that a function or a hook works on.
func CallerFrom(ctx context.Context) (Caller, bool) {
	c, ok := ctx.Value(callKey{}).(*call)
	if !ok {
		return Caller{}, false
	}
	return *c.caller(), true
}

type callKey struct{}

func remoteOf(r *http.Request) netip.AddrPort {
	if addr, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
		return netip.AddrPortFrom(addr.Addr().Unmap(), addr.Port())
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return netip.AddrPort{}
	}
	addr, _ := netip.ParseAddr(host)
	return netip.AddrPortFrom(addr.Unmap(), 0)
}

// newUUID returns a random UUID. Python's are made of time and machine, but are
// any text to their readers.
func newUUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// Observation is what happened to one message.
type Observation struct {
	// Name is the message's name, or "" for one that is not attached.
	Name string
	// Hotkey is the caller's, if its signature was good.
	Hotkey string
	// Status is that of the answer.
	Status int
	// Duration is the time from the end of the request's head to the end of the
	// answer, Queued the part of it spent waiting for a worker.
	Duration, Queued time.Duration
	// BytesIn and BytesOut are the sizes of the bodies.
	BytesIn, BytesOut int64
}
