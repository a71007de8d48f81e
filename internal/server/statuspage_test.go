package server

import (
	"crypto/sha256"
	"encoding/base64"
	"regexp"
	"strings"
	"testing"
)

func TestStatusPageIsOneFile(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	for _, path := range []string{"/", "", "//"} {
		got := f.ask(t, path)
		wantHeader(t, got, "Content-Type", "text/html; charset=utf-8")
		if got.Code != 200 || got.Body.Len() < 10_000 {
			t.Fatalf("%q: %d, %d bytes", path, got.Code, got.Body.Len())
		}
	}
	got := f.ask(t, "/")
	page, policy := got.Body.String(), got.Header().Get("Content-Security-Policy")
	// A browser runs what the policy names by its hash, and nothing else.
	for tag, directive := range map[string]string{"script": "script-src", "style": "style-src"} {
		inline := regexp.MustCompile(`(?s)<`+tag+`>(.*?)</`+tag+`>`).FindAllStringSubmatch(page, -1)
		if len(inline) != 1 {
			t.Fatalf("%d inline texts of kind %s", len(inline), tag)
		}
		sum := sha256.Sum256([]byte(inline[0][1]))
		if source := directive + " 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"; !strings.Contains(policy, source) {
			t.Errorf("the policy %q does not have %q", policy, source)
		}
	}
	for _, unsafe := range []string{"unsafe-inline", "unsafe-eval", "*", "http:", "https:"} {
		if strings.Contains(policy, unsafe) {
			t.Errorf("the policy has %q", unsafe)
		}
	}
	withoutNamespace := strings.ReplaceAll(page, "http://www.w3.org/2000/svg", "")
	if other := regexp.MustCompile(`//[a-z0-9-]+\.[a-z]`).FindString(withoutNamespace); other != "" {
		t.Errorf("the page names another host: %s", other)
	}
	if handler := regexp.MustCompile(`<[^>]* (on[a-z]+|style)=`).FindString(page); handler != "" {
		t.Errorf("the policy forbids %s", handler)
	}
	if strings.Contains(page, "innerHTML") || strings.Contains(page, "insertAdjacentHTML") || strings.Contains(page, "document.write") {
		t.Error("the page makes markup of data")
	}
	for _, link := range regexp.MustCompile(`href="(/[^"]*)"`).FindAllStringSubmatch(page, -1) {
		if target := f.ask(t, link[1]); target.Code != 200 {
			t.Errorf("the page links to %s: %d", link[1], target.Code)
		}
	}
	for _, secret := range []string{openToken, sn1Token, "sn1"} {
		if strings.Contains(page, secret) {
			t.Errorf("the page holds %q", secret)
		}
	}
	none := newFixture(t, func(c *Config) { c.Status = nil })
	wantProblem(t, none.ask(t, "/"), 404, "Not Found")
}
