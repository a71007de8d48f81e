package axon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"time"
)

// ErrIPNotFound reports that nobody could tell our address.
var ErrIPNotFound = errors.New("axon: external IP not found")

// ipSources are the services that the SDK asks, in its order.
var ipSources = [...]struct {
	url  string
	read func(*http.Response, []byte) string
}{
	{"https://checkip.amazonaws.com", plainIP},
	{"https://ifconfig.me/ip", plainIP},
	{"https://ipinfo.io", jsonIP},
	{"https://myip.dnsomatic.com", plainIP},
	{"https://ident.me", plainIP},
	{"https://www.wikipedia.org", headerIP},
}

func plainIP(_ *http.Response, body []byte) string { return strings.TrimSpace(string(body)) }

func jsonIP(_ *http.Response, body []byte) string {
	var answer struct {
		IP string `json:"ip"`
	}
	_ = json.Unmarshal(body, &answer) // without an answer there is no address
	return answer.IP
}

func headerIP(response *http.Response, _ []byte) string { return response.Header.Get("X-Client-IP") }

// patience is how long one of the services may take.
const patience = 5 * time.Second

// DiscoverIP asks public services for the address from which they see us, one
// after the other until one answers with an address. A nil client is
// http.DefaultClient.
func DiscoverIP(ctx context.Context, client *http.Client) (netip.Addr, error) {
	if client == nil {
		client = http.DefaultClient
	}
	failures := []error{ErrIPNotFound}
	for _, source := range ipSources {
		ip, err := askIP(ctx, client, source.url, source.read)
		if err == nil {
			return ip, nil
		}
		failures = append(failures, fmt.Errorf("%s: %w", source.url, err))
		if ctx.Err() != nil {
			break
		}
	}
	return netip.Addr{}, errors.Join(failures...)
}

func askIP(ctx context.Context, client *http.Client, url string, read func(*http.Response, []byte) string) (netip.Addr, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return netip.Addr{}, err
	}
	response, err := client.Do(request)
	if err != nil {
		return netip.Addr{}, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 64<<10))
	if err != nil {
		return netip.Addr{}, err
	}
	if response.StatusCode != http.StatusOK {
		return netip.Addr{}, fmt.Errorf("status %d", response.StatusCode)
	}
	ip, err := netip.ParseAddr(read(response, body))
	if err != nil {
		return netip.Addr{}, errors.New("the answer is no address")
	}
	return ip.Unmap(), nil
}
