package pylon

import (
	"container/list"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"
)

// mostNeuronClients is how many clients of neurons are kept: one for each neuron of a subnet, and one.
const mostNeuronClients = 257

// neuronClients keeps the clients of neurons that were used last.
type neuronClients struct {
	certificate *tls.Certificate // shown to neurons; nil for plain HTTP
	keepAlive   time.Duration

	mu      sync.Mutex // guards the rest
	entries map[neuronKey]*list.Element
	order   list.List // of *NeuronClient, the last used first
}

// neuronKey says whose client it is: a hotkey that moves, and an address that another hotkey takes over, get another one.
type neuronKey struct {
	address netip.AddrPort
	hotkey  Hotkey
}

func (n *neuronClients) prepare(config Config) error {
	n.entries = make(map[neuronKey]*list.Element)
	n.keepAlive = config.NeuronKeepAlive
	if config.MTLSCertPath == "" || config.NeuronsFile != "" {
		return nil
	}
	certificate, err := tls.LoadX509KeyPair(config.MTLSCertPath, config.MTLSKeyPath)
	if err != nil {
		return &ConfigError{Field: "MTLSCertPath", Detail: "mtls_cert_path and mtls_key_path cannot be used: " + err.Error(), Err: err}
	}
	n.certificate = &certificate
	return nil
}

// NeuronClient makes requests to one neuron. It is safe for concurrent use.
type NeuronClient struct {
	// URL is the neuron's address, without a slash at its end.
	URL string

	key       neuronKey
	http      *http.Client
	transport *http.Transport
	all       *neuronClients
}

// Neuron returns a client of a neuron.
//
// Without Config.MTLSCertPath, or with Config.NeuronsFile, it speaks plain HTTP. Otherwise it speaks TLS, shows the
// configured certificate, and speaks to nobody but the holder of the key that the neuron's hotkey has published, which
// it reads from the service with the configured identity. A neuron that has another key, no certificate, or one that is
// not valid now, is an ErrVerification; one that can not be reached is not.
//
// Redirects are answers like any other: a neuron does not say whom else its client speaks to.
//
// Clients are kept, 257 at most; the one that was used longest ago has to go.
func (c *Client) Neuron(ctx context.Context, neuron *Neuron) (*NeuronClient, error) {
	address := netip.AddrPortFrom(neuron.AxonInfo.IP.Unmap(), neuron.AxonInfo.Port)
	if !neuron.AxonInfo.IsServing() || address.Port() == 0 {
		return nil, &ArgumentError{Argument: "neuron", Detail: "it has published no address"}
	}
	key := neuronKey{address: address, hotkey: neuron.Hotkey}
	if kept := c.neurons.get(key); kept != nil {
		return kept, nil
	}
	transport := &http.Transport{
		DialContext:         (&net.Dialer{Timeout: c.config.Timeouts.Connect}).DialContext,
		TLSHandshakeTimeout: c.config.Timeouts.Connect,
		IdleConnTimeout:     max(c.neurons.keepAlive, 0),
		DisableKeepAlives:   c.neurons.keepAlive < 0,
	}
	scheme := "http://"
	if c.neurons.certificate != nil {
		config, err := c.pinnedTLS(ctx, neuron.Hotkey, address)
		if err != nil {
			return nil, err
		}
		scheme, transport.TLSClientConfig = "https://", config
	}
	return c.neurons.add(&NeuronClient{
		URL: scheme + address.String(),
		key: key,
		http: &http.Client{
			Transport:     transport,
			Timeout:       max(c.config.NeuronTimeout, 0),
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		transport: transport,
		all:       &c.neurons,
	}), nil
}

// Do makes a request to the neuron. A failure of TLS is an ErrVerification; the next call of Client.Neuron then looks at
// the neuron's certificate anew.
func (n *NeuronClient) Do(request *http.Request) (*http.Response, error) {
	response, err := n.http.Do(request)
	if err == nil {
		return response, nil
	}
	if isTLS(err) {
		n.all.evict(n)
		return nil, &VerificationError{
			Hotkey: n.key.hotkey, Address: n.key.address, Detail: "mTLS verification failed connecting to " + n.URL, Err: err,
		}
	}
	return nil, err
}

// get returns a client that is kept, or nil.
func (n *neuronClients) get(key neuronKey) *NeuronClient {
	n.mu.Lock()
	defer n.mu.Unlock()
	element := n.entries[key]
	if element == nil {
		return nil
	}
	n.order.MoveToFront(element)
	return element.Value.(*NeuronClient)
}

// add keeps a client, unless there is one already, and returns the one that is kept.
func (n *neuronClients) add(client *NeuronClient) *NeuronClient {
	n.mu.Lock()
	defer n.mu.Unlock()
	if element := n.entries[client.key]; element != nil {
		return element.Value.(*NeuronClient)
	}
	n.entries[client.key] = n.order.PushFront(client)
	if n.order.Len() > mostNeuronClients {
		n.remove(n.order.Back())
	}
	return client
}

// evict forgets a client, if it is still the one that is kept.
func (n *neuronClients) evict(client *NeuronClient) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if element := n.entries[client.key]; element != nil && element.Value == client {
		n.remove(element)
	}
}

func (n *neuronClients) closeAll() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for n.order.Len() > 0 {
		n.remove(n.order.Back())
	}
}

// remove is called with mu held.
func (n *neuronClients) remove(element *list.Element) {
	client := n.order.Remove(element).(*NeuronClient)
	delete(n.entries, client.key)
	client.transport.CloseIdleConnections()
}

// isTLS tells whether a request failed because of TLS, and not of the connection below it.
func isTLS(err error) bool {
	var verification *VerificationError
	var certificate *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var alert tls.AlertError
	return errors.As(err, &verification) || errors.As(err, &certificate) || errors.As(err, &record) || errors.As(err, &alert) ||
		isRemoteAlert(err)
}

// isRemoteAlert tells whether the peer has refused us in the words of TLS: it may do so long after the handshake.
func isRemoteAlert(err error) bool {
	var operation *net.OpError
	return errors.As(err, &operation) && operation.Op == "remote error"
}
